"""From a request to Forge's txt2img payload: each name in the server's spelling, or refused."""

from __future__ import annotations

from typing import Any

from stablequeue_core.backends.base import Prepared
from stablequeue_core.backends.forge.names import ServerNames
from stablequeue_core.generation import GenerationRequest, HiresFix
from stablequeue_core.servers import ListedCheckpoint

DEFAULT_SAMPLER = "Euler"
"""What the server takes when it is told nothing; we say it, so that it can be proved."""

AUTOMATIC = "Automatic"
SAME_MODULES = ["Use same choices"]
SAME_CHECKPOINT = "Use same checkpoint"


def prepare(request: GenerationRequest, names: ServerNames) -> Prepared:
    """Put ``request`` into the words of the server that knows ``names``.

    Raises:
        NotOnServer: the server lacks something.
        AmbiguousName: a checkpoint's name fits several files.
    """
    return _Writer(request, names).prepared()


class _Writer:
    """Writes one payload, and remembers what the answer must prove."""

    def __init__(self, request: GenerationRequest, names: ServerNames) -> None:
        self._request = request
        self._names = names
        self._asked: dict[str, Any] = {}
        self._resolutions: list[str] = []

    def prepared(self) -> Prepared:
        request = self._request
        payload: dict[str, Any] = {
            **request.passthrough,
            "prompt": request.positive_prompt,
            "negative_prompt": request.negative_prompt,
            "width": request.width,
            "height": request.height,
            "steps": request.steps,
            "cfg_scale": request.cfg_scale,
            "seed": request.seed,
            "subseed": request.subseed,
            "n_iter": request.images,
            "batch_size": request.batch_size,
            "restore_faces": request.restore_faces,
            "override_settings": self._overrides(),
            # True would switch the checkpoint back after each job: every switch would cost twice.
            "override_settings_restore_afterwards": False,
            "send_images": True,
        }
        self._sampling(payload)
        self._refiner(payload)
        if request.hires:
            self._second_pass(payload, request.hires)
        self._loras()
        return Prepared(
            payload=payload,
            asked=self._asked,
            resolutions=tuple(self._resolutions),
            picture_count=request.picture_count,
        )

    def _overrides(self) -> dict[str, Any]:
        overrides = dict(self._request.override_settings)
        if self._request.checkpoint:
            checkpoint = self._checkpoint(self._request.checkpoint)
            overrides["sd_model_checkpoint"] = checkpoint.name
            self._asked["checkpoint"] = checkpoint
        if self._request.modules:
            overrides["forge_additional_modules"] = [
                self._names.module(name) for name in self._request.modules
            ]
        return overrides

    def _checkpoint(self, wanted: str) -> ListedCheckpoint:
        """The checkpoint; what is sent is its ``name``, which is without a hash.

        So it is known before and after the first load; with its hash, a server that has not hashed
        the file yet would silently take another.
        """
        resolution = self._names.checkpoint(wanted)
        name = resolution.checkpoint.name
        self._resolutions.append(f"{wanted} → {name} ({resolution.reason})")
        return resolution.checkpoint

    def _sampling(self, payload: dict[str, Any]) -> None:
        sampler, scheduler = self._names.sampler(self._request.sampler or DEFAULT_SAMPLER)
        if self._request.scheduler:
            scheduler = self._names.scheduler(self._request.scheduler)
        payload["sampler_name"] = self._asked["sampler"] = sampler
        payload["scheduler"] = scheduler or AUTOMATIC
        if scheduler and scheduler != AUTOMATIC:
            self._asked["scheduler"] = scheduler

    def _refiner(self, payload: dict[str, Any]) -> None:
        if self._request.refiner:
            payload["refiner_checkpoint"] = self._checkpoint(self._request.refiner).name
            payload["refiner_switch_at"] = self._request.refiner_switch_at

    def _second_pass(self, payload: dict[str, Any], hires: HiresFix) -> None:
        payload["enable_hr"] = True
        payload["hr_scale"] = hires.scale
        payload["denoising_strength"] = hires.denoising_strength
        # Without it Forge fails after the first pass: 'NoneType' is not iterable.
        payload.setdefault("hr_additional_modules", SAME_MODULES)
        if hires.upscaler:
            payload["hr_upscaler"] = self._names.upscaler(hires.upscaler)
        if hires.checkpoint and hires.checkpoint != SAME_CHECKPOINT:
            payload["hr_checkpoint_name"] = self._checkpoint(hires.checkpoint).name

    def _loras(self) -> None:
        if self._request.passthrough.get("disable_extra_networks"):
            return
        for lora in self._request.loras:
            self._names.lora(lora.name)
        proved = [lora.name for lora in self._request.loras if lora.weight]
        if proved:
            self._asked["loras"] = proved
