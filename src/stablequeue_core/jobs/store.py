"""The port: who remembers jobs. Its docstrings are the contract; the shipped suite proves it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import field, frozen

from stablequeue_core.events import Event
from stablequeue_core.jobs.job import Job, Lease
from stablequeue_core.jobs.lifecycle import JobStatus
from stablequeue_core.jobs.line import Claim
from stablequeue_core.quantities import countable


@frozen(kw_only=True)
class Work:
    """Pending jobs that are alike as far as their cost goes.

    Attributes:
        target: of all of them.
        checkpoint: its name as they give it.
        count: how many jobs.
        effort: of all of them together, in megapixel-steps.
        not_before: when the last of them may start, where their time has not come; None: each of
            them may start now.
    """

    target: str
    checkpoint: str | None
    count: int
    effort: float
    not_before: datetime | None = None


@frozen(kw_only=True)
class JobQuery:
    """Which jobs to list, and in which order.

    Attributes:
        status: only these; None for all.
        newest_first: by creation, ties broken by id in the same direction.
        limit: at most so many.
        offset: leave out so many first.
    """

    status: JobStatus | None = None
    newest_first: bool = True
    limit: int = field(default=50, converter=countable)
    offset: int = field(default=0, converter=countable)


@frozen(kw_only=True)
class JobPage:
    """A part of a list: the jobs of the page, and how many match in all."""

    total: int
    jobs: tuple[Job, ...]


@frozen(kw_only=True)
class IdempotencyKey:
    """A client's name for one request, and a digest of what it asked for."""

    key: str
    digest: str


