"""From a request to Forge's txt2img payload: each name in the server's spelling, or refused."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from stablequeue_core.backends.base import Prepared
from stablequeue_core.backends.forge.names import ServerNames
from stablequeue_core.generation import (
    GenerationRequest,
    HiresFix,
    with_lora_names,
    with_plain_lora_tags,
)
from stablequeue_core.models import Resolution
from stablequeue_core.models.digests import AUTOV2_CHARS
from stablequeue_core.servers import ListedCheckpoint

DEFAULT_SAMPLER = "Euler"
"""What the server takes when it is told nothing; we say it, so that it can be proved."""

AUTOMATIC = "Automatic"
SAME_MODULES = ["Use same choices"]


def prepare(request: GenerationRequest, names: ServerNames) -> Prepared:
    """Put ``request`` into the words of the server that knows ``names``.

    Raises:
        NotOnServer: the server lacks something.
        AmbiguousName: the name of a checkpoint or LoRA fits several files.
    """
    return _Writer(request, names).prepared()


class _Writer:
    """Writes one payload, and remembers what the answer must prove."""

    def __init__(self, request: GenerationRequest, names: ServerNames) -> None:
        self._request = request
        self._names = names
        self._asked: dict[str, Any] = {}
        self._resolutions: list[str] = []
        self._loras: dict[str, str] = {}

    def prepared(self) -> Prepared:
        request = self._request
        overrides = self._overrides()
        self._loras = self._lora_names()
        payload: dict[str, Any] = {
            **request.passthrough,
            "prompt": self._prompt(request.positive_prompt),
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
            "override_settings": overrides,
            # True would switch the checkpoint back after each job: every switch would cost twice.
            "override_settings_restore_afterwards": False,
            "send_images": True,
        }
        self._sampling(payload)
        self._refiner(payload)
        if request.hires:
            self._second_pass(payload, request.hires)
        if request.loras:
            names = [self._loras[lora.name] for lora in request.loras]
            self._asked["loras"] = list(dict.fromkeys(names))
        return Prepared(
            payload=payload,
            asked=self._asked,
            resolutions=tuple(self._resolutions),
            picture_count=request.picture_count,
        )

    def _overrides(self) -> dict[str, Any]:
        overrides = dict(self._request.override_settings)
        if self._request.checkpoint:
            found = self._checkpoint(self._request.checkpoint)
            overrides["sd_model_checkpoint"] = found.checkpoint.name
            self._asked["checkpoint"] = _with_users_hash(found)
        if self._request.modules:
            modules = [self._names.module(name) for name in self._request.modules]
            overrides["forge_additional_modules"] = self._asked["modules"] = modules
        return overrides

    def _checkpoint(self, wanted: str) -> Resolution:
        """The checkpoint; what is sent is its ``name``, which is without a hash.

        So it is known before and after the first load; with its hash, a server that has not hashed
        the file yet would silently take another.
        """
        found = self._names.checkpoint(wanted)
        self._resolutions.append(f"{wanted} → {found.checkpoint.name} ({found.reason})")
        return found

    def _sampling(self, payload: dict[str, Any]) -> None:
        sampler, scheduler = None, None
        wanted = self._request.sampler
        if wanted or self._names.has_sampler(DEFAULT_SAMPLER):
            sampler, scheduler = self._names.sampler(wanted or DEFAULT_SAMPLER)
            payload["sampler_name"] = self._asked["sampler"] = sampler
        if self._request.scheduler:
            scheduler = self._names.scheduler(self._request.scheduler)
        payload["scheduler"] = scheduler or AUTOMATIC
        if scheduler and scheduler != AUTOMATIC:
            self._asked["scheduler"] = scheduler

    def _refiner(self, payload: dict[str, Any]) -> None:
        if self._request.refiner:
            payload["refiner_checkpoint"] = self._checkpoint(self._request.refiner).checkpoint.name
            payload["refiner_switch_at"] = self._request.refiner_switch_at

    def _second_pass(self, payload: dict[str, Any], hires: HiresFix) -> None:
        payload["enable_hr"] = True
        payload["hr_scale"] = hires.scale
        payload["denoising_strength"] = hires.denoising_strength
        # Without it Forge fails after the first pass: 'NoneType' is not iterable.
        modules = [self._names.module(name) for name in hires.modules]
        payload["hr_additional_modules"] = modules or SAME_MODULES
        if hires.prompt:
            payload["hr_prompt"] = self._prompt(hires.prompt)
        if hires.upscaler:
            payload["hr_upscaler"] = self._names.upscaler(hires.upscaler)
        if hires.checkpoint:
            payload["hr_checkpoint_name"] = self._checkpoint(hires.checkpoint).checkpoint.name
        scheduler = None
        if hires.sampler:
            payload["hr_sampler_name"], scheduler = self._names.sampler(hires.sampler)
        if hires.scheduler:
            scheduler = self._names.scheduler(hires.scheduler)
        if scheduler:
            payload["hr_scheduler"] = scheduler

    def _lora_names(self) -> dict[str, str]:
        """For each name in the prompts, the one that the server knows the LoRA by."""
        found = {name: self._names.lora(name) for name in self._request.requirements.loras}
        for wanted, name in found.items():
            if wanted != name:
                self._resolutions.append(f"{wanted} → {name} (same file)")
        return found

    def _prompt(self, prompt: str) -> str:
        return with_lora_names(with_plain_lora_tags(prompt), self._loras)


def _with_users_hash(found: Resolution) -> ListedCheckpoint:
    """While the server has not hashed the file, the user's hash is what its own must turn out."""
    checkpoint, digest = found.checkpoint, found.digest
    if not digest or checkpoint.shorthash:
        return checkpoint
    short = digest[:AUTOV2_CHARS]
    return evolve(checkpoint, title=f"{checkpoint.name} [{short}]", shorthash=short)
