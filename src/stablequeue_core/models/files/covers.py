"""Pictures that model files carry in their own headers, taken out when somebody asks for them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.files.headers import read_header
from stablequeue_core.models.files.previews import Preview, embedded_preview, open_preview
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
        told = f"{model.root}\0{model.path}\0{model.size}\0{model.mtime_ns}"
        key = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:40]
        kept = self._folder / key
        return open_preview(kept, self._folder) or self._taken_out(model, kept)

    def _taken_out(self, model: Model, target: Path) -> Preview | None:
        temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
        try:
            with open(model.file, "rb") as file:
                header = read_header(file, os.fstat(file.fileno()).st_size)
            found = embedded_preview(header.metadata)
            if found is None:
                return None
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(found[0])
            os.replace(temporary, target)
        except (OSError, UnreadableModel):
            with suppress(OSError):
                temporary.unlink()
            return None
        return open_preview(target, self._folder)
