"""Forge's lists of what it has, read into our words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stablequeue_core.servers import ListedCheckpoint, ListedLora

LATENT_UPSCALERS = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
)
"""Upscalers of the second pass that ``/sdapi/v1/upscalers`` does not list (Forge dfdcbab6)."""


def checkpoints_of(listed: object) -> tuple[ListedCheckpoint, ...]:
    """``GET /sdapi/v1/sd-models``; entries without a title are left out."""
    return tuple(
        ListedCheckpoint(
            title=entry["title"],
            model_name=str(entry.get("model_name") or ""),
            shorthash=entry.get("hash") or None,
            sha256=entry.get("sha256") or None,
        )
        for entry in _entries(listed)
        if isinstance(entry.get("title"), str)
    )


def loras_of(listed: object) -> tuple[ListedLora, ...]:
    """``GET /sdapi/v1/loras``; the folder does not count in a prompt, so it is not kept."""
    return tuple(
        ListedLora(name=entry["name"], alias=str(entry.get("alias") or entry["name"]))
        for entry in _entries(listed)
        if isinstance(entry.get("name"), str)
    )


def samplers_of(listed: object) -> dict[str, str]:
    """``GET /sdapi/v1/samplers``: what a user may say → the one name that the server honours."""
    spoken: dict[str, str] = {}
    for entry in _entries(listed):
        name = entry.get("name")
        if isinstance(name, str):
            for said in (*_texts(entry.get("aliases")), name):
                spoken[said.casefold()] = name
    return spoken


def schedulers_of(listed: object) -> dict[str, str]:
    """``GET /sdapi/v1/schedulers``: name, label or alias → label."""
    spoken: dict[str, str] = {}
    for entry in _entries(listed):
        label = entry.get("label") or entry.get("name")
        if isinstance(label, str):
            for said in (*_texts(entry.get("aliases")), str(entry.get("name") or label), label):
                spoken[said.casefold()] = label
    return spoken


def names_of(listed: object, key: str) -> tuple[str, ...]:
    """The texts under ``key``."""
    return tuple(entry[key] for entry in _entries(listed) if isinstance(entry.get(key), str))


def _entries(listed: object) -> Iterable[Mapping[str, Any]]:
    if not isinstance(listed, list):
        return ()
    return (entry for entry in listed if isinstance(entry, Mapping))


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
