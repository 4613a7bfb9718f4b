"""From a user's dictionary to a checked request; all bad fields are found before any is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from stablequeue_core.errors import FieldProblem, InvalidParams
from stablequeue_core.generation.fields import (
    CFG_SCALES,
    FRACTIONS,
    HIRES_SCALES,
    SIDES,
    STEPS,
    FieldReader,
    fields_read_by,
)
from stablequeue_core.generation.infotext import GENERATION_INFO, reader_with_infotext
from stablequeue_core.generation.model_sources import model_sources
from stablequeue_core.generation.plain_json import unfit_for_json
from stablequeue_core.generation.prompt import ill_weighted_loras_in
from stablequeue_core.generation.request import GenerationRequest, HiresFix, OnMissingModel

QUALITY_PRESETS = frozenset({"balanced", "speed", "quality", "automatic"})
"""Words of ``scheduler_or_quality_preset`` that leave the scheduler to the server."""

KEPT_NOT_SENT = frozenset({"style_preset", "sampling_category"})

OURS = {
    "force_task_id": "StableQueue names the task itself, to follow its progress",
    "override_settings_restore_afterwards": "StableQueue leaves the checkpoint loaded",
    "send_images": "StableQueue always asks for the pictures",
}

PASSED_THROUGH = frozenset(
    {
        "alwayson_scripts", "comments", "disable_extra_networks", "distilled_cfg_scale",
        "do_not_save_grid", "do_not_save_samples", "eta", "firstpass_image", "firstphase_height",
        "firstphase_width", "hr_cfg", "hr_distilled_cfg", "hr_negative_prompt", "hr_resize_x",
        "hr_resize_y", "hr_second_pass_steps", "infotext", "s_churn", "s_min_uncond", "s_noise",
        "s_tmax", "s_tmin", "save_images", "script_args", "script_name", "seed_resize_from_h",
        "seed_resize_from_w", "styles", "subseed_strength", "tiling",
    }
)  # fmt: skip
"""Fields of Forge's txt2img schema (f2.0.1v1.10.1) that name nothing a server may lack."""

SAME_CHECKPOINT = "Use same checkpoint"
SAME_SAMPLER = "Use same sampler"
SAME_SCHEDULER = "Use same scheduler"
SAME_MODULES = "Use same choices"

_WHOLE = "generation_params"
_INFOTEXT = "infotext"


@frozen(kw_only=True)
class ParamLimits:
    """How much one job may ask for.

    Attributes:
        max_images: pictures in one job, batches counted.
        max_prompt_chars: length of each prompt.
    """

    max_images: int = 16
    max_prompt_chars: int = 100_000


def parse_params(params: object, limits: ParamLimits) -> GenerationRequest:
    """Check ``params`` and put them into words of our own.

    Args:
        params: a JSON object as in the API document; see its table of parameters. What they do
            not say themselves is taken from the infotext in ``generation_info_raw``, if there is
            one; its keys that no parameter can say are among the request's ``ignored``.
        limits: how much one job may ask for.

    Raises:
        InvalidParams: lists every bad field, not only the first.

    Example:
        >>> parse_params({"positive_prompt": "a cat", "steps": 5}, ParamLimits()).steps
        5
    """
    if not isinstance(params, Mapping):
        raise InvalidParams([FieldProblem(_WHOLE, "must be a JSON object.")])
    problems = unfit_for_json(params, _WHOLE)
    ignored = _ignored(params)
    if GENERATION_INFO in params:
        reader, left_out = reader_with_infotext(params, limits.max_prompt_chars)
        ignored += tuple(f"{_INFOTEXT}: {key}" for key in left_out)
    else:
        reader = FieldReader(params)
    request = _read(reader, limits, ignored)
    told = {problem.path for problem in problems}
    problems += [problem for problem in reader.problems if problem.path not in told]
    if problems:
        raise InvalidParams(problems)
    return request


def _read(
    reader: FieldReader, limits: ParamLimits, ignored: tuple[str, ...] = ()
) -> GenerationRequest:
    _refuse_ours(reader)
    positive = _positive_prompt(reader, limits)
    overrides, checkpoint, modules = _overrides(reader)
    images, batch_size = _counts(reader, limits)
    samplers = reader.name("sampler_name"), reader.name("sampler_index")
    scheduler = reader.name("scheduler")
    preset = reader.name("scheduler_or_quality_preset")
    refiners = reader.name("refiner_model"), reader.name("refiner_checkpoint")
    return GenerationRequest(
        positive_prompt=positive,
        negative_prompt=reader.prompt("negative_prompt", limits.max_prompt_chars),
        checkpoint=checkpoint,
        width=reader.integer("width", *SIDES, default=512),
        height=reader.integer("height", *SIDES, default=512),
        steps=reader.integer("steps", *STEPS, default=20),
        cfg_scale=reader.number("cfg_scale", *CFG_SCALES, default=7.0),
        sampler=samplers[0] or samplers[1],
        scheduler=scheduler or (preset if preset and not _is_preset(preset) else None),
        seed=reader.seed("seed"),
        subseed=reader.seed("subseed"),
        images=images,
        batch_size=batch_size,
        restore_faces=reader.flag("restore_faces"),
        hires=None if HIRES.isdisjoint(reader.params) else _second_pass(reader, limits),
        refiner=refiners[0] or refiners[1],
        refiner_switch_at=reader.number("refiner_switch_at", *FRACTIONS, default=0.8),
        override_settings=overrides,
        modules=modules,
        passthrough=_passed_through(reader.params),
        ignored=ignored,
        on_missing_model=reader.choice("on_missing_model", OnMissingModel.FAIL),
        allow_smaller_batch=reader.flag("allow_smaller_batch"),
        model_sources=model_sources(reader),
    )


