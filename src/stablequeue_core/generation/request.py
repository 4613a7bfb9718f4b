"""What to make: the checked form of a job's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from attrs import evolve, field, frozen

from stablequeue_core.generation.prompt import LoraMention, loras_in

RANDOM_SEED = -1


class OnMissingModel(StrEnum):
    """What becomes of a job that names a model which no server has."""

    FAIL = "fail"
    DOWNLOAD = "download"


@frozen(kw_only=True)
class HiresFix:
    """A second pass at a larger size.

    Attributes:
        upscaler: its name, None leaves the choice to the server.
        scale: factor on width and height.
        denoising_strength: from 0 to 1.
        checkpoint, sampler, scheduler: others for the second pass, None keeps those of the first.
        modules: other VAEs and text encoders; none keeps those of the first.
        prompt: another prompt, empty keeps the first.
    """

    upscaler: str | None = None
    scale: float = 2.0
    denoising_strength: float = 0.7
    checkpoint: str | None = None
    sampler: str | None = None
    scheduler: str | None = None
    modules: tuple[str, ...] = ()
    prompt: str = ""


NO_SECOND_PASS = HiresFix()


@frozen(kw_only=True)
class Requirements:
    """What a server must have to run a job, by the names that the user gave.

    Attributes:
        may_fetch: whether a model that no server has may be downloaded for the job.
    """

    checkpoints: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()
    upscalers: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    may_fetch: bool = False


NOTHING_REQUIRED = Requirements()


@frozen(kw_only=True)
class GenerationRequest:
    """What to make: typed, complete and in range. Made by :func:`~.params.parse_params` only.

    Attributes:
        width, height: of the first pass, in pixels.
        images: how many pictures, one after the other (``n_iter``).
        batch_size: how many at once, each time.
        seed, subseed: -1 means: draw one when the job first starts.
        scheduler: the server's name or label; None leaves it ``Automatic``.
        passthrough: fields of the server's own schema, sent unchanged.
        ignored: keys that mean nothing to us or to the server; kept with the job, not sent.
        on_missing_model: what to do about a model that no server has.
        model_sources: where a model can be had (an AIR, an address at Civitai or the number of a
            version), by its name as the job says it.
        allow_smaller_batch: whether a server that runs out of memory may make fewer at once.
    """

    positive_prompt: str
    negative_prompt: str = ""
    checkpoint: str | None = None
    width: int = 512
    height: int = 512
    steps: int = 20
    cfg_scale: float = 7.0
    sampler: str | None = None
    scheduler: str | None = None
    seed: int = RANDOM_SEED
    subseed: int = RANDOM_SEED
    images: int = 1
    batch_size: int = 1
    restore_faces: bool = False
    hires: HiresFix | None = None
    refiner: str | None = None
    refiner_switch_at: float = 0.8
    override_settings: Mapping[str, Any] = field(factory=dict)
    modules: tuple[str, ...] = ()
    passthrough: Mapping[str, Any] = field(factory=dict)
    ignored: tuple[str, ...] = ()
    on_missing_model: OnMissingModel = OnMissingModel.FAIL
    model_sources: Mapping[str, str] = field(factory=dict)
    allow_smaller_batch: bool = False

    @property
    def picture_count(self) -> int:
        """How many pictures the server must answer with."""
        return self.images * self.batch_size

    def in_smaller_batches(self, times: int = 1) -> GenerationRequest:
        """The same pictures, fewer at once: half as many (or the next that divides), so often.

        A server counts seeds up over all pictures of a job, so it does not matter how they are
        parted: the seventh has seed + 6 in any case.

        Example:
            >>> request = GenerationRequest(positive_prompt="x", images=1, batch_size=6)
            >>> [(r.images, r.batch_size) for r in map(request.in_smaller_batches, (0, 1, 2, 3))]
            [(1, 6), (2, 3), (6, 1), (6, 1)]
        """
        at_once = self.batch_size
        for _ in range(times):
            at_once = next((n for n in range(at_once // 2, 0, -1) if at_once % n == 0), 1)
        return evolve(self, batch_size=at_once, images=self.images * (self.batch_size // at_once))

    @property
    def loras(self) -> tuple[LoraMention, ...]:
        """The LoRAs of the first pass; Forge reads none from the negative prompt."""
        return () if self._networks_are_off else loras_in(self.positive_prompt)

    @property
    def pixel_steps(self) -> float:
        """Work to do, in megapixel-steps over all pictures: what time-outs grow with."""
        first = self.width * self.height
        return (first + self._second_pass_pixels) * self.steps * self.picture_count / 1e6

    @property
    def _second_pass_pixels(self) -> float:
        """By its scale, unless the job names a size; a side of 0 follows from the other one."""
        if self.hires is None:
            return 0.0
        wide, high = (_side(self.passthrough.get(key)) for key in ("hr_resize_x", "hr_resize_y"))
        if not wide and not high:
            return self.width * self.height * self.hires.scale**2
        ratio = self.width / self.height
        return (wide or high * ratio) * (high or wide / ratio)

    @property
    def requirements(self) -> Requirements:
        """What a server must have to run this: every name that running it looks up."""
        second = self.hires or NO_SECOND_PASS
        loras = [lora.name for lora in self.loras]
        if not self._networks_are_off:
            loras += [lora.name for lora in loras_in(second.prompt)]
        return Requirements(
            checkpoints=_named(self.checkpoint, self.refiner, second.checkpoint),
            loras=_named(*loras),
            samplers=_named(self.sampler, second.sampler),
            schedulers=_named(self.scheduler, second.scheduler),
            upscalers=_named(second.upscaler),
            modules=_named(*self.modules, *second.modules),
            may_fetch=self.on_missing_model is OnMissingModel.DOWNLOAD,
        )

    @property
    def _networks_are_off(self) -> bool:
        return bool(self.passthrough.get("disable_extra_networks"))


def _side(given: object) -> float:
    """A length in pixels as the server's schema has it; 0 for anything else."""
    return float(given) if isinstance(given, int) and given > 0 else 0.0


def _named(*names: str | None) -> tuple[str, ...]:
    """Those that are there, each once."""
    return tuple([name for name in dict.fromkeys(names) if name is not None])
