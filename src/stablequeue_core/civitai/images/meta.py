"""Civitai's ``meta``, which says how a picture was made, in the form of an infotext. Pure.

Nobody guards what stands there: uploaders, extensions and Civitai's own readers write into it. As
an infotext, one place knows what each setting means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stablequeue_core.generation import Infotext
from stablequeue_core.models.files.sidecars.fields import Fields

_LABELS: Mapping[str, str] = {
    "cfgScale": "CFG scale",
    "clipSkip": "Clip skip",
    "sampler": "Sampler",
    "scheduler": "Schedule type",
    "seed": "Seed",
    "steps": "Steps",
}
"""Civitai's own words for settings; all others are as the picture's maker wrote them."""

_PROMPTS = frozenset({"prompt", "negativePrompt"})
_MODELS = frozenset({"additionalResources", "civitaiResources", "hashes", "resources"})
_PLACED = frozenset({"Model", "Size", "width", "height", "models", "vaes"})
_TELLING = frozenset({"baseModel", "extra", "id", "modelIds", "versionIds"})
"""Keys that ask for nothing."""

_AS_USUAL: Mapping[str, object] = {"workflow": "txt2img", "denoise": 1}
"""Keys that ask for nothing with this value."""

_OF_COMFY_UI: Mapping[str, str] = {
    "dpm_2": "DPM2",
    "dpm_2_ancestral": "DPM2 a",
    "dpm_adaptive": "DPM adaptive",
    "dpm_fast": "DPM fast",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_gpu": "DPM++ 2M SDE",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "dpmpp_3m_sde_gpu": "DPM++ 3M SDE",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_sde_gpu": "DPM++ SDE",
    "euler_ancestral": "Euler a",
    "uni_pc": "UniPC",
}
"""ComfyUI's names of samplers that Forge has by another one."""

_LARGEST_NUMBER = 10**20


def infotext_of_meta(
    meta: Mapping[str, Any], base_model: str | None = None
) -> tuple[Infotext, tuple[str, ...]]:
    """The infotext that says the same, and the keys of what cannot stand in one.

    Args:
        meta: any JSON object, not wrapped in another one.
        base_model: what Civitai says that the picture's model is made for.

    Example:
        >>> infotext, _ = infotext_of_meta({"prompt": "a fox", "cfgScale": 6.5, "Size": "64x96"})
        >>> print(infotext.positive_prompt, infotext.settings)
        a fox {'CFG scale': '6.5', 'Size-1': '64', 'Size-2': '96'}
    """
    settings = dict(_settings(meta))
    infotext = Infotext(
        positive_prompt=_prompt(meta.get("prompt")),
        negative_prompt=_prompt(meta.get("negativePrompt")),
        settings={key: text for key, text in settings.items() if text is not None},
        civitai_resources=tuple(_resources(meta, base_model)),
    )
    return infotext, tuple(key for key, text in settings.items() if text is None)


def mended(text: str) -> str:
    """A text without what no database can hold: NUL, and halves of characters."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "").strip()


def _settings(meta: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """The settings by the names that infotexts have for them; None for what cannot be one."""
    for key, value in meta.items():
        if key in _PROMPTS or key in _MODELS or key in _PLACED or key in _TELLING:
            continue
        if not _says_nothing(key, value):
            yield _LABELS.get(key, key), _written(_sampler(value) if key == "sampler" else value)
    if meta.get("Model") or meta.get("models"):
        yield "Model", _model(meta)
    vaes = meta.get("vaes")
    if isinstance(vaes, list) and len(vaes) == 1 and "VAE" not in meta and _written(vaes[0]):
        yield "VAE", _written(vaes[0])
    sides = _size(meta)
    if all(sides):
        yield from ((f"Size-{half}", side) for half, side in enumerate(sides, start=1))
    else:
        yield "Size", None


def _says_nothing(key: str, value: object) -> bool:
    is_empty = (
        value is None or value is False or (isinstance(value, str | list | dict) and not value)
    )
    return is_empty or _AS_USUAL.get(key) == value


def _sampler(name: object) -> object:
    return _OF_COMFY_UI.get(name, name) if isinstance(name, str) else name


def _written(value: object) -> str | None:
    """A value as an infotext would have it."""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, int | float) and abs(value) < _LARGEST_NUMBER:
        return repr(value)
    return None


def _model(meta: Mapping[str, Any]) -> str | None:
    """The checkpoint: text, an object with its name, or ComfyUI's list of a single one."""
    told = meta.get("Model")
    listed = meta.get("models")
    if told is None and isinstance(listed, list) and len(listed) == 1:
        told = listed[0]
    if isinstance(told, dict):
        told = Fields(told).text("name", "modelName", "model", "ckpt_name")
    return mended(told) if isinstance(told, str) and told.strip() else None


def _size(meta: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Both sides; older pictures tell them as ``832x1216``."""
    told = meta.get("Size")
    sides = told.lower().split("x") if isinstance(told, str) else []
    if len(sides) == 2:
        return tuple(mended(side.strip()) for side in sides)
    if "width" in meta and "height" in meta:
        return _written(meta["width"]), _written(meta["height"])
    return ()


def _resources(meta: Mapping[str, Any], base_model: str | None) -> Iterator[dict[str, Any]]:
    """The list of Civitai's own generator, which says settings of Flux in its own way."""
    listed = meta.get("civitaiResources")
    for resource in listed if isinstance(listed, list) else ():
        if isinstance(resource, dict):
            yield {"baseModel": base_model, **resource} if base_model else resource


def _prompt(text: object) -> str:
    return mended(text) if isinstance(text, str) else ""
