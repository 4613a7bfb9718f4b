"""How much trouble a run takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen


@frozen(kw_only=True)
class Effort:
    """How much trouble a run takes.

    Attributes:
        quick: small numbers, only to see that everything works.
        folder: the disk to measure; None: where the system keeps temporary files.
    """

    quick: bool = False
    folder: Path | None = None

    def pick(self, full: int, quick: int) -> int:
        """One of two numbers."""
        return quick if self.quick else full

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """A folder that is gone afterwards."""
        with tempfile.TemporaryDirectory(
            prefix="stablequeue-bench-", dir=self.folder, ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)
