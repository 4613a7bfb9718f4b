"""The keys of the parameter line, in the order in which they are written, and what each stands for.

The names are those of Forge dfdcbab6: ``create_infotext`` in ``modules/processing.py``, the second
pass in ``StableDiffusionProcessingTxt2Img``, options by their ``infotext=`` label in
``modules/shared_options.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from attrs import frozen

from stablequeue_core.generation.fields import (
    CFG_SCALES,
    FRACTIONS,
    HIRES_SCALES,
    MAX_NAME_CHARS,
    MAX_SEED,
    SIDES,
    STEPS,
)
from stablequeue_core.generation.infotext.grammar import number, whole_number
from stablequeue_core.generation.request import RANDOM_SEED

MODEL = "Model"
MODEL_HASH = "Model hash"
MODULE = "Module"
HIRES_MODULE = "Hires Module"
SIZES = ("Size", "Seed resize from", "Hires resize", "First pass size")
"""These are written as ``512x768``, and read as two settings."""

_SIGNED = (-(2**31), 2**31 - 1)


@frozen
class Kind:
    """How a value is read, and how it is written.

    Attributes:
        read: the value of a text; raises ValueError for one that says none, or one out of range.
        write: the text of a value; None for one that such a setting cannot have.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str | None]


@frozen
class Label:
    """One key of the line.

    Attributes:
        key: as it is written; the halves of a size are two keys.
        param: which parameter it stands for; with ``is_option``, which of the override settings.
        kind: what values it has.
    """

    key: str
    param: str
    kind: Kind
    is_option: bool = False


def _within(read: Callable[[str], float], bounds: tuple[float, float]) -> Callable[[str], Any]:
    low, high = bounds

    def checked(text: str) -> float:
        value = read(text)
        if not low <= value <= high:
            raise ValueError("out of range")
        return value

    return checked


def _whole(bounds: tuple[int, int]) -> Kind:
    return Kind(_within(whole_number, bounds), _written_number)


def _number(bounds: tuple[float, float]) -> Kind:
    return Kind(_within(number, bounds), _written_number)


