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


class UnreadableJob(StorageCorrupt):
    """One job cannot be read; all others can.

    Attributes:
        job_id: which.
    """

    code = "unreadable_job"

    def __init__(self, job_id: str, number: int) -> None:
        super().__init__(
            f"The record of job {job_id} in the database cannot be read: it is damaged, or another "
            "program has changed it. Put a backup back; or stop StableQueue, and remove this job "
            f"by DELETE FROM jobs WHERE number = {number} (in PostgreSQL, FROM stablequeue.jobs).",
            {"job_id": job_id},
        )
        self.job_id = job_id


class StorageUnreachable(StorageError):
    """The database server cannot be reached now; a queue that is open finds it again by itself."""

    code = "storage_unreachable"


class StorageNotEmpty(StorageError):
    """A queue cannot be copied to where one is already; nothing was written."""

    code = "storage_not_empty"

    def __init__(self) -> None:
        super().__init__(
            "There is a queue already in the storage that is to be written. "
            "Choose a database, or a data folder, that holds none."
        )


class StorageMoved(StorageError):
    """The queue was moved to another storage; this one can be read, but not changed any more.

    Attributes:
        to: where it is now: names no user, no password and no path.
        at: when it was moved, in ISO format.
    """

    code = "storage_moved"

    def __init__(self, to: str, at: str) -> None:
        super().__init__(
            f"This queue was moved at {at} to {to}, so nothing can be changed here any more. "
            "Use it there: STABLEQUEUE_DATABASE_URL or --database-url names a PostgreSQL, "
            "--data-dir the folder of a file. To go on here all the same, without what has "
            "happened there, run `stablequeue migrate --reopen --from sqlite` (or postgres).",
            {"to": to, "at": at},
        )
        self.to = to
        self.at = at


class ExtraMissing(StorageError):
    """A package is not installed that only some storages need."""

    code = "extra_missing"

    def __init__(self, extra: str) -> None:
        super().__init__(
            "A package that this needs is not installed. "
            f"Install it with: pip install 'stablequeue[{extra}]'.",
            {"extra": extra},
        )


class StorageTooNew(StorageError):
    """The database was written by a newer version of this program."""

    code = "storage_too_new"

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"The queue database has schema version {found}, but this program knows versions "
            f"up to {known}. Update StableQueue, or open another data folder.",
            {"found": found, "known": known},
        )
