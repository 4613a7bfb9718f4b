"""What one server has: its checkpoints, LoRAs, samplers ... as it lists them itself."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen(kw_only=True)
class ListedCheckpoint:
    """A checkpoint as the server lists it.

    Attributes:
        title: ``folder/name.safetensors``, with `` [hash]`` once the server has hashed the file;
            separators are those of the server's system.
        model_name: the path with ``_`` for separators, without extension.
        shorthash: the first ten hex digits of the SHA-256, None before the first load.
        sha256: all 64, None before the first load.
    """

    title: str
    model_name: str
    shorthash: str | None = None
    sha256: str | None = None

    @property
    def name(self) -> str:
        """The title without its hash: the one spelling that the server knows at any time."""
        head, bracket, tail = self.title.rpartition(" [")
        return head if bracket and tail.endswith("]") else self.title

    @property
    def digest(self) -> str | None:
        """As much of the SHA-256 as the server knows, in lower case: 64 digits, ten, or None."""
        known = self.sha256 or self.shorthash
        return known.lower() if known else None

    @property
    def stem(self) -> str:
        """The file's name without folder and extension: what the server calls it in its answer."""
        file_name = self.name.replace("\\", "/").rpartition("/")[2]
        stem, dot, _ = file_name.rpartition(".")
        return stem if dot and stem else file_name


@frozen(kw_only=True)
class ListedLora:
    """A LoRA as the server lists it; both ``name`` and ``alias`` work in a prompt.

    Attributes:
        name: the file's stem.
        alias: the name in the file's own header, else the stem.
        path: below the server's LoRA folder, with the server's separators; empty where the server
            does not tell.
    """

    name: str
    alias: str
    path: str = ""


@frozen(kw_only=True)
class Inventory:
    """What one server has, as it lists it itself.

    Attributes:
        checkpoints, loras: as listed.
        samplers: what a user may say (name or alias, in lower case) → the name that is sent.
        schedulers: what a user may say (name or label, in lower case) → the label that is sent.
        upscalers: names.
        modules: file names of VAEs and text encoders.
        separator: between folders, on the server's system: ``/``, or a backslash.
    """

    checkpoints: tuple[ListedCheckpoint, ...] = ()
    loras: tuple[ListedLora, ...] = ()
    samplers: Mapping[str, str] = field(factory=dict)
    schedulers: Mapping[str, str] = field(factory=dict)
    upscalers: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    separator: str = "/"
