"""A job that says how by an infotext: what else it says comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stablequeue_core.errors import InvalidInfotext
from stablequeue_core.generation.fields import FieldReader
from stablequeue_core.generation.infotext.parameters import Recipe, params_of
from stablequeue_core.generation.infotext.reading import read_infotext
from stablequeue_core.generation.model_sources import MODEL_SOURCES

GENERATION_INFO = "generation_info_raw"
"""The parameter that holds an infotext."""

_PROMPTS = 4

_RESIZED = ("hr_scale", "hr_resize_x", "hr_resize_y")
_SAID_BY = {
    "sampler_name": ("sampler_index",),
    "scheduler": ("scheduler_or_quality_preset",),
    "refiner_model": ("refiner_checkpoint",),
    "enable_hires_fix": ("enable_hr",),
    "upscaler_model": ("hr_upscaler",),
    **dict.fromkeys(_RESIZED, _RESIZED),
}
"""Parameters that have other names; who says one by any of them has said it."""


def reader_with_infotext(
    params: Mapping[str, Any], longest_prompt: int
) -> tuple[FieldReader, tuple[str, ...]]:
    """A reader of ``params`` that takes what they do not say themselves from their infotext.

    A parameter that is null says nothing. Override settings are completed one by one. What is
    wrong with a field that only the infotext has is told of the infotext.

    Args:
        params: with ``generation_info_raw``.
        longest_prompt: characters of each prompt; an infotext has up to four of them.

    Returns:
        the reader, and the keys of the infotext that no parameter can say.
    """
    own = FieldReader(params)
    infotext = own.prompt(GENERATION_INFO, _PROMPTS * longest_prompt)
    is_given = bool(infotext.strip() or own.problems)
    # Where the infotext cannot be used, the prompt is not missed as well.
    recipe = Recipe({"positive_prompt": ""} if is_given else {})
    if is_given and not own.problems:
        try:
            recipe = params_of(read_infotext(infotext))
        except InvalidInfotext as error:
            own.problem(GENERATION_INFO, f"cannot be used. {error.message}")
    reader = _CompletedReader(params, completed_params(params, recipe.params))
    reader.problems += own.problems
    return reader, recipe.left_out


class _CompletedReader(FieldReader):
    """Reads the parameters that the user has said, and those that came from elsewhere."""

    def __init__(self, own: Mapping[str, Any], completed: Mapping[str, Any]) -> None:
        super().__init__(completed)
        self._own = own

    def problem(self, path: str, message: str) -> None:
        is_taken_over = path in self.params and path not in self._own
        if is_taken_over:
            super().problem(GENERATION_INFO, f"has a `{path}` that {message}")
        else:
            super().problem(path, message)


def completed_params(own: Mapping[str, Any], taken: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with what they do not say themselves taken from elsewhere.

    A parameter that is null says nothing, and who says one by another of its names has said it.
    Override settings and sources of models are completed one by one.

    Args:
        own: what comes first.
        taken: parameters too, such as those of a picture.

    Example:
        >>> completed_params({"steps": 9, "seed": None}, {"steps": 20, "seed": 5})
        {'steps': 9, 'seed': 5}
    """
    completed = {
        key: value
        for key, value in taken.items()
        if all(own.get(name) is None for name in (key, *_SAID_BY.get(key, ())))
    }
    options = own.get("override_settings")
    if isinstance(options, Mapping):
        if options.get("sd_model_checkpoint") is not None:
            completed.pop("checkpoint_name", None)
        completed["override_settings"] = {**taken.get("override_settings", {}), **options}
    sources = own.get(MODEL_SOURCES)
    if isinstance(sources, Mapping):
        completed[MODEL_SOURCES] = {**taken.get(MODEL_SOURCES, {}), **sources}
    return {**own, **completed}
