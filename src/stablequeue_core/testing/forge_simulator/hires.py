"""The second, larger pass of a txt2img request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from stablequeue_core.testing.forge_simulator.exchange import JobError
from stablequeue_core.testing.forge_simulator.names import Checkpoint, CheckpointTable
from stablequeue_core.testing.forge_simulator.recorded import recorded

_LATENT_UPSCALERS = {
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
}


def missing_checkpoint(name: str) -> JobError:
    """What Forge says when it cannot find a refiner or a checkpoint for the second pass."""
    return JobError("Exception", f"Could not find checkpoint with name {name}")


@frozen(kw_only=True)
class Hires:
    """The second pass.

    Attributes:
        has_modules: without ``hr_additional_modules`` the job fails after its first pass.
        params: what it adds to ``extra_generation_params``.
    """

    width: int
    height: int
    steps: int
    has_modules: bool
    params: Mapping[str, Any]


def plan(fields: Mapping[str, Any], model: Checkpoint, checkpoints: CheckpointTable) -> Hires:
    """The second pass for a request.

    Raises:
        JobError: its checkpoint or its upscaler is unknown.
    """
    params: dict[str, Any] = {"Denoising strength": fields["denoising_strength"]}
    for number, module in enumerate(fields["hr_additional_modules"] or [], start=1):
        params[f"Hires Module {number}"] = module
    name = fields["hr_checkpoint_name"]
    if name and name != "Use same checkpoint":
        other = checkpoints.nearest(name)
        if other is None:
            raise missing_checkpoint(name)
        params["Hires checkpoint"] = other.short_title
    sampler = fields["hr_sampler_name"]
    if sampler is not None and sampler != (fields["sampler_name"] or fields["sampler_index"]):
        params["Hires sampler"] = sampler
    # Forge computes these three while it writes an infotext; its JSON shows null.
    params |= {"Hires prompt": None, "Hires negative prompt": None}
    params["Hires CFG Scale"] = fields["hr_cfg"]
    params["Hires Distilled CFG Scale"] = fields["hr_distilled_cfg"] if model.distilled else None
    params["Hires schedule type"] = None
    upscaler = fields["hr_upscaler"]
    known = _LATENT_UPSCALERS | {one["name"] for one in recorded("upscalers")}
    if upscaler is not None and upscaler not in known:
        raise JobError("Exception", f"could not find upscaler named {upscaler}")
    width, height = _target(fields, params)
    if fields["hr_second_pass_steps"]:
        params["Hires steps"] = fields["hr_second_pass_steps"]
    if upscaler is not None:
        params["Hires upscaler"] = upscaler
    return Hires(
        width=width,
        height=height,
        steps=fields["hr_second_pass_steps"] or fields["steps"],
        has_modules=fields["hr_additional_modules"] is not None,
        params=params,
    )


def _target(fields: Mapping[str, Any], params: dict[str, Any]) -> tuple[int, int]:
    width, height = fields["width"], fields["height"]
    to_x, to_y = fields["hr_resize_x"], fields["hr_resize_y"]
    if not to_x and not to_y:
        params["Hires upscale"] = fields["hr_scale"]
        return int(width * fields["hr_scale"]), int(height * fields["hr_scale"])
    params["Hires resize"] = f"{to_x}x{to_y}"
    return to_x or to_y * width // height, to_y or to_x * height // width
