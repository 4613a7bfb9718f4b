"""The previews that lie beside a model: which are ours, and which somebody else put there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from stablequeue_core.models.files.previews import preview_stem
from stablequeue_core.models.files.safe_files import open_regular
from stablequeue_core.models.files.sidecars import ShownPicture
from stablequeue_core.models.files.sidecars.names import in_any_case

Remembered = Mapping[str, Sequence[ShownPicture]]
"""What we put there before, by what follows the model's stem in the name."""


class PreviewsBeside:
    """The previews of one model, as they are at this moment. Samples by number are none.

    Args:
        model_file: the model.
        remembered: what we put there before.
        names: of the files in its folder that may be previews; None lists the folder.

    Attributes:
        ours: those of ours that are as we left them, by what follows the stem in their names.
        has_others: whether somebody else has put one there.
    """

    def __init__(
        self, model_file: Path, remembered: Remembered, names: Collection[str] | None = None
    ) -> None:
        self._model_file = model_file
        self.ours: dict[str, ShownPicture] = {}
        self.has_others = False
        for name in _previews_of(model_file, names):
            suffix = name.removeprefix(model_file.stem)
            digest = _sha256_of(model_file.with_name(name))
            shown = (each for each in remembered.get(suffix, ()) if each.sha256 == digest)
            if found := next(shown, None):
                self.ours[suffix] = found
            else:
                self.has_others = True

    def path(self, suffix: str) -> Path:
        """Where the preview with this end of its name lies."""
        return self._model_file.with_name(f"{self._model_file.stem}{suffix}")


def _previews_of(model_file: Path, names: Collection[str] | None) -> Sequence[str]:
    folded = in_any_case(model_file.stem)
    if names is None:
        with suppress(OSError):
            names = os.listdir(model_file.parent)
    return [
        name
        for name in names or ()
        if in_any_case(name).startswith(folded)
        and in_any_case(preview_stem(name) or "") == folded
        and os.path.lexists(model_file.with_name(name))
    ]


def _sha256_of(path: Path) -> str | None:
    """Of a regular file; None for a link, and for what cannot be read."""
    with suppress(OSError):
        if not path.is_symlink():
            with open_regular(path) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    return None
