"""A model in a folder, and files beside it, as other programs leave them."""

from __future__ import annotations

import json
import os
from pathlib import Path

from stablequeue_core.models import ModelCard
from stablequeue_core.models.files.sidecars import SidecarsRead, read_sidecars

RECORDINGS = Path(__file__).parents[3] / "recordings" / "models" / "sidecars"

SIZE = 144
WRITTEN = 1_768_046_700_000_000_000
SHA256 = "863411b2a783f35d3dc34e0ec00fcc476e78cf7b9cdb9801541fb34639aa0845"
ANOTHER_SHA256 = "f3cd8a9e1f7ad2e6de5712c200bd21428e6e88f0be336a38b6dfffb226f03039"


class Folder:
    """Holds ``inkWash_v3``, of 144 bytes, and whatever is put beside it."""

    def __init__(self, path: Path, stem: str = "inkWash_v3") -> None:
        self.path = path
        self.stem = stem

    def put(self, suffix: str, content: object, *, later: float = 60) -> Path:
        """Write a file beside the model, so many seconds later than the model."""
        file = self.path / f"{self.stem}{suffix}"
        file.write_bytes(
            content if isinstance(content, bytes) else json.dumps(content).encode("utf-8")
        )
        at = WRITTEN + int(later * 10**9)
        os.utime(file, ns=(at, at))
        return file

    def put_recorded(self, suffix: str, recording: str, *, later: float = 60) -> Path:
        """The same with the recorded bytes of some program."""
        return self.put(suffix, (RECORDINGS / recording).read_bytes(), later=later)

    def read(
        self, *, size: int = SIZE, mtime_ns: int = WRITTEN, sha256: str | None = None
    ) -> SidecarsRead:
        """All that is said of the model."""
        names = sorted(entry.name for entry in self.path.iterdir())
        return read_sidecars(
            self.path, self.stem, names, size=size, mtime_ns=mtime_ns, sha256=sha256
        )

    @property
    def card(self) -> ModelCard:
        """The card, when nothing is wrong with any file."""
        read = self.read()
        assert read.problems == ()
        return read.card


def recorded(name: str) -> dict[str, object]:
    """What a program wrote, to change something in it."""
    value = json.loads((RECORDINGS / name).read_bytes())
    assert isinstance(value, dict)
    return value
