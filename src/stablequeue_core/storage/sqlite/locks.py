"""Locks of processes: files beside the database, which the system frees when a process dies."""

from __future__ import annotations

import hashlib
from pathlib import Path

from filelock import FileLock, Timeout

from stablequeue_core.storage.base import ProcessLock
from stablequeue_core.storage.sqlite.faults import told


class FileProcessLock(ProcessLock):
    """A lock that is held by whoever holds a file."""

    def __init__(self, database: Path, name: str) -> None:
        """Choose the file; it is made when the lock is first taken.

        Args:
            database: it lies beside this file.
            name: of the lock, as it can be part of a file name.
        """
        # It belongs to a task, not to the thread that happens to take it.
        self._file = FileLock(
            database.with_name(f"{database.name}-{name}.lock"), thread_local=False
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
        self.term += 1
        return True

    def release(self) -> None:
        """Give the lock up; harmless when we do not hold it."""
        self._file.release(force=True)


def lane_lock(database: Path, lane: str) -> FileProcessLock:
    """The lock of one server's lane."""
    # Its name may hold what a file name cannot.
    digest = hashlib.sha256(lane.encode()).hexdigest()[:16]
    return FileProcessLock(database, f"lane-{digest}")


def fetching_lock(database: Path) -> FileProcessLock:
    """The lock of whoever fetches the downloads."""
    return FileProcessLock(database, "fetching")


def tidying_lock(database: Path) -> FileProcessLock:
    """The lock of whoever removes what need not be kept any more."""
    return FileProcessLock(database, "tidying")
