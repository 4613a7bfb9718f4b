"""The previews that lie beside a model: which are ours, and which somebody else put there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from stablequeue_core.models.files.previews import preview_stem
from stablequeue_core.models.files.safe_files import NoRegularFile, open_regular
from stablequeue_core.models.files.sidecars import ShownPicture
from stablequeue_core.models.files.sidecars.names import in_any_case

Remembered = Mapping[str, Sequence[ShownPicture]]
"""What we put there before, by what follows the model's stem in the name."""


class PreviewsBeside:
    """The previews of one model, as they are at this moment. Samples by number are none.

    Args:
        model_file: the model.
        remembered: what we put there before.

    Attributes:
        ours: those of ours that are as we left them, by what follows the stem in their names.
        has_others: whether somebody else has put one there.
    """

    def __init__(self, model_file: Path, remembered: Remembered) -> None:
        self._folder = model_file.parent
        self._stem = model_file.stem
        self.ours: dict[str, ShownPicture] = {}
        self.has_others = False
        for name in self._names():
            suffix = name.removeprefix(self._stem)
            shown = self.look_at(suffix, remembered) if suffix != name else None
            if shown is None:
                self.has_others = True
            else:
                self.ours[suffix] = shown

    def path(self, suffix: str) -> Path:
        """Where the preview with this end of its name lies."""
        return self._folder / f"{self._stem}{suffix}"

    def look_at(self, suffix: str, remembered: Remembered) -> ShownPicture | None:
        """The preview with this end of its name, if it is one of those that we put there."""
        digest = _sha256_of(self.path(suffix))
        return next((each for each in remembered.get(suffix, ()) if each.sha256 == digest), None)

    def _names(self) -> Sequence[str]:
        folded = in_any_case(self._stem)
        with suppress(OSError):
            return [
                name
                for name in os.listdir(self._folder)
                if in_any_case(name).startswith(folded)
                and in_any_case(preview_stem(name) or "") == folded
            ]
        return []


def _sha256_of(path: Path) -> str | None:
    """Of a regular file; None for a link, and for what cannot be read."""
    with suppress(OSError, NoRegularFile):
        if not path.is_symlink():
            with open_regular(path) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    return None
