"""What a Forge has: its lists, fetched and read into our words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stablequeue_core.backends.forge.client import ForgeClient
from stablequeue_core.servers import Inventory, ListedCheckpoint, ListedLora

CHECKPOINTS = "/sdapi/v1/sd-models"

_WINDOWS_ROOT = re.compile(r"[A-Za-z]:[\\/]|\\\\")

LONGEST_NAME = 4096
"""Characters; longer than any path. What calls itself a name and is longer was never a file's."""

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
    models = client.get(CHECKPOINTS)
    upscalers = names_of(client.get("/sdapi/v1/upscalers"), "name")
    latent = names_of(client.get_or_none("/sdapi/v1/latent-upscale-modes"), "name")
    return Inventory(
        checkpoints=checkpoints_of(models),
        samplers=samplers_of(client.get("/sdapi/v1/samplers")),
        schedulers=schedulers_of(client.get("/sdapi/v1/schedulers")),
        upscalers=(*(latent or LATENT_UPSCALERS), *upscalers),
        modules=names_of(client.get_or_none("/sdapi/v1/sd-modules"), "model_name"),
        separator=separator_of([*names_of(models, "filename"), *names_of(models, "title")]),
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


def separator_of(names: Sequence[str]) -> str:
    r"""What stands between folders in these paths and titles: ``/``, or a backslash.

    A backslash alone says little: on POSIX it may be a letter of a name.
    """
    if any(_WINDOWS_ROOT.match(name) for name in names):
        return "\\"
    is_windows = any("\\" in name for name in names) and not any("/" in name for name in names)
    return "\\" if is_windows else "/"


def loras_of(listed: object) -> tuple[ListedLora, ...]:
    """``GET /sdapi/v1/loras``: its ``path`` is absolute, and cut below the server's LoRA folder."""
    paths = names_of(listed, "path")
    separator = separator_of(paths)
    root = _lora_folder([path.split(separator)[:-1] for path in paths])
    return tuple(
        ListedLora(
            name=name,
            alias=_text(entry, "alias") or name,
            path=separator.join((_text(entry, "path") or "").split(separator)[len(root) :]),
        )
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


def _lora_folder(folders: Sequence[list[str]]) -> list[str]:
    """The folder that all of these lie in, or the one above it that is called Lora."""
    common: list[str] = []
    for level in zip(*folders, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    for end in range(len(common), 0, -1):
        if common[end - 1].casefold() in ("lora", "loras"):
            return common[:end]
    return common


def names_of(listed: object, key: str) -> tuple[str, ...]:
    """The texts under ``key``."""
    return tuple(name for entry in _entries(listed) if (name := _text(entry, key)))


def _entries(listed: object) -> Iterable[Mapping[str, Any]]:
    if not isinstance(listed, list):
        return ()
    return (entry for entry in listed if isinstance(entry, Mapping))


def _text(entry: Mapping[str, Any], key: str) -> str | None:
    value = entry.get(key)
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_NAME else None


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
