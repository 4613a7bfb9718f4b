"""Pictures that model files carry in their own headers, taken out when somebody asks for them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.digests import key_of
from stablequeue_core.models.files.headers import read_header
from stablequeue_core.models.files.previews import Preview, embedded_preview, open_preview
from stablequeue_core.models.files.safe_files import open_regular, replacing
from stablequeue_core.models.model import Model

_KEYS = ("ssmd_cover_images", "modelspec.thumbnail")


def has_cover(metadata: Mapping[str, str]) -> bool:
    """Whether a header says that it holds a picture; whether it is one, is not looked at."""
    return any(len(metadata.get(key, "")) > len("[]") for key in _KEYS)


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
