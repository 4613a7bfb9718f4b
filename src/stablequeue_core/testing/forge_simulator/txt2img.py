"""The journey of one txt2img request through the server, quirks included."""

from __future__ import annotations

import re
from typing import Any

from PIL import Image

from stablequeue_core.testing.forge_simulator.diary import RenderedPicture
from stablequeue_core.testing.forge_simulator.engine import Job, Killed
from stablequeue_core.testing.forge_simulator.exchange import JobError
from stablequeue_core.testing.forge_simulator.faults import Fault, ScriptedFault, out_of_memory
from stablequeue_core.testing.forge_simulator.hires import Hires, missing_checkpoint, plan
from stablequeue_core.testing.forge_simulator.names import Checkpoint
from stablequeue_core.testing.forge_simulator.pictures import fingerprint, grid, paint
from stablequeue_core.testing.forge_simulator.processed import Processed
from stablequeue_core.testing.forge_simulator.sampling import choose, effective_scheduler
from stablequeue_core.testing.forge_simulator.studio import Studio

_LORA_TAG = re.compile(r"<lora:([^:>]+)[^>]*>")
_NO_REFINER = (None, "", "None", "none")
_NEVER_NULL = ("width", "height", "steps", "batch_size", "n_iter", "cfg_scale")
_MOST_PIXELS = 64 * 1024 * 1024
_HIGHEST_SEED = 2**32 - 3


