"""One change of one job, and how to find out later whether it was kept."""

from __future__ import annotations

from attrs import evolve

from stablequeue_core.events import Event
from stablequeue_core.jobs import Job
from stablequeue_core.serialization import to_millis
from stablequeue_core.storage.postgres import job_queries as queries
from stablequeue_core.storage.postgres.database import Database, Row
from stablequeue_core.storage.postgres.events import row_of
from stablequeue_core.storage.postgres.faults import cut
from stablequeue_core.storage.rows import jobs as rows


class JobChange:
    """A job as it shall be, in place of its previous revision.

    Attributes:
        kept: the job as it is once it is kept.
        event: what tells of it.
        columns: its values, in a statement.
        expected: which job it is, at which revision.
        told: the values of its event.
    """

    def __init__(self, database: Database, job: Job, event: Event) -> None:
        self._database = database
        self.event = event
        self.kept = evolve(job, revision=job.revision + 1)
        self.columns: Row = rows.changing(job, self.kept.revision)
        self.expected: Row = (job.id, job.revision)
        self.told = row_of(event)

    @property
    def values(self) -> Row:
        """Of a statement that writes this change alone."""
        return (*self.columns, *self.expected, *self.told)

    def was_kept(self) -> list[Row] | None:
        """What the statement would have said if it was kept; None: it was not.

        It was if the job has our revision, made by the same worker at the same time.
        """
        kept = self.kept
        ours = (
            kept.revision,
            to_millis(kept.updated_at),
            kept.status.value,
            kept.lease.worker if kept.lease else None,
        )
        found = self._database.fetch(queries.STATION, (kept.id,))
        return [(kept.number,)] if found == [ours] else None


def were_kept(ended: JobChange, begun: JobChange) -> list[Row] | None:
    """As :meth:`JobChange.was_kept`, of the statement that ends one job and begins the next.

    Raises:
        StorageUnreachable: it was kept, but it cannot be told whether the next was ours: it may be,
            and have been changed since.
    """
    if ended.was_kept() is None:
        return None
    if begun.was_kept() is None:
        raise cut()
    return [(begun.kept.number,)]
