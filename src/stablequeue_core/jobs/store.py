"""The port: who remembers jobs. Its docstrings are the contract; the shipped suite proves it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from attrs import frozen

from stablequeue_core.events import Event
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs.job import Job, Lease
from stablequeue_core.jobs.lifecycle import JobStatus

AUTO = "auto"
"""The target that means: any enabled server that can run it."""


@frozen(kw_only=True)
class Candidate:
    """A pending job, as far as the choice of the next one needs to know it.

    Attributes:
        requirements: None unless ``target`` is ``auto``: whoever names a server has chosen.
    """

    id: str
    target: str
    priority: int
    number: int
    created_at: datetime
    checkpoint: str | None
    requirements: Requirements | None = None


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
    limit: int = 50
    offset: int = 0


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


Choose = Callable[[Sequence[Candidate]], Candidate | None]
"""Picks the next job among candidates (highest priority first, then oldest), or none of them."""

Begin = Callable[[Job], tuple[Job, Event]]
"""Turns the chosen pending job into its processing self, and tells of it."""


class JobStore(ABC):
    """Remembers jobs. Safe to use from several threads and several processes at once.

    Every change and the events that tell of it are kept together or not at all, and what a method
    has returned survives a power cut. Methods raise
    :class:`~stablequeue_core.errors.StorageError` when the storage itself fails; then nothing of
    the change was kept.
    """

    @abstractmethod
    def add(self, jobs: Sequence[Job], key: IdempotencyKey | None = None) -> Sequence[Job]:
        """Keep new jobs, all or none, in this order.

        Each that is pending is told of by a ``job.submitted`` event, which the store writes
        itself; one that has a past already (it was copied from somewhere) is not.

        Returns:
            the jobs with their ``number`` and ``revision``. When ``key`` was used before with the
            same digest: the jobs of that time, and nothing is added.

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
        """A page of the jobs that match, and how many match in all, from one moment."""

    @abstractmethod
    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs stand where; every status is a key."""

    @abstractmethod
    def replace(self, job: Job, event: Event) -> Job:
        """Keep ``job`` in place of its previous revision.

        What a job was accepted with stays: its id, number, ``created_at``, ``params``,
        ``checkpoint`` and ``requirements`` are not written again.

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
    def claim(self, server: str, *, now: datetime, choose: Choose, begin: Begin) -> Job | None:
        """Give one pending job to the lane of ``server``; no job is ever given to two.

        ``choose`` is shown the jobs whose target is ``server`` or ``auto``, whose ``not_before``
        has passed and that wait for no download, highest priority first, then oldest; window by
        window, until it picks one or none is left. ``begin`` makes the change. Both are called
        inside the transaction, so they must be quick and must not call the store.

        Returns:
            the claimed job, or None: nothing to do.
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
    def next_due(self, server: str) -> datetime | None:
        """When the earliest of the server's jobs that wait for a time may run; None: none waits.

        Jobs for ``auto`` are among them, jobs that wait for a download are not. The time lies in
        the past when that job may run already and nobody has claimed it.
        """

    @abstractmethod
    def position(self, job: Job) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending.

        Those that wait for a download do not count: they stand in nobody's way. One that waits
        itself is told how many would come before it if it could run now.
        """

    @abstractmethod
    def paused(self) -> bool:
        """Whether the whole queue is paused: :meth:`claim` still works, lanes ask first."""

    @abstractmethod
    def set_paused(self, paused: bool, event: Event) -> None:
        """Pause or resume the whole queue; survives a restart."""