class Txt2ImgRun:
    """One run, from the override of options to the pictures."""

    def __init__(
        self,
        studio: Studio,
        fields: dict[str, Any],
        *,
        task_id: str,
        job: Job,
        fault: ScriptedFault | None,
    ) -> None:
        self._studio = studio
        self._fields = fields
        self._task_id = task_id
        self._job = job
        self._fault = fault
        self._had_unloaded = studio.memory.is_clean
        studio.memory.is_clean = False

    def process(self) -> Processed:
        """Override options, load the model, paint, and put back what Forge puts back.

        Raises:
            JobError: Forge would raise a Python exception.
        """
        overrides = dict(self._fields["override_settings"] or {})
        to_restore = self._studio.options.to_restore(overrides)
        if self._studio.checkpoints.find(overrides.get("sd_model_checkpoint")) is None:
            # The whole of Forge's check: an unknown checkpoint is dropped without a word.
            overrides.pop("sd_model_checkpoint", None)
        try:
            self._studio.set_options(overrides)
            return self._paint_with(self._model())
        finally:
            if self._fields["override_settings_restore_afterwards"] and not self._job.lost:
                self._studio.set_options(to_restore)

    def _model(self) -> Checkpoint:
        studio = self._studio
        wanted = studio.checkpoints.chosen(studio.options["sd_model_checkpoint"])
        if self._struck_by(Fault.WRONG_MODEL):
            loaded = studio.loader.loaded
            is_right = loaded is None or loaded is wanted
            wanted = studio.checkpoints.another_than(wanted) if is_right else loaded
        if self._struck_by(Fault.CANNOT_LOAD):
            raise studio.loader.fail()
        return studio.loader.ensure(wanted, studio.options["forge_additional_modules"], self._job)

    def _paint_with(self, model: Checkpoint) -> Processed:
        fields, studio = self._fields, self._studio
        self._check()
        sampler, scheduler = choose(
            fields["sampler_name"] or fields["sampler_index"], fields["scheduler"]
        )
        seed, subseed = self._fixed(fields["seed"]), self._fixed(fields["subseed"])
        processed = Processed(
            fields=fields,
            model=model,
            sampler=sampler,
            scheduler=scheduler,
            seed=seed,
            subseed=subseed,
            clip_skip=studio.options.number("CLIP_stop_at_last_layers"),
            modules=[
                studio.modules.label(name) for name in studio.options["forge_additional_modules"]
            ],
            timestamp=self._job.timestamp,
        )
        hires = plan(fields, model, studio.checkpoints) if fields["enable_hr"] else None
        if hires is not None:
            processed.extra_params.update(hires.params)
        iterations = fields["n_iter"]
        self._job.count(iterations * (1 if hires is None else 2))
        for iteration in range(iterations):
            name = f"Batch {iteration + 1} out of {iterations}" if iterations > 1 else None
            if not self._job.begin_iteration(name):
                break
            self._paint_batch(iteration, processed, hires)
        processed.complete()
        if fields["save_images"]:
            # Pictures that Forge also saves carry a hidden copy of their infotext as alpha.
            processed.images = [image.convert("RGBA") for image in processed.images]
            if len(processed.images) > 1:
                processed.prepend_grid(grid(processed.images))
        return processed

    def _check(self) -> None:
        fields = self._fields
        if fields["prompt"] is None:
            raise JobError("AssertionError", "")
        if any(fields[name] is None for name in _NEVER_NULL):
            raise JobError("TypeError", "unsupported operand type(s) for //: 'NoneType' and 'int'")
        if fields["refiner_checkpoint"] not in _NO_REFINER and (
            self._studio.checkpoints.nearest(fields["refiner_checkpoint"]) is None
        ):
            raise missing_checkpoint(fields["refiner_checkpoint"])
        if fields["batch_size"] <= 0 or fields["n_iter"] <= 0:
            raise JobError("IndexError", "list index out of range")

    def _check_sizes(self, width: int, height: int) -> None:
        if self._fields["steps"] == 0:
            raise JobError("ZeroDivisionError", "integer division or modulo by zero")
        if self._fields["steps"] < 0:
            raise JobError("RuntimeError", "number of steps must be non-negative")
        rows, columns = height // 8, width // 8
        if width < 0 or height < 0:
            shape = f"[1, 4, {rows}, {columns}]"
            raise JobError(
                "RuntimeError",
                f"Trying to create tensor with negative dimension {min(rows, columns)}: {shape}",
            )
        if min(width, height) < 16:
            raise JobError(
                "RuntimeError",
                f"Calculated padded input size per channel: ({rows + 2} x {columns + 2}). "
                "Kernel size: (3 x 3). Kernel size can't be greater than actual input size",
            )
        if width * height > _MOST_PIXELS:
            raise out_of_memory()

    def _paint_batch(self, iteration: int, processed: Processed, hires: Hires | None) -> None:
        fields, job = self._fields, self._job
        width, height = fields["width"], fields["height"]
        self._check_sizes(width, height)
        loras = self._active_loras(processed)
        finished = self._sample(fields["steps"])
        label = effective_scheduler(processed.sampler, processed.scheduler)
        if label is not None:
            processed.extra_params["Schedule type"] = label
        if hires is not None:
            job.next_pass()
            if not hires.has_modules:
                raise JobError("TypeError", "argument of type 'NoneType' is not iterable")
            if not job.interrupted:
                width, height = hires.width, hires.height
                self._check_sizes(width, height)
                finished = self._sample(hires.steps) and finished
        for place in range(fields["batch_size"]):
            number = iteration * fields["batch_size"] + place
            picture = self._paint(processed, number, (width, height), loras, finished)
            processed.add(picture, number)
        job.next_pass()

    def _paint(
        self,
        processed: Processed,
        number: int,
        size: tuple[int, int],
        loras: tuple[str, ...],
        finished: bool,
    ) -> Image.Image:
        fields = self._fields
        seed = processed.seeds[number]
        look = fingerprint(
            processed.model.path,
            fields["prompt"],
            fields["negative_prompt"],
            seed,
            fields["steps"],
            fields["cfg_scale"],
            processed.sampler,
            processed.scheduler,
            processed.modules,
            loras,
        )
        self._studio.rendered(
            RenderedPicture(
                task_id=self._task_id,
                checkpoint=processed.model.name,
                seed=seed,
                prompt=fields["prompt"],
                width=size[0],
                height=size[1],
                loras=loras,
                finished=finished,
            )
        )
        return paint(look, *size, finished=finished)

    def _active_loras(self, processed: Processed) -> tuple[str, ...]:
        wanted = _LORA_TAG.findall(self._fields["prompt"])
        if not wanted or self._fields["disable_extra_networks"]:
            return ()
        found = self._studio.loras.find_all(wanted)
        if found is None:
            # One missing LoRA makes the loader raise, and Forge goes on without any.
            return ()
        hashes = {name: file.short_hash for name, file in zip(wanted, found, strict=True)}
        processed.extra_params["Lora hashes"] = ", ".join(f"{n}: {h}" for n, h in hashes.items())
        return tuple(wanted)

    def _sample(self, steps: int) -> bool:
        return self._job.sample(steps, self._studio.costs.seconds_per_step, self._strike)

    def _strike(self, step: int) -> None:
        if self._fault is None or step != self._fault.at_step:
            return
        if self._struck_by(Fault.FOREIGN_INTERRUPT):
            self._job.interrupt()
        elif self._struck_by(Fault.DIE):
            raise Killed
        elif self._memory_is_full:
            raise out_of_memory()

    @property
    def _memory_is_full(self) -> bool:
        fault = self._fault
        return fault is not None and (
            fault.fault is Fault.OUT_OF_MEMORY
            or (fault.fault is Fault.MEMORY_FULL and not self._had_unloaded)
            or (
                fault.fault is Fault.BATCH_TOO_LARGE
                and self._fields["batch_size"] > fault.largest_batch
            )
        )

    def _struck_by(self, fault: Fault) -> bool:
        return self._fault is not None and self._fault.fault is fault

    def _fixed(self, seed: int | None) -> int:
        return self._studio.dice.randint(0, _HIGHEST_SEED) if seed in (None, -1) else int(seed or 0)
