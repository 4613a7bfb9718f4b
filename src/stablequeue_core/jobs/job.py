"""A job: what was asked, how far it is, every attempt at it. A change is a new value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from stablequeue_core.errors import JobNotCancellable, JobNotPending, JobNotRetryable
from stablequeue_core.generation import NOTHING_REQUIRED, Requirements
from stablequeue_core.jobs.attempts import Attempt, AttemptOutcome
from stablequeue_core.jobs.lifecycle import JobStatus, check_transition


@frozen(kw_only=True)
class Lease:
    """Who works on a job, and until when nobody else may."""

    worker: str
    until: datetime


@frozen(kw_only=True)
class JobResult:
    """What a completed job has to show.

    Attributes:
        images: file names in the image folder, in the server's order.
        info: a sentence for people.
        generation_info: what the server answered, parsed.
        proof: what was compared, as ``{"checkpoint": {"asked": …, "got": …}, …}``.
        ignored_params: keys of the request that were not sent because nobody knows them.
    """

    images: tuple[str, ...]
    info: str
    generation_info: Mapping[str, Any]
    proof: Mapping[str, Any] = field(factory=dict)
    ignored_params: tuple[str, ...] = ()


@frozen(kw_only=True)
class JobFailure:
    """Why a job failed: a stable code, a sentence that says what to do, data for programs."""

    code: str
    message: str
    details: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Job:
    """A picture to make.

    Attributes:
        id: a lower-case UUID.
        number: order of acceptance, given by the store; 0 before.
        revision: grows with each change, kept by the store; see :meth:`JobStore.replace`.
        target: alias of the server that shall run it, ``auto``, or ``auto:<tag>``.
        params: exactly as they were given.
        checkpoint: the checkpoint's name as it was given, for the lane that prefers a loaded one.
        requirements: what a server must have to run it, by the names that were given.
        priority: higher runs first.
        place: where it stands among those of its priority, lowest first, given by the store.
        effort: how much there is to do, in megapixel-steps.
        client_id: on whose behalf it was submitted, for fairness between clients; None: nobody's.
        held: its user does not want it to start yet.
        part_of: the job that it makes some of the pictures of; None for a job of its own.
        first_picture: which of that job's pictures its own first one is, from 0.
        parts: the jobs that make its pictures; such a job is never claimed itself.
        seed, subseed: drawn when the job first starts and kept, so that a second run after a lost
            answer gives the same picture; None before.
        not_before: a lane leaves the job alone until then (backoff, or its user's wish).
        cancel_requested: the user wants a running job to stop.
        attempts: the ledger, oldest first.
        failures: how many attempts since the user's last retry were counted against the job.
        losses: how often since then it was running when its process died.
        avoids: the servers that have failed it since then; it goes to others first.
        lease: who works on it; None unless processing.
        waiting_reason: why it went back to pending.
        waits_for: the downloads without which no server can run it; until all of them are there,
            no lane claims it.
        supplied_by: the downloads that it has waited for since the user's last retry: what they
            brought is not fetched again.
        image_folder: where the pictures of ``result`` lie; filled in by the queue that returns it.
    """

    id: str
    target: str
    params: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    number: int = 0
    revision: int = 0
    status: JobStatus = JobStatus.PENDING
    checkpoint: str | None = None
    requirements: Requirements = NOTHING_REQUIRED
    priority: int = 0
    place: int = 0
    effort: float = 0.0
    client_id: str | None = None
    held: bool = False
    part_of: str | None = None
    first_picture: int = 0
    parts: tuple[str, ...] = ()
    ended_at: datetime | None = None
    seed: int | None = None
    subseed: int | None = None
    not_before: datetime | None = None
    cancel_requested: bool = False
    attempts: tuple[Attempt, ...] = ()
    failures: int = 0
    losses: int = 0
    avoids: tuple[str, ...] = ()
    lease: Lease | None = None
    waiting_reason: str | None = None
    waits_for: tuple[str, ...] = ()
    supplied_by: tuple[str, ...] = ()
    result: JobResult | None = None
    failure: JobFailure | None = None
    image_folder: Path | None = field(default=None, eq=False, repr=False)

    @property
    def attempt(self) -> Attempt | None:
        """The newest attempt, running or ended."""
        return self.attempts[-1] if self.attempts else None

    @property
    def task_id(self) -> str | None:
        """The id that the server knows the newest attempt by."""
        return self.attempts[-1].task_id if self.attempts else None

    @property
    def server(self) -> str | None:
        """The server of the newest attempt."""
        return self.attempts[-1].server if self.attempts else None

    @property
    def retry_count(self) -> int:
        """How often it was started again."""
        return max(0, len(self.attempts) - 1)

    @property
    def picture_owner(self) -> str:
        """The id that its pictures' names carry: of the job that they are made for."""
        return self.part_of or self.id

    @property
    def pictures(self) -> range | None:
        """Which pictures of the whole a part makes, from 0; None for a job of its own."""
        if self.part_of is None:
            return None
        return range(self.first_picture, self.first_picture + int(self.params["num_images"]))

    @property
    def images(self) -> tuple[Path, ...]:
        """The finished pictures, as paths; empty unless completed."""
        folder = self.image_folder or Path()
        return tuple(folder / name for name in self.result.images) if self.result else ()

    def begin(
        self, *, server: str, lease: Lease, task_id: str, seed: int, subseed: int, now: datetime
    ) -> Job:
        """A lane claims the job; the seeds are kept if it has some already."""
        check_transition(self.id, self.status, JobStatus.PROCESSING)
        attempt = Attempt(
            number=len(self.attempts) + 1, server=server, task_id=task_id, started_at=now
        )
        return evolve(
            self,
            status=JobStatus.PROCESSING,
            seed=seed if self.seed is None else self.seed,
            subseed=subseed if self.subseed is None else self.subseed,
            attempts=(*self.attempts, attempt),
            lease=lease,
            not_before=None,
            waiting_reason=None,
            updated_at=now,
        )

    def complete(self, result: JobResult, *, sent: Mapping[str, Any] | None, now: datetime) -> Job:
        """The picture is proved and on disk."""
        return self._end(
            JobStatus.COMPLETED, AttemptOutcome.COMPLETED, now, result=result, sent=sent
        )

    def fail(
        self, failure: JobFailure, *, sent: Mapping[str, Any] | None = None, now: datetime
    ) -> Job:
        """Its own fault, or its attempts are used up."""
        return self._end(
            JobStatus.FAILED, AttemptOutcome.FAILED, now, failure=failure, sent=sent, counted=True
        )

    def cancel(self, *, now: datetime) -> Job:
        """The user cancels it, and no server works on it (any more).

        Raises:
            JobNotCancellable: it has ended already.
        """
        if self.status.ended:
            raise JobNotCancellable(self.id, self.status, JobStatus.CANCELLED)
        return self._end(JobStatus.CANCELLED, AttemptOutcome.CANCELLED, now)

    def request_cancel(self, *, now: datetime) -> Job:
        """The user wants a running job to stop, or one in parts; its lanes will see to it.

        Raises:
            JobNotCancellable: it has ended already.
        """
        if self.status is not JobStatus.PROCESSING and not (self.parts and not self.status.ended):
            raise JobNotCancellable(self.id, self.status, JobStatus.CANCELLED)
        return evolve(self, cancel_requested=True, updated_at=now)

    def give_back(
        self,
        *,
        outcome: AttemptOutcome,
        failure: JobFailure,
        counted: bool,
        not_before: datetime | None,
        sent: Mapping[str, Any] | None = None,
        avoid: bool = False,
        lost: bool = False,
        now: datetime,
    ) -> Job:
        """The server was lost or broke: back to pending, to be run again.

        Args:
            outcome: as the ledger shall have it ...
            failure: ... with what went wrong ...
            counted: ... whether it counts against the job ...
            sent: ... and what was really sent.
            not_before: leave it alone until then.
            avoid: whether other servers shall have it first.
            lost: whether it was running when its process died.
            now: the time.
        """
        check_transition(self.id, self.status, JobStatus.PENDING)
        failed_on = (self.server,) if avoid and self.server else ()
        return evolve(
            self,
            status=JobStatus.PENDING,
            attempts=_merged(
                self._closed(outcome, now, failure=failure, counted=counted, sent=sent)
            ),
            failures=self.failures + counted,
            losses=self.losses + lost,
            avoids=tuple(dict.fromkeys((*self.avoids, *failed_on))),
            lease=None,
            not_before=not_before,
            waiting_reason=failure.message,
            updated_at=now,
        )

    def wait_for(
        self,
        downloads: tuple[str, ...],
        reason: str,
        *,
        not_before: datetime | None = None,
        now: datetime,
    ) -> Job:
        """A model has to be fetched first: back to pending. Nothing was sent, so nothing was tried.

        Args:
            downloads: the ids of what is being fetched for it; none while nobody can say what.
            reason: for people.
            not_before: leave it alone until then.
            now: the time.
        """
        check_transition(self.id, self.status, JobStatus.PENDING)
        return evolve(
            self,
            status=JobStatus.PENDING,
            attempts=self.attempts[:-1],
            lease=None,
            not_before=not_before,
            waits_for=downloads,
            waiting_reason=reason,
            updated_at=now,
        )

    def supplied(self, download_id: str, *, now: datetime) -> Job:
        """A model that it waited for is there; when all are, any lane may claim it."""
        left = tuple(each for each in self.waits_for if each != download_id)
        return evolve(
            self,
            waits_for=left,
            supplied_by=(*self.supplied_by, download_id),
            waiting_reason=self.waiting_reason if left else None,
            updated_at=now,
        )

    def retry(self, *, now: datetime) -> Job:
        """The user tries again, now: same parameters, same seed, a fresh count of attempts.

        Raises:
            JobNotRetryable: it has not failed and was not cancelled.
        """
        if self.status not in (JobStatus.FAILED, JobStatus.CANCELLED):
            raise JobNotRetryable(self.id, self.status, JobStatus.PENDING)
        check_transition(self.id, self.status, JobStatus.PENDING)
        return evolve(
            self,
            status=JobStatus.PENDING,
            held=False,
            failures=0,
            losses=0,
            avoids=(),
            failure=None,
            supplied_by=(),
            cancel_requested=False,
            not_before=None,
            waiting_reason=None,
            ended_at=None,
            updated_at=now,
        )

    def hold(self, *, now: datetime) -> Job:
        """Its user does not want it to start yet.

        Raises:
            JobNotPending: it does not wait.
        """
        return self._set_held(True, now)

    def release(self, *, now: datetime) -> Job:
        """It may start.

        Raises:
            JobNotPending: it does not wait.
        """
        return self._set_held(False, now)

    def move(self, *, now: datetime) -> Job:
        """Its user wants it to stand elsewhere among those of its priority; the store knows where.

        Raises:
            JobNotPending: it does not wait.
        """
        self._check_pending()
        return evolve(self, updated_at=now)

    def begin_in_parts(self, *, now: datetime) -> Job:
        """The first of its parts has begun; a hold comes too late."""
        check_transition(self.id, self.status, JobStatus.PROCESSING)
        return evolve(
            self, status=JobStatus.PROCESSING, held=False, not_before=None, updated_at=now
        )

    def rest_in_parts(self, *, now: datetime) -> Job:
        """None of its parts has come to anything, and none runs any more."""
        check_transition(self.id, self.status, JobStatus.PENDING)
        return evolve(self, status=JobStatus.PENDING, updated_at=now)

    def _set_held(self, held: bool, now: datetime) -> Job:
        self._check_pending()
        return self if self.held is held else evolve(self, held=held, updated_at=now)

    def _check_pending(self) -> None:
        if self.status is not JobStatus.PENDING:
            raise JobNotPending(self.id, self.status)

    def _end(
        self,
        status: JobStatus,
        outcome: AttemptOutcome,
        now: datetime,
        *,
        result: JobResult | None = None,
        failure: JobFailure | None = None,
        sent: Mapping[str, Any] | None = None,
        counted: bool = False,
    ) -> Job:
        check_transition(self.id, self.status, status)
        return evolve(
            self,
            status=status,
            attempts=self._closed(outcome, now, failure=failure, counted=counted, sent=sent),
            failures=self.failures + counted,
            lease=None,
            not_before=None,
            waiting_reason=None,
            waits_for=(),
            result=result,
            failure=failure,
            ended_at=now,
            updated_at=now,
        )

    def _closed(
        self,
        outcome: AttemptOutcome,
        now: datetime,
        *,
        failure: JobFailure | None,
        counted: bool,
        sent: Mapping[str, Any] | None,
    ) -> tuple[Attempt, ...]:
        """The ledger with its open attempt, if there is one, closed."""
        if not self.attempts or self.attempts[-1].ended_at is not None:
            return self.attempts
        closed = evolve(
            self.attempts[-1],
            ended_at=now,
            outcome=outcome,
            counted=counted,
            error=failure.code if failure else None,
            message=failure.message if failure else None,
            sent=sent,
        )
        return (*self.attempts[:-1], closed)


def _merged(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    """The ledger, with one entry for all the times in a row that a server was out of reach.

    Nothing ran, however often it was tried: a server that is away for a day must not fill it.
    """
    before, last = attempts[-2:] if len(attempts) > 1 else (None, None)
    if before is None or last is None or before.server != last.server:
        return attempts
    if {before.outcome, last.outcome} != {AttemptOutcome.UNREACHABLE}:
        return attempts
    one = evolve(last, number=before.number, started_at=before.started_at)
    return (*attempts[:-2], one)
