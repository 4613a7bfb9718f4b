"""Lane locks: files beside the database, which the system frees when their process dies."""

from __future__ import annotations

import hashlib
from pathlib import Path

from filelock import FileLock, Timeout

from stablequeue_core.storage.base import LaneLock
from stablequeue_core.storage.sqlite.faults import told


class FileLaneLock(LaneLock):
    """The lock of one server's lane, held by whoever holds the file."""

    def __init__(self, database: Path, alias: str) -> None:
        # An alias may hold what a file name cannot.
        digest = hashlib.sha256(alias.encode()).hexdigest()[:16]
        # It belongs to the lane, not to the thread that happens to take it.
        self._file = FileLock(
            database.with_name(f"{database.name}-lane-{digest}.lock"), thread_local=False
        )

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it; True when we hold it now. Does not wait."""
        if self._file.is_locked:
            return True
        try:
            self._file.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            raise told(error) from error
        return True

    def release(self) -> None:
        """Give the lock up; harmless when we do not hold it."""
        self._file.release(force=True)
