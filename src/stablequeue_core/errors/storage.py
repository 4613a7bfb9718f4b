"""What can go wrong where the queue is remembered."""

from __future__ import annotations

from stablequeue_core.errors.base import StableQueueError


class StorageError(StableQueueError):
    """What remembers the queue failed."""

    code = "storage_error"


class StorageBusy(StorageError):
    """Another process held the database for longer than we wait."""

    code = "storage_busy"


class StorageFull(StorageError):
    """The disk that holds the database is full; nothing of this change was kept."""

    code = "storage_full"


class StorageReadOnly(StorageError):
    """The database may not be written."""

    code = "storage_read_only"


class StorageCorrupt(StorageError):
    """The file is damaged, or is not a database of ours."""

    code = "storage_corrupt"


class StorageTooNew(StorageError):
    """The database was written by a newer version of this program."""

    code = "storage_too_new"

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"The queue database has schema version {found}, but this program knows versions "
            f"up to {known}. Update StableQueue, or open another data folder.",
            {"found": found, "known": known},
        )
