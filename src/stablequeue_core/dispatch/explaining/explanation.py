"""What is told of a job that somebody asks about: why it waits, where it could run, and when."""

from __future__ import annotations

from attrs import frozen

from stablequeue_core.jobs import JobStatus
from stablequeue_core.servers import ServerStatus


@frozen(kw_only=True)
class ServerOutlook:
    """What one server could do for a job.

    Attributes:
        alias: its name.
        can: whether it has all that the job needs; None: that is not known, ``missing`` says why.
        missing: what it lacks, a sentence for each.
        status: how it feels.
        is_loaded: whether the job's checkpoint is in its memory; a job that names none does not
            care.
        load_seconds: how long it would take to load the checkpoint; 0 if it is loaded.
        seconds: how long it would work on the job then.
        starts_in: seconds until it could start there; None: never, as things are.
        is_learned: whether it has made such pictures before, so that these figures are its own.
        is_best: whether the job would be done there first.
        worker: the process that sends it jobs; None: none does.
        note: what else is to be known: it is paused, drained, busy, has failed this job before.
    """

    alias: str
    can: bool | None
    missing: tuple[str, ...] = ()
    status: ServerStatus = ServerStatus.UNKNOWN
    is_loaded: bool = False
    load_seconds: float = 0.0
    seconds: float = 0.0
    starts_in: float | None = None
    is_learned: bool = False
    is_best: bool = False
    worker: str | None = None
    note: str | None = None

    @property
    def done_in(self) -> float | None:
        """Seconds until it would be done there; None: never, as things are."""
        return None if self.starts_in is None else self.starts_in + self.load_seconds + self.seconds


@frozen(kw_only=True)
class Explanation:
    """All that can be said of a job in one moment.

    Attributes:
        job_id: which one.
        status: where it stands.
        why: why it waits, what it does, or how it ended: what its user should know.
        servers: what each server could do for it; none once it has ended.
        position: how many pending jobs of the same target come before it; None unless pending.
        before: how many pending jobs come before it that its servers may run, whatever their
            target; None unless pending.
        eta_seconds: seconds until it is done; None: it has ended, or nobody can tell.
        chosen: the server that runs it, or ran it last; None: none did.
        chosen_why: why that one.
        story: how it fared so far, a sentence for each attempt.
        waits_for: the downloads that it waits for.
    """

    job_id: str
    status: JobStatus
    why: str
    servers: tuple[ServerOutlook, ...] = ()
    position: int | None = None
    before: int | None = None
    eta_seconds: float | None = None
    chosen: str | None = None
    chosen_why: str | None = None
    story: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
