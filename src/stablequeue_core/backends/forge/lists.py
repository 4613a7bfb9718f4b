"""What a Forge has: its lists, fetched and read into our words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stablequeue_core.backends.forge.client import ForgeClient
from stablequeue_core.servers import Inventory, ListedCheckpoint, ListedLora

CHECKPOINTS = "/sdapi/v1/sd-models"

LATENT_UPSCALERS = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
)
"""Upscalers of the second pass that ``/sdapi/v1/upscalers`` does not list (Forge dfdcbab6)."""


def inventory_of(client: ForgeClient) -> Inventory:
    """Fetch every list.

    ``/sdapi/v1/loras`` is asked last: it is the last route to come when a server starts.

    Raises:
        ServerUnreachable: the server cannot be asked now.
        GarbledAnswer: it is no Forge.
    """
    checkpoints = checkpoints_of(client.get(CHECKPOINTS))
    upscalers = names_of(client.get("/sdapi/v1/upscalers"), "name")
    latent = names_of(client.get_or_none("/sdapi/v1/latent-upscale-modes"), "name")
    return Inventory(
        checkpoints=checkpoints,
        samplers=samplers_of(client.get("/sdapi/v1/samplers")),
        schedulers=schedulers_of(client.get("/sdapi/v1/schedulers")),
        upscalers=(*(latent or LATENT_UPSCALERS), *upscalers),
        modules=names_of(client.get_or_none("/sdapi/v1/sd-modules"), "model_name"),
        loras=loras_of(client.get("/sdapi/v1/loras")),
    )


def checkpoints_of(listed: object) -> tuple[ListedCheckpoint, ...]:
    """``GET /sdapi/v1/sd-models``; entries without a title are left out."""
    return tuple(
        ListedCheckpoint(
            title=title,
            model_name=_text(entry, "model_name") or "",
            shorthash=_text(entry, "hash"),
            sha256=_text(entry, "sha256"),
        )
        for entry in _entries(listed)
        if (title := _text(entry, "title"))
    )


def loras_of(listed: object) -> tuple[ListedLora, ...]:
    """``GET /sdapi/v1/loras``; the folder does not count in a prompt, so it is not kept."""
    return tuple(
        ListedLora(name=name, alias=_text(entry, "alias") or name)
        for entry in _entries(listed)
        if (name := _text(entry, "name"))
    )


def samplers_of(listed: object) -> dict[str, str]:
    """``GET /sdapi/v1/samplers``: what a user may say → the one name that the server honours."""
    names, aliases = {}, {}
    for entry in _entries(listed):
        if name := _text(entry, "name"):
            names[name.casefold()] = name
            aliases.update({alias.casefold(): name for alias in _texts(entry.get("aliases"))})
    return {**aliases, **names}


def schedulers_of(listed: object) -> dict[str, str]:
    """``GET /sdapi/v1/schedulers``: name, label or alias → label."""
    labels, others = {}, {}
    for entry in _entries(listed):
        name = _text(entry, "name")
        if label := _text(entry, "label") or name:
            labels[label.casefold()] = label
            spoken = [*_texts(entry.get("aliases")), name or label]
            others.update({said.casefold(): label for said in spoken})
    return {**others, **labels}


def names_of(listed: object, key: str) -> tuple[str, ...]:
    """The texts under ``key``."""
    return tuple(name for entry in _entries(listed) if (name := _text(entry, key)))


def _entries(listed: object) -> Iterable[Mapping[str, Any]]:
    if not isinstance(listed, list):
        return ()
    return (entry for entry in listed if isinstance(entry, Mapping))


def _text(entry: Mapping[str, Any], key: str) -> str | None:
    value = entry.get(key)
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