class JobStore(ABC):
    """Remembers jobs. Safe to use from several threads and several processes at once.

    Every change and the events that tell of it are kept together or not at all, and what a method
    has returned survives a power cut. Methods raise
    :class:`~stablequeue_core.errors.StorageError` when the storage itself fails; then nothing of
    the change was kept, unless it says that this is not known.
    """

    @abstractmethod
    def add(
        self, jobs: Sequence[Job], key: IdempotencyKey | None = None, *, fair: bool = False
    ) -> Sequence[Job]:
        """Keep new jobs, all or none, in this order.

        A job's place is its number, so that the oldest goes first. With ``fair``, the clients of
        one priority take turns: a new job stands one behind the last pending job of its client,
        and at least one behind the first pending job of all; with nobody pending there, its place
        is its number. Those that were moved to the front count for neither, and jobs without a
        client are those of one client.

        Each that is pending is told of by a ``job.submitted`` event, which the store writes
        itself; one that has a past already (it was copied from somewhere) is not.

        Returns:
            the jobs with their ``number``, ``place`` and ``revision``. When ``key`` was used before
            with the same digest: the jobs of that time, and nothing is added.

        Raises:
            IdempotencyKeyReused: the key was used before with another digest.
        """

    @abstractmethod
    def get(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            JobNotFound: there is none.
        """

    @abstractmethod
    def list(self, query: JobQuery) -> JobPage:
        """A page of the jobs that match, and how many match in all, from one moment.

        Parts of jobs (``part_of``) are neither listed nor counted.
        """

    @abstractmethod
    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs stand where, parts of jobs left out; every status is a key."""

    @abstractmethod
    def replace(self, job: Job, event: Event) -> Job:
        """Keep ``job`` in place of its previous revision.

        What a job was accepted with stays: its id, number, ``created_at``, ``params``,
        ``checkpoint``, ``requirements``, ``effort``, ``client_id``, ``part_of``, ``first_picture``
        and ``parts`` are not written again; nor is its ``place``.

        Returns:
            the job with its new ``revision``.

        Raises:
            StaleJob: someone else changed the job since ``job.revision``; nothing is kept.
            JobNotFound: it was deleted meanwhile.
        """

    @abstractmethod
    def delete(self, job: Job, event: Event) -> None:
        """Forget ``job`` (and an idempotency key that led to it).

        Raises:
            StaleJob: someone else changed the job since ``job.revision``; it stays.
            JobNotFound: it was deleted meanwhile.
        """

    @abstractmethod
    def claim(self, wanted: Claim) -> Job | None:
        """Give one pending job to whoever wants one; no job is ever given to two.

        Nor is one given that has left the line while it was chosen: that its user has held, say.

        Returns:
            the claimed job, or None: nothing to do.
        """

    @abstractmethod
    def finish_and_claim(self, job: Job, event: Event, wanted: Claim) -> tuple[Job, Job | None]:
        """Keep ``job``, which has ended, and claim the next, together or not at all.

        The one is :meth:`replace` and the other :meth:`claim`, but whoever does one job after the
        other waits for the disk only once for each.

        Returns:
            the ended job with its new ``revision``, and the claimed one. None says little: perhaps
            there is nothing to do, perhaps somebody else was faster.

        Raises:
            StaleJob, JobNotFound: as :meth:`replace`, of ``job``; nothing is claimed.
        """

    @abstractmethod
    def renew(self, job_id: str, lease: Lease) -> Job:
        """Prolong the lease; neither the revision nor the log changes.

        Returns:
            the job as it is now, so that the caller sees a wish to cancel.

        Raises:
            StaleJob: ``lease.worker`` does not hold the job (any more).
            JobNotFound: it was deleted meanwhile.
        """

    @abstractmethod
    def processing(self) -> Sequence[Job]:
        """Every job that is processing, oldest first: what recovery looks through."""

    @abstractmethod
    def open_on(self, target: str) -> Sequence[Job]:
        """Every pending or processing job whose target is this alias, oldest first."""

    @abstractmethod
    def waiting(self) -> Sequence[Job]:
        """Every pending job that waits for downloads (``waits_for``), oldest first."""

    @abstractmethod
    def next_due(self, targets: Sequence[str]) -> datetime | None:
        """When the earliest job of these targets that waits for a time may run; None: none waits.

        Jobs that are held or wait for a download are not among them. The time lies in the past when
        that job may run already and nobody has claimed it.
        """

    @abstractmethod
    def move_to_front(self, job: Job, event: Event) -> Job:
        """Let ``job`` go before all others of its priority: its place is below every other's.

        It keeps that place until another one is moved, also while it does not wait.

        Returns:
            the job with its new ``place`` and ``revision``.

        Raises:
            StaleJob, JobNotFound: as :meth:`replace`.
        """

    @abstractmethod
    def work_before(self, job: Job | None, *, now: datetime) -> Sequence[Work]:
        """The pending jobs of whatever target that stand before ``job``, summed up; itself not.

        Held ones, those that wait for a download and those that are made in parts are left out.
        So are those whose ``not_before`` comes later than both ``now`` and that of ``job``: it
        runs before they may. None: all that is pending, whenever it may start.

        Returns:
            for each target and checkpoint that there is one sum of those that may start now, and
            one of those that wait for a time; in no order.
        """

    @abstractmethod
    def parts_of(self, job_id: str) -> Sequence[Job]:
        """The jobs that are parts of this one (``part_of``), by number."""

    @abstractmethod
    def in_parts(self) -> Sequence[Job]:
        """Every open job that is made in parts (``parts``), oldest first: what is to be joined.

        It is asked for every few moments, so it costs next to nothing while there is none.
        """

    @abstractmethod
    def worn_out(
        self, *, ended_before: datetime | None, keep: int | None, limit: int
    ) -> Sequence[Job]:
        """The ended jobs that need not be kept any more, those that ended first first.

        Args:
            ended_before: those that ended before; None: none for that reason.
            keep: those beyond the newest so many of the ended ones; None: none for that reason.
            limit: at most so many.
        """

    @abstractmethod
    def forget(self, jobs: Sequence[Job], event: Event) -> int:
        """Forget those of these ended jobs that are still as they were, with one event for all.

        Idempotency keys that led to them are forgotten, and so are their parts.

        Returns:
            how many were forgotten; with none, the event is not kept.
        """

    @abstractmethod
    def position(self, job: Job, *, now: datetime) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending.

        Those that are held, wait for a download or are made in parts do not count, nor do those
        whose ``not_before`` comes later than both ``now`` and its own: they stand in nobody's way.
        One of them is told how many would come before it if it could run, once its time has come.
        """

    @abstractmethod
    def paused(self) -> bool:
        """Whether the whole queue is paused: :meth:`claim` still works, lanes ask first."""

    @abstractmethod
    def set_paused(self, paused: bool, event: Event) -> None:
        """Pause or resume the whole queue; survives a restart."""