def _written_number(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if value == int(value) else repr(value)


def _one_of(names: Collection[str]) -> Kind:
    def checked(text: str) -> str:
        if text not in names:
            raise ValueError("not a choice")
        return text

    return Kind(checked, lambda value: value if value in names else None)


def _text(longest: int | None = None) -> Kind:
    def checked(text: str) -> str:
        if longest is not None and len(text) > longest:
            raise ValueError("too long")
        return text

    return Kind(checked, lambda value: value if isinstance(value, str) and value else None)


def _read_flag(text: str) -> bool:
    if text not in ("True", "False"):
        raise ValueError("neither true nor false")
    return text == "True"


_FLAG = Kind(_read_flag, lambda value: str(value) if isinstance(value, bool) else None)
# Forge writes which of its two restorers it used.
_FACES = Kind(lambda text: text not in ("False", "None"), lambda on: "CodeFormer" if on else None)
_NAME = _text(MAX_NAME_CHARS)
_PROMPT = _text()
_SEED = _whole((RANDOM_SEED, MAX_SEED))
_SIDE = _whole(SIDES)
_FRACTION = _number(FRACTIONS)
_POSITIVE = _number((0, 1e6))
_RESIZED = _whole((0, 2 * SIDES[1]))

LABELS = (
    Label("Steps", "steps", _whole(STEPS)),
    Label("Sampler", "sampler_name", _NAME),
    Label("Schedule type", "scheduler", _NAME),
    Label("CFG scale", "cfg_scale", _number(CFG_SCALES)),
    Label("Distilled CFG Scale", "distilled_cfg_scale", _POSITIVE),
    Label("Seed", "seed", _SEED),
    Label("Face restoration", "restore_faces", _FACES),
    Label("Size-1", "width", _SIDE),
    Label("Size-2", "height", _SIDE),
    Label(MODEL_HASH, "model_hash", _NAME),
    Label(MODEL, "checkpoint_name", _NAME),
    Label("Variation seed", "subseed", _SEED),
    Label("Variation seed strength", "subseed_strength", _FRACTION),
    Label("Seed resize from-1", "seed_resize_from_w", _RESIZED),
    Label("Seed resize from-2", "seed_resize_from_h", _RESIZED),
    Label("Denoising strength", "denoising_strength", _FRACTION),
    Label("Clip skip", "CLIP_stop_at_last_layers", _whole((1, 12)), is_option=True),
    Label("ENSD", "eta_noise_seed_delta", _whole(_SIGNED), is_option=True),
    Label("Token merging ratio", "token_merging_ratio", _FRACTION, is_option=True),
    Label("Token merging ratio hr", "token_merging_ratio_hr", _FRACTION, is_option=True),
    Label("RNG", "randn_source", _one_of(("GPU", "CPU", "NV")), is_option=True),
    Label("NGMS", "s_min_uncond", _POSITIVE),
    Label("Tiling", "tiling", _FLAG),
    Label("Hires checkpoint", "hr_checkpoint_name", _NAME),
    Label("Hires sampler", "hr_sampler_name", _NAME),
    Label("Hires prompt", "hr_prompt", _PROMPT),
    Label("Hires negative prompt", "hr_negative_prompt", _PROMPT),
    Label("Hires CFG Scale", "hr_cfg", _number(CFG_SCALES)),
    Label("Hires Distilled CFG Scale", "hr_distilled_cfg", _POSITIVE),
    Label("Hires schedule type", "hr_scheduler", _NAME),
    Label("Hires upscale", "hr_scale", _number(HIRES_SCALES)),
    Label("Hires resize-1", "hr_resize_x", _RESIZED),
    Label("Hires resize-2", "hr_resize_y", _RESIZED),
    Label("Hires steps", "hr_second_pass_steps", _whole((0, STEPS[1]))),
    Label("Hires upscaler", "upscaler_model", _NAME),
    Label(
        "Emphasis",
        "emphasis",
        _one_of(("None", "Ignore", "Original", "No norm")),
        is_option=True,
    ),
    Label("Refiner", "refiner_model", _NAME),
    Label("Refiner switch at", "refiner_switch_at", _FRACTION),
    Label("Eta", "eta_ancestral", _FRACTION, is_option=True),
    Label("Eta DDIM", "eta_ddim", _FRACTION, is_option=True),
    Label("Sigma churn", "s_churn", _POSITIVE),
    Label("Sigma tmin", "s_tmin", _POSITIVE),
    Label("Sigma tmax", "s_tmax", _POSITIVE),
    Label("Sigma noise", "s_noise", _POSITIVE),
    Label("Schedule min sigma", "sigma_min", _POSITIVE, is_option=True),
    Label("Schedule max sigma", "sigma_max", _POSITIVE, is_option=True),
    Label("Schedule rho", "rho", _POSITIVE, is_option=True),
    Label("Discard penultimate sigma", "always_discard_next_to_last_sigma", _FLAG, is_option=True),
    Label("SGM noise multiplier", "sgm_noise_multiplier", _FLAG, is_option=True),
    Label("Skip Early CFG", "skip_early_cond", _FRACTION, is_option=True),
    Label("Pad conds", "pad_cond_uncond", _FLAG, is_option=True),
    Label("Pad conds v0", "pad_cond_uncond_v0", _FLAG, is_option=True),
    Label("VAE Encoder", "sd_vae_encode_method", _one_of(("Full", "TAESD")), is_option=True),
    Label("VAE Decoder", "sd_vae_decode_method", _one_of(("Full", "TAESD")), is_option=True),
    Label(
        "Noise Schedule",
        "sd_noise_schedule",
        _one_of(("Default", "Zero Terminal SNR")),
        is_option=True,
    ),
    Label("Beta scheduler alpha", "beta_dist_alpha", _FRACTION, is_option=True),
    Label("Beta scheduler beta", "beta_dist_beta", _FRACTION, is_option=True),
    Label("Old prompt editing timelines", "use_old_scheduling", _FLAG, is_option=True),
    Label("Downcast alphas_cumprod", "use_downcasted_alpha_bar", _FLAG, is_option=True),
    Label(
        "Refiner switch by sampling steps",
        "refiner_switch_by_sample_steps",
        _FLAG,
        is_option=True,
    ),
    Label(
        "Hires refiner",
        "hires_fix_refiner_pass",
        _one_of(("first pass", "second pass", "both passes")),
        is_option=True,
    ),
)
