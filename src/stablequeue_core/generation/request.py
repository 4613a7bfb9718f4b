"""What to make: the checked form of a job's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from stablequeue_core.generation.prompt import LoraMention, loras_in

RANDOM_SEED = -1


@frozen(kw_only=True)
class HiresFix:
    """A second pass at a larger size.

    Attributes:
        upscaler: its name, None leaves the choice to the server.
        scale: factor on width and height.
        denoising_strength: from 0 to 1.
        checkpoint: another checkpoint for the second pass, None keeps the first.
    """

    upscaler: str | None = None
    scale: float = 2.0
    denoising_strength: float = 0.7
    checkpoint: str | None = None


@frozen(kw_only=True)
class Requirements:
    """What a server must have to run a job, by the names that the user gave."""

    checkpoints: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()
    upscalers: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


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

    @property
    def picture_count(self) -> int:
        """How many pictures the server must answer with."""
        return self.images * self.batch_size

    @property
    def loras(self) -> tuple[LoraMention, ...]:
        """The LoRAs that the positive prompt names; Forge reads none from the negative one."""
        return loras_in(self.positive_prompt)

    @property
    def pixel_steps(self) -> float:
        """Work to do, in megapixel-steps over all pictures: what time-outs grow with."""
        first = self.width * self.height
        second = first * self.hires.scale**2 if self.hires else 0.0
        return (first + second) * self.steps * self.picture_count / 1e6

    @property
    def requirements(self) -> Requirements:
        """What a server must have to run this."""
        hires = self.hires
        checkpoints = (self.checkpoint, self.refiner, hires.checkpoint if hires else None)
        return Requirements(
            checkpoints=tuple(name for name in checkpoints if name),
            loras=tuple(lora.name for lora in self.loras),
            samplers=(self.sampler,) if self.sampler else (),
            schedulers=(self.scheduler,) if self.scheduler else (),
            upscalers=(hires.upscaler,) if hires and hires.upscaler else (),
            modules=self.modules,
        )
