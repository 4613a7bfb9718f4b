"""Pictures that model files carry in their own headers, taken out when somebody asks for them."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.digests import key_of
from stablequeue_core.models.files.headers import read_header
from stablequeue_core.models.files.picture_types import HEAD_BYTES, media_type_of
from stablequeue_core.models.files.previews import Preview, open_preview
from stablequeue_core.models.files.safe_files import open_regular, replacing
from stablequeue_core.models.model import Model

LARGEST_EMBEDDED = 8 * 2**20
"""Characters of base64."""

_LIST, _URL = "ssmd_cover_images", "modelspec.thumbnail"


def has_cover(metadata: Mapping[str, str]) -> bool:
    """Whether a header says that it holds a picture; whether it is one, is not looked at."""
    return any(len(metadata.get(key, "")) > len("[]") for key in (_LIST, _URL))


class Covers:
    """Keeps the pictures out of headers as files. Safe to use from several threads and processes.

    Args:
        folder: holds nothing else; made when the first one is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, model: Model) -> Preview | None:
        """The picture in the header of ``model``; None when there is none, or it cannot be had."""
        kept = self._folder / key_of(model.root, model.path, model.size, model.mtime_ns)
        return open_preview(kept, self._folder) or self._taken_out(model, kept)

    def _taken_out(self, model: Model, target: Path) -> Preview | None:
        # On Windows, nobody can replace a file that is being read; then there is one already.
        with suppress(OSError, UnreadableModel):
            with BufferedReader(open_regular(model.file)) as file:
                header = read_header(file, os.fstat(file.fileno()).st_size)
            picture = embedded_preview(header.metadata)
            if picture is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
                with replacing(target) as kept:
                    kept.write(picture)
        return open_preview(target, self._folder)


def embedded_preview(metadata: Mapping[str, str]) -> bytes | None:
    """A still picture that a model file carries in its own header.

    Args:
        metadata: of the header: ``ssmd_cover_images`` (a JSON list of base64, which Forge shows
            for a LoRA without a preview), or ``modelspec.thumbnail`` (a data URL).
    """
    for text in _embedded(metadata):
        data = _decoded(text)
        media_type = media_type_of(data[:HEAD_BYTES])
        if media_type is not None and media_type.startswith("image/"):
            return data
    return None


def _embedded(metadata: Mapping[str, str]) -> Iterator[str]:
    covers = metadata.get(_LIST, "")
    if len(covers) <= LARGEST_EMBEDDED:
        try:
            listed = json.loads(covers or "[]")
        except (ValueError, RecursionError):
            listed = []
        if isinstance(listed, list):
            yield from (text for text in listed if isinstance(text, str))
    thumbnail = metadata.get(_URL, "")
    if thumbnail.startswith("data:image/"):
        yield thumbnail


def _decoded(text: str) -> bytes:
    """Bytes of base64 with or without the ``data:…,`` of a URL; empty when it is none."""
    head, comma, rest = text.partition(",")
    body = rest if comma and head.endswith(";base64") else text
    if len(body) > LARGEST_EMBEDDED:
        return b""
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return b""
