"""What a user does with jobs: submit, look, wait, cancel, retry, delete."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from stablequeue_core.bell import Bell
from stablequeue_core.clock import Clock
from stablequeue_core.errors import (
    FieldProblem,
    InvalidParams,
    JobNotCancellable,
    JobNotFound,
    JobStillRunning,
    StaleJob,
    WaitTimedOut,
)
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import parse_params
from stablequeue_core.jobs.events import event_of
from stablequeue_core.jobs.job import Job
from stablequeue_core.jobs.lifecycle import JobStatus
from stablequeue_core.jobs.limits import limits_in, priority_problem
from stablequeue_core.jobs.store import IdempotencyKey, JobPage, JobQuery, JobStore
from stablequeue_core.jobs.targets import Targets
from stablequeue_core.servers import ServerStore
from stablequeue_core.settings import Settings

ANOTHER_PROCESS_SECONDS = 0.5
"""How late a waiting caller may see what another process has done to its job."""


@frozen
class Submission:
    """One job of several that are submitted together.

    Attributes:
        target: alias of a server, or ``auto``.
        params: as in the API document.
        priority: higher runs first; at most ``MAX_PRIORITY`` in either direction.
    """

    target: str
    params: Mapping[str, Any] = field(factory=dict)
    priority: int = 0


class JobQueue:
    """The jobs, as their user sees them. Safe to use from several threads.

    It only ever changes what is remembered; whoever runs the jobs hears of it by the bells.
    """

    def __init__(
        self,
        store: JobStore,
        servers: ServerStore,
        *,
        changes: Bell,
        clock: Clock,
        settings: Settings,
        image_folder: Path | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            store: who remembers the jobs.
            servers: who remembers their targets.
            changes: rings after every change.
            clock: the time.
            settings: limits and patience.
            image_folder: where the pictures lie; the jobs that are returned say so.
        """
        self._store = store
        self._targets = Targets(servers, clock)
        self._changes = changes
        self._clock = clock
        self._settings = settings
        self._image_folder = image_folder
        self._limits = limits_in(settings)

    def submit(
        self, submissions: Iterable[Submission], *, idempotency_key: str | None = None
    ) -> Sequence[Job]:
        """Accept jobs, all or none, in one transaction.

        Raises:
            InvalidParams: lists every bad field of the first job that has any.
            ServerNotFound: a target is neither a server nor ``auto``.
            IdempotencyKeyReused: the key was used before for something else.
        """
        wanted = list(submissions)
        for target in {submission.target for submission in wanted}:
            self._targets.check(target)
        now = self._clock.now()
        jobs = [
            self._new_job(submission, now, f"submissions[{place}]." if len(wanted) > 1 else "")
            for place, submission in enumerate(wanted)
        ]
        key = None
        if idempotency_key is not None:
            key = IdempotencyKey(key=idempotency_key, digest=_digest(wanted))
        return self._store.add(jobs, key)

    def get(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            JobNotFound: there is none.
        """
        return self._located(self._store.get(job_id))

    def list(self, query: JobQuery) -> JobPage:
        """A page of the jobs that match, and how many match in all."""
        page = self._store.list(query)
        return evolve(page, jobs=tuple(map(self._located, page.jobs)))

    def wait(self, job_id: str, timeout: float | None) -> Job:
        """Wait until the job has ended.

        Raises:
            JobNotFound: there is none.
            WaitTimedOut: it had not ended after ``timeout`` seconds; it goes on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            heard = self._changes.rings
            job = self._store.get(job_id)
            if job.status.ended:
                return self._located(job)
            patience = ANOTHER_PROCESS_SECONDS
            if deadline is not None:
                patience = min(patience, deadline - time.monotonic())
                if patience <= 0:
                    raise WaitTimedOut(job_id, timeout or 0.0, job.status)
            self._changes.wait(heard, patience)

    def cancel(self, job_id: str, *, timeout: float) -> Job:
        """Cancel a job; a running one is asked to stop, and waited for.

        The downloads that it waits for go on: other jobs may wait for them, too, and the user may
        want the files all the same.

        Returns:
            the job: cancelled, or, when the server has not confirmed within ``timeout`` seconds,
            still processing with ``cancel_requested``.

        Raises:
            JobNotFound: there is none.
            JobNotCancellable: it has already ended.
        """
        job = self._change(job_id, self._cancelled_or_asked, _kind_of_cancel)
        if job.status.ended:
            return job
        try:
            return self.wait(job_id, timeout)
        except WaitTimedOut:
            return self.get(job_id)

    def retry(self, job_id: str) -> Job:
        """Run a failed or cancelled job again: same parameters, same seed.

        What it lacks is looked for anew; a download that is still under way is joined.

        Raises:
            JobNotFound: there is none.
            JobNotRetryable: it has not failed and was not cancelled.
            ServerNotFound: its server was removed or renamed meanwhile.
        """
        self._targets.check(self._store.get(job_id).target)
        return self._change(
            job_id,
            lambda job: job.retry(now=self._clock.now()),
            lambda job: EventKind.JOB_RETRIED,
        )

    def delete(self, job_id: str, *, timeout: float) -> Job:
        """Forget a job; a running one is cancelled first. Downloads go on, as with a cancel.

        Returns:
            the job as it last was.

        Raises:
            JobNotFound: there is none.
            JobStillRunning: its server did not confirm the cancel within ``timeout`` seconds.
        """
        while True:
            job = self._store.get(job_id)
            if job.status is JobStatus.PROCESSING:
                try:
                    job = self.cancel(job_id, timeout=timeout)
                except JobNotCancellable:
                    # It has just ended by itself.
                    continue
                if not job.status.ended:
                    raise JobStillRunning(job_id)
            try:
                event = event_of(EventKind.JOB_DELETED, job)
                self._store.delete(job, event)
            except StaleJob:
                continue
            return job

    def position(self, job: Job) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending."""
        return self._store.position(job)

    def forget_target(self, target: str) -> None:
        """A server was removed or renamed: no job may be submitted for it any more."""
        self._targets.forget(target)

    def open_on(self, target: str) -> Sequence[Job]:
        """Every pending or processing job of this target."""
        return self._store.open_on(target)

    def cancel_all_on(self, target: str) -> None:
        """Cancel every open job of this target; its server is about to go.

        Running ones are waited for as a cancel does; then they are cancelled all the same.
        """
        for job in self._store.open_on(target):
            # One that has ended or is gone meanwhile needs no cancel.
            with suppress(JobNotCancellable, JobNotFound):
                self._change(job.id, self._cancelled_or_asked, _kind_of_cancel)
        deadline = time.monotonic() + self._settings.cancel_wait
        for job in self._store.open_on(target):
            try:
                self.wait(job.id, max(0.0, deadline - time.monotonic()))
            except WaitTimedOut:
                self._change(job.id, self._cancelled, _kind_of_cancel)

    def paused(self) -> bool:
        """Whether the whole queue is paused."""
        return self._store.paused()

    def set_paused(self, paused: bool) -> None:
        """Pause or resume the whole queue; running jobs finish."""
        kind = EventKind.QUEUE_PAUSED if paused else EventKind.QUEUE_RESUMED
        self._store.set_paused(paused, Event(kind=kind, at=self._clock.now()))

    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs stand where."""
        return self._store.counts()

    def _new_job(self, submission: Submission, now: datetime, path: str) -> Job:
        try:
            request = parse_params(submission.params, self._limits)
            problem = priority_problem(submission.priority)
            if problem is not None:
                raise InvalidParams([problem])
        except InvalidParams as error:
            raise InvalidParams(
                [FieldProblem(path + problem.path, problem.message) for problem in error.problems]
            ) from error
        return Job(
            id=str(uuid.uuid4()),
            target=submission.target,
            params=submission.params,
            created_at=now,
            updated_at=now,
            checkpoint=request.checkpoint,
            requirements=request.requirements,
            priority=submission.priority,
            image_folder=self._image_folder,
        )

    def _located(self, job: Job) -> Job:
        return evolve(job, image_folder=self._image_folder)

    def _cancelled(self, job: Job) -> Job:
        return job if job.status.ended else job.cancel(now=self._clock.now())

    def _cancelled_or_asked(self, job: Job) -> Job:
        now = self._clock.now()
        if job.status is JobStatus.PROCESSING:
            return job if job.cancel_requested else job.request_cancel(now=now)
        return job.cancel(now=now)

    def _change(
        self, job_id: str, change: Callable[[Job], Job], kind: Callable[[Job], EventKind]
    ) -> Job:
        """Read, change, keep; again if someone else was faster."""
        while True:
            present = self.get(job_id)
            changed = change(present)
            if changed is present:
                return present
            try:
                return self._store.replace(changed, event_of(kind(changed), changed))
            except StaleJob:
                continue


def _kind_of_cancel(job: Job) -> EventKind:
    if job.status is JobStatus.CANCELLED:
        return EventKind.JOB_CANCELLED
    return EventKind.JOB_CANCEL_REQUESTED


def _digest(submissions: Sequence[Submission]) -> str:
    """A digest that is equal for equal requests, whatever the order of their keys."""
    plain = [[s.target, s.params, s.priority] for s in submissions]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
