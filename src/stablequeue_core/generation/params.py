"""From a user's dictionary to a checked request; all bad fields are found before any is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from stablequeue_core.errors import FieldProblem, InvalidParams
from stablequeue_core.generation.request import RANDOM_SEED, GenerationRequest, HiresFix

MAX_SEED = 2**63 - 1
MAX_DEPTH = 32

QUALITY_PRESETS = frozenset({"balanced", "speed", "quality", "automatic"})
"""Words of ``scheduler_or_quality_preset`` that leave the scheduler to the server."""

NOTHING = "None"
"""How the API spells the absence of an upscaler or a refiner."""

KEPT_NOT_SENT = frozenset({"style_preset", "sampling_category"})

OURS = {
    "force_task_id": "StableQueue names the task itself, to follow its progress",
    "send_images": "StableQueue always asks for the pictures",
    "override_settings_restore_afterwards": "StableQueue leaves the checkpoint loaded",
}

PASSED_THROUGH = frozenset(
    {
        "alwayson_scripts", "comments", "disable_extra_networks", "distilled_cfg_scale",
        "do_not_save_grid", "do_not_save_samples", "eta", "firstpass_image", "firstphase_height",
        "firstphase_width", "hr_additional_modules", "hr_cfg", "hr_distilled_cfg",
        "hr_negative_prompt", "hr_prompt", "hr_resize_x", "hr_resize_y", "hr_sampler_name",
        "hr_scheduler", "hr_second_pass_steps", "infotext", "s_churn", "s_min_uncond", "s_noise",
        "s_tmax", "s_tmin", "save_images", "script_args", "script_name", "seed_resize_from_h",
        "seed_resize_from_w", "styles", "subseed_strength", "tiling",
    }
)  # fmt: skip
"""Fields of Forge's txt2img schema (f2.0.1v1.10.1) that we have no word of our own for."""


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
        params: a JSON object as in the API document; see its table of parameters.
        limits: how much one job may ask for.

    Raises:
        InvalidParams: lists every bad field, not only the first.

    Example:
        >>> parse_params({"positive_prompt": "a cat", "steps": 5}, ParamLimits()).steps
        5
    """
    if not isinstance(params, Mapping):
        raise InvalidParams([FieldProblem("generation_params", "must be a JSON object.")])
    reader = _Reader(params)
    reader.check_plain_json()
    if reader.problems:
        raise InvalidParams(reader.problems)
    request = _read(reader, limits)
    if reader.problems:
        raise InvalidParams(reader.problems)
    return request


def _read(reader: _Reader, limits: ParamLimits) -> GenerationRequest:
    reader.refuse_ours()
    positive = reader.prompt("positive_prompt", limits.max_prompt_chars)
    if "positive_prompt" not in reader.params:
        also = " (`prompt` is the server's own name for it)" if "prompt" in reader.params else ""
        reader.problem("positive_prompt", f"is required: name the prompt `positive_prompt`{also}.")
    elif "prompt" in reader.params:
        reader.problem("prompt", "say `positive_prompt` only.")
    overrides, checkpoint, modules = _overrides(reader)
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
    scheduler = reader.name("scheduler")
    preset = reader.name("scheduler_or_quality_preset")
    return GenerationRequest(
        positive_prompt=positive,
        negative_prompt=reader.prompt("negative_prompt", limits.max_prompt_chars),
        checkpoint=checkpoint,
        width=reader.integer("width", 64, 4096, default=512),
        height=reader.integer("height", 64, 4096, default=512),
        steps=reader.integer("steps", 1, 150, default=20),
        cfg_scale=reader.number("cfg_scale", 0, 30, default=7.0),
        sampler=reader.name("sampler_name") or reader.name("sampler_index"),
        scheduler=scheduler or (preset if preset and not is_preset(preset) else None),
        seed=reader.seed("seed"),
        subseed=reader.seed("subseed"),
        images=count,
        batch_size=batch_size,
        restore_faces=reader.flag("restore_faces"),
        hires=_hires(reader),
        refiner=reader.name("refiner_model") or reader.name("refiner_checkpoint"),
        refiner_switch_at=reader.number("refiner_switch_at", 0, 1, default=0.8),
        override_settings=overrides,
        modules=modules,
        passthrough={k: v for k, v in reader.params.items() if k in PASSED_THROUGH},
        ignored=tuple(sorted(reader.params.keys() - reader.known - PASSED_THROUGH - KEPT_NOT_SENT)),
    )


def is_preset(text: str) -> bool:
    """Whether ``scheduler_or_quality_preset`` names a preset, which leaves the scheduler alone."""
    return text.casefold() in QUALITY_PRESETS


def _hires(reader: _Reader) -> HiresFix | None:
    wanted = reader.flag("enable_hires_fix") | reader.flag("enable_hr")
    hires = HiresFix(
        upscaler=reader.name("upscaler_model") or reader.name("hr_upscaler"),
        scale=reader.number("hr_scale", 1, 8, default=2.0),
        denoising_strength=reader.number("denoising_strength", 0, 1, default=0.7),
        checkpoint=reader.name("hr_checkpoint_name"),
    )
    return hires if wanted else None


def _overrides(reader: _Reader) -> tuple[dict[str, Any], str | None, tuple[str, ...]]:
    """The override settings, less the two of which the names must be resolved."""
    given = reader.take("override_settings")
    checkpoint = reader.name("checkpoint_name")
    if given is None:
        return {}, checkpoint, ()
    if not isinstance(given, Mapping):
        reader.problem("override_settings", "must be a JSON object.")
        return {}, checkpoint, ()
    overrides = dict(given)
    named = overrides.pop("sd_model_checkpoint", None)
    if named is not None and not isinstance(named, str):
        reader.problem("override_settings.sd_model_checkpoint", "must be text.")
    elif named and checkpoint and named != checkpoint:
        reader.problem(
            "override_settings.sd_model_checkpoint", "contradicts `checkpoint_name`; give one."
        )
    modules = overrides.pop("forge_additional_modules", None) or []
    if not isinstance(modules, list) or not all(isinstance(name, str) for name in modules):
        reader.problem("override_settings.forge_additional_modules", "must be a list of names.")
        modules = []
    return overrides, checkpoint or named or None, tuple(modules)


class _Reader:
    """Takes fields out of a dictionary, remembers which, and collects what is wrong with them."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params
        self.known: set[str] = {"prompt", *OURS}
        self.problems: list[FieldProblem] = []

    def problem(self, path: str, message: str) -> None:
        self.problems.append(FieldProblem(path, message))

    def take(self, key: str) -> Any:
        self.known.add(key)
        return self.params.get(key)

    def refuse_ours(self) -> None:
        for key in OURS.keys() & self.params.keys():
            self.problem(key, f"cannot be set: {OURS[key]}.")

    def prompt(self, key: str, longest: int) -> str:
        text = self.take(key)
        if text is None:
            return ""
        if not isinstance(text, str):
            self.problem(key, "must be text.")
            return ""
        if len(text) > longest:
            self.problem(key, f"has {len(text):,} characters; at most {longest:,} are allowed.")
        return text

    def name(self, key: str) -> str | None:
        text = self.take(key)
        if text is None or text == "" or text == NOTHING:
            return None
        if not isinstance(text, str):
            self.problem(key, "must be text.")
            return None
        if len(text) > 1024:
            self.problem(key, "is longer than any file name (1,024 characters).")
        return text

    def integer(self, key: str, low: int, high: int, *, default: int) -> int:
        value = self.optional_integer(key, low, high)
        return default if value is None else value

    def optional_integer(self, key: str, low: int, high: int) -> int | None:
        value = self.take(key)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.problem(key, f"must be a whole number from {low} to {high}.")
            return None
        if not low <= value <= high:
            self.problem(key, f"is {_short(value)}; it must be from {low} to {high}.")
            return None
        return value

    def number(self, key: str, low: float, high: float, *, default: float) -> float:
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(key, f"must be a number from {low:g} to {high:g}.")
            return default
        if not low <= value <= high:
            self.problem(key, f"is {_short(value)}; it must be from {low:g} to {high:g}.")
            return default
        return float(value)

    def flag(self, key: str) -> bool:
        value = self.take(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            self.problem(key, "must be true or false.")
            return False
        return value

    def seed(self, key: str) -> int:
        value = self.take(key)
        if isinstance(value, str):
            text = value.strip()
            if not text:
                return RANDOM_SEED
            # Longer text cannot be in range, and int() of a very long one is slow or refused.
            if len(text) > 20 or not text.lstrip("+-").isdecimal():
                self.problem(key, "must be a whole number, or empty for a random one.")
                return RANDOM_SEED
            value = int(text)
        if value is None:
            return RANDOM_SEED
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.problem(key, "must be a whole number, or empty for a random one.")
            return RANDOM_SEED
        if not RANDOM_SEED <= value <= MAX_SEED:
            self.problem(key, f"must be from 0 to {MAX_SEED}, or -1 for a random one.")
            return RANDOM_SEED
        return value

    def check_plain_json(self) -> None:
        """Find what JSON, UTF-8 or a PNG text chunk cannot carry, wherever it hides."""
        stack: list[tuple[str, Any, int]] = [("", self.params, 0)]
        while stack:
            path, value, depth = stack.pop()
            if isinstance(value, str):
                self._check_text(path, value)
            elif isinstance(value, float):
                if not math.isfinite(value):
                    self.problem(path, "must be a finite number.")
            elif isinstance(value, Mapping | list):
                if depth >= MAX_DEPTH:
                    self.problem(path, f"is nested deeper than {MAX_DEPTH} levels.")
                elif isinstance(value, list):
                    stack.extend((f"{path}[{i}]", item, depth + 1) for i, item in enumerate(value))
                else:
                    stack.extend(self._items(path, value, depth))
            elif value is not None and not isinstance(value, bool | int):
                self.problem(path, f"must be plain JSON, not {type(value).__name__}.")

    def _items(self, path: str, value: Mapping[Any, Any], depth: int) -> list[tuple[str, Any, int]]:
        children = []
        for key, item in value.items():
            if not isinstance(key, str):
                self.problem(path or "generation_params", "must have text as keys.")
                continue
            self._check_text(path or "generation_params", key)
            children.append((f"{path}.{key}" if path else key, item, depth + 1))
        return children

    def _check_text(self, path: str, text: str) -> None:
        if "\0" in text:
            self.problem(_printable(path), "contains a NUL character.")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                self.problem(_printable(path), "contains half of a character (a lone surrogate).")


def _printable(path: str) -> str:
    return path.encode("ascii", "backslashreplace").decode()


def _short(value: float) -> str:
    """The value, unless it is too long to read."""
    return f"{value:g}" if abs(value) < 1e12 else "out of any range"
