"""Infotexts, written: the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stablequeue_core.generation.infotext.civitai import METADATA, RESOURCES
from stablequeue_core.generation.infotext.grammar import NEGATIVE_PROMPT, quoted
from stablequeue_core.generation.infotext.labels import (
    HIRES_MODULE,
    LABELS,
    MODULE,
)
from stablequeue_core.generation.infotext.reading import Infotext, name_and_hash
from stablequeue_core.generation.request import RANDOM_SEED, GenerationRequest

SERVERS_HIRES_CFG = 1.0
"""What Forge's API takes for the second pass when it is told nothing (``hr_cfg``)."""


def write_infotext(infotext: Infotext) -> str:
    r"""The text of an infotext, with A1111's quoting; reading it gives the same infotext back.

    What the format cannot carry:

    - blanks around a line of a prompt, and empty lines before its first word;
    - a line of a prompt that begins with ``Negative prompt:``;
    - fewer than three settings, and, without settings, a last line that looks like them;
    - a key that is not at least two letters, digits, blanks, ``-`` or ``/``, or that ends in a
      blank; a value such as ``512x768``, which is read as two settings.

    Example:
        >>> settings = {"Steps": "9", "Size-1": "64", "Size-2": "96", "Hires prompt": "a, b"}
        >>> print(write_infotext(Infotext(positive_prompt="a cat", settings=settings)))
        a cat
        Steps: 9, Size: 64x96, Hires prompt: "a, b"
    """
    lines = [infotext.positive_prompt]
    if infotext.negative_prompt:
        lines.append(f"{NEGATIVE_PROMPT} {infotext.negative_prompt}")
    pairs = [*_pairs(infotext.settings), *_civitai(infotext)]
    if pairs:
        lines.append(", ".join(pairs))
    return "\n".join(lines).strip()


def infotext_of(
    request: GenerationRequest, *, model: str | None = None, model_hash: str | None = None
) -> str:
    r"""The text that tells how a request is to be made, in the order in which Forge writes it.

    Read back and parsed, it is an equal request: prompts, sizes, steps, seeds, names, the second
    pass, the refiner, modules and the options that Forge's own infotexts name. It does not tell
    how many pictures were asked for, nor of scripts, styles and other fields that only the server
    knows. A second pass without ``hr_cfg`` is told as the server runs it.

    Args:
        request: what was asked; its seed should be the one that was drawn.
        model: the checkpoint's name as the server tells it; None: as the request names it.
        model_hash: the first ten digits of its SHA-256.

    Example:
        >>> request = GenerationRequest(positive_prompt="a cat", steps=9, seed=1, checkpoint="x")
        >>> print(infotext_of(request, model_hash="863411b2a7"))
        a cat
        Steps: 9, CFG scale: 7, Seed: 1, Size: 512x512, Model hash: 863411b2a7, Model: x
    """
    said = {**_first_pass(request), **_second_pass(request)}
    name, own_hash = name_and_hash(request.checkpoint) if request.checkpoint else (None, None)
    said |= {"checkpoint_name": model or name, "model_hash": model_hash or own_hash}
    settings: dict[str, str] = {}
    for label in LABELS:
        value = (request.override_settings if label.is_option else said).get(label.param)
        text = None if value is None else label.kind.write(value)
        if text is not None:
            settings[label.key] = text
    settings |= _numbered(HIRES_MODULE, request.hires.modules if request.hires else ())
    settings |= _numbered(MODULE, request.modules)
    return write_infotext(
        Infotext(
            positive_prompt=request.positive_prompt,
            negative_prompt=request.negative_prompt,
            settings=settings,
        )
    )


def _first_pass(request: GenerationRequest) -> dict[str, Any]:
    said = {
        **request.passthrough,
        "steps": request.steps,
        "sampler_name": request.sampler,
        "scheduler": request.scheduler,
        "cfg_scale": request.cfg_scale,
        "seed": _drawn(request.seed),
        "restore_faces": request.restore_faces,
        "width": request.width,
        "height": request.height,
        "subseed": _drawn(request.subseed),
    }
    if request.refiner:
        said |= {
            "refiner_model": request.refiner,
            "refiner_switch_at": request.refiner_switch_at,
        }
    return said


def _second_pass(request: GenerationRequest) -> dict[str, Any]:
    hires = request.hires
    if hires is None:
        return {label.param: None for label in LABELS if label.param.startswith("hr_")}
    width, height = (request.passthrough.get(f"hr_resize_{axis}") or 0 for axis in "xy")
    if width or height:
        size = {"hr_resize_x": width, "hr_resize_y": height}
    else:
        size = {"hr_scale": hires.scale, "hr_resize_x": None, "hr_resize_y": None}
    return {
        **size,
        "denoising_strength": hires.denoising_strength,
        "hr_checkpoint_name": hires.checkpoint,
        "hr_sampler_name": hires.sampler,
        "hr_prompt": hires.prompt,
        "hr_scheduler": hires.scheduler,
        "hr_cfg": request.passthrough.get("hr_cfg", SERVERS_HIRES_CFG),
        "upscaler_model": hires.upscaler,
    }


def _drawn(seed: int) -> int | None:
    return None if seed == RANDOM_SEED else seed


def _numbered(key: str, names: tuple[str, ...]) -> dict[str, str]:
    return {f"{key} {number}": name for number, name in enumerate(names, start=1)}


def _pairs(settings: Mapping[str, str]) -> Iterator[str]:
    for key, value in settings.items():
        name, _, half = key.rpartition("-")
        sides = (settings.get(f"{name}-1", ""), settings.get(f"{name}-2", ""))
        if half not in ("1", "2") or not all(map(str.isdecimal, sides)):
            yield f"{key}: {quoted(value)}"
        elif half == "1":
            yield f"{name}: {'x'.join(sides)}"


def _civitai(infotext: Infotext) -> Iterator[str]:
    for key, said in (
        (RESOURCES, list(infotext.civitai_resources)),
        (METADATA, infotext.civitai_metadata),
    ):
        if said:
            yield f"{key}: {json.dumps(said, ensure_ascii=False)}"