def _refuse_ours(reader: FieldReader) -> None:
    for key, reason in OURS.items():
        if reader.take(key) is not None:
            reader.problem(key, f"cannot be set: {reason}.")


def _positive_prompt(reader: FieldReader, limits: ParamLimits) -> str:
    text = reader.prompt("positive_prompt", limits.max_prompt_chars)
    has_servers_own_name = reader.take("prompt") is not None
    if "positive_prompt" not in reader.params:
        also = " (`prompt` is the server's own name for it)" if has_servers_own_name else ""
        reader.problem("positive_prompt", f"is required: name the prompt `positive_prompt`{also}.")
    elif has_servers_own_name:
        reader.problem("prompt", "say `positive_prompt` only.")
    _check_lora_weights(reader, "positive_prompt", text)
    return text


def _check_lora_weights(reader: FieldReader, key: str, prompt: str) -> None:
    """A weight that is no number would switch off every LoRA of the prompt, without a word."""
    if "<" in prompt and not reader.params.get("disable_extra_networks"):
        for name in ill_weighted_loras_in(prompt):
            reader.problem(key, f"gives the LoRA {name[:80]!r} a weight that is no number.")


def _counts(reader: FieldReader, limits: ParamLimits) -> tuple[int, int]:
    """How many pictures one after the other, and how many at once."""
    images = reader.optional_integer("num_images", 1, limits.max_images)
    iterations = reader.optional_integer("n_iter", 1, limits.max_images)
    if images is not None and iterations is not None and images != iterations:
        reader.problem("n_iter", "says the same as `num_images`; give one of them.")
    batch_size = reader.integer("batch_size", 1, limits.max_images, default=1)
    count = images or iterations or 1
    if count * batch_size > limits.max_images:
        reader.problem(
            "batch_size",
            f"{count} × {batch_size} pictures are more than the {limits.max_images} allowed.",
        )
    return count, batch_size


def _is_preset(text: str) -> bool:
    return text.strip().casefold() in QUALITY_PRESETS


def _second_pass(reader: FieldReader, limits: ParamLimits) -> HiresFix | None:
    wanted = [reader.flag("enable_hires_fix"), reader.flag("enable_hr")]
    upscalers = reader.name("upscaler_model"), reader.name("hr_upscaler")
    modules = reader.names("hr_additional_modules", reader.take("hr_additional_modules"))
    hires = HiresFix(
        upscaler=upscalers[0] or upscalers[1],
        scale=reader.number("hr_scale", *HIRES_SCALES, default=2.0),
        denoising_strength=reader.number("denoising_strength", *FRACTIONS, default=0.7),
        checkpoint=reader.name("hr_checkpoint_name", none=(SAME_CHECKPOINT,)),
        sampler=reader.name("hr_sampler_name", none=(SAME_SAMPLER,)),
        scheduler=reader.name("hr_scheduler", none=(SAME_SCHEDULER,)),
        modules=() if SAME_MODULES in modules else modules,
        prompt=reader.prompt("hr_prompt", limits.max_prompt_chars),
    )
    _check_lora_weights(reader, "hr_prompt", hires.prompt)
    return hires if any(wanted) else None


def _overrides(reader: FieldReader) -> tuple[dict[str, Any], str | None, tuple[str, ...]]:
    """The override settings, less the two of which the names must be resolved."""
    given = reader.take("override_settings")
    checkpoint = reader.name("checkpoint_name")
    if given is None:
        return {}, checkpoint, ()
    if not isinstance(given, Mapping):
        reader.problem("override_settings", "must be a JSON object.")
        return {}, checkpoint, ()
    overrides = dict(given)
    path = "override_settings.sd_model_checkpoint"
    named = reader.checked_name(path, overrides.pop("sd_model_checkpoint", None))
    if named and checkpoint and named != checkpoint:
        reader.problem(path, "contradicts `checkpoint_name`; give one.")
    modules: tuple[str, ...] = ()
    # An empty list stays: it switches off the modules that the server is set to.
    if overrides.get("forge_additional_modules") != []:
        given_modules = overrides.pop("forge_additional_modules", None)
        modules = reader.names("override_settings.forge_additional_modules", given_modules)
    return overrides, checkpoint or named, modules


def _passed_through(params: Mapping[str, Any]) -> dict[str, Any]:
    if PASSED_THROUGH.isdisjoint(params):
        return {}
    return {key: value for key, value in params.items() if key in PASSED_THROUGH}


def _ignored(params: Mapping[str, Any]) -> tuple[str, ...]:
    unknown = params.keys() - KNOWN
    return tuple(sorted(map(str, unknown))) if unknown else ()


HIRES = fields_read_by(lambda reader: _second_pass(reader, ParamLimits()))
"""The fields that say something of the second pass; most jobs have none of them."""

KNOWN = (
    fields_read_by(lambda reader: _read(reader, ParamLimits()))
    | HIRES
    | PASSED_THROUGH
    | KEPT_NOT_SENT
    | {GENERATION_INFO}
)
"""Every field that means something to us or to the server."""
