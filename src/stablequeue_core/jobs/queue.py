"""What a user does with jobs: submit, look, wait, hold, move, cancel, retry, delete."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import evolve

from stablequeue_core.bell import Bell
from stablequeue_core.clock import Clock
from stablequeue_core.errors import (
    InvalidParams,
    JobIsPart,
    JobNotCancellable,
    JobNotFound,
    JobNotPending,
    JobNotRetryable,
    JobStillRunning,
    StaleJob,
    WaitTimedOut,
)
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs.events import event_of, kind_of_change
from stablequeue_core.jobs.intake import Intake, Submission, digest_of
from stablequeue_core.jobs.job import Job
from stablequeue_core.jobs.lifecycle import JobStatus
from stablequeue_core.jobs.limits import key_problem
from stablequeue_core.jobs.store import IdempotencyKey, JobPage, JobQuery, JobStore
from stablequeue_core.jobs.targets import Targets
from stablequeue_core.jobs.whereabouts import may_run_on, runs_on
from stablequeue_core.jobs.wholes import Wholes
from stablequeue_core.servers import ServerStore
from stablequeue_core.settings import Settings

ANOTHER_PROCESS_SECONDS = 0.5
"""How late a waiting caller may see what another process has done to its job."""


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
            servers: who remembers the servers that they are for.
            changes: rings after every change.
            clock: the time.
            settings: limits and patience.
            image_folder: where the pictures lie; the jobs that are returned say so.
        """
        self._store = store
        self._servers = servers
        self._wholes = Wholes(store, clock)
        self._targets = Targets(servers, clock)
        self._intake = Intake(self._targets, settings)
        self._changes = changes
        self._clock = clock
        self._settings = settings
        self._image_folder = image_folder

    def submit(
        self, submissions: Iterable[Submission], *, idempotency_key: str | None = None
    ) -> Sequence[Job]:
        """Accept jobs, all or none, in one transaction.

        By the setting ``split_batches``, those with many pictures that any server may make are cut
        into parts, which nobody sees who does not ask for them.

        Raises:
            InvalidParams: lists every bad field of the first job that has any.
            ServerNotFound: a target is neither a server, nor ``auto``, nor a group of servers.
            IdempotencyKeyReused: the key was used before for something else.
        """
        wanted = tuple(submissions)
        jobs = self._intake.jobs_of(wanted, now=self._clock.now())
        key = None
        if idempotency_key is not None:
            problem = key_problem(idempotency_key)
            if problem is not None:
                raise InvalidParams([problem])
            key = IdempotencyKey(key=idempotency_key, digest=digest_of(wanted))
        kept = self._store.add(jobs, key, fair=self._settings.fairness)
        return [self._located(job) for job in kept if job.part_of is None]

    def get(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            JobNotFound: there is none.
        """
        return self._located(self._store.get(job_id))

    def parts(self, job_id: str) -> Sequence[Job]:
        """The jobs that make the pictures of this one, in their order; most jobs have none.

        Raises:
            JobNotFound: there is none of this id.
        """
        job = self._store.get(job_id)
        return [self._located(part) for part in self._store.parts_of(job.id)] if job.parts else []

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
            JobIsPart: it makes some pictures of another one.
        """
        self._own(job_id)
        job = self._settled(self._change(job_id, self._cancelled_or_asked))
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
            JobIsPart: it makes some pictures of another one.
        """
        job = self._own(job_id)
        self._targets.check(job.target)
        self._retried(job)
        for part in self.parts(job_id):
            # Before the whole: while that has ended, nobody looks whether the parts are in step.
            # Those that were completed are not made again.
            with suppress(JobNotRetryable, JobNotFound):
                self._change(part.id, self._retried, EventKind.JOB_RETRIED)
        return self._settled(self._change(job_id, self._retried, EventKind.JOB_RETRIED))

    def hold(self, job_id: str) -> Job:
        """Let a pending job not start until it is released.

        Raises:
            JobNotFound: there is none.
            JobNotPending: it has started already, or has ended.
            JobIsPart: it makes some pictures of another one.
        """
        self._settled(self._own(job_id))
        return self._settled(self._change(job_id, lambda job: job.hold(now=self._clock.now())))

    def release(self, job_id: str) -> Job:
        """Let a job start that was held; a ``not_before`` of its user's still holds.

        Raises:
            JobNotFound: there is none.
            JobNotPending: it has started already, or has ended.
            JobIsPart: it makes some pictures of another one.
        """
        self._settled(self._own(job_id))
        return self._settled(self._change(job_id, lambda job: job.release(now=self._clock.now())))

    def move_to_front(self, job_id: str) -> Job:
        """Let a pending job go before all others of its priority.

        Raises:
            JobNotFound: there is none.
            JobNotPending: it has started already, or has ended.
            JobIsPart: it makes some pictures of another one.
        """
        self._settled(self._own(job_id)).move(now=self._clock.now())
        for part in reversed(self.parts(job_id)):
            # A part that has begun, or ended, stands before the others as it is.
            with suppress(JobNotPending, JobNotFound):
                self._move(part.id)
        return self._move(job_id)

    def delete(self, job_id: str, *, timeout: float) -> Sequence[str]:
        """Forget a job; a running one is cancelled first. Downloads go on, as with a cancel.

        Returns:
            the names of its pictures; also of those that only some of its parts have made.

        Raises:
            JobNotFound: there is none.
            JobStillRunning: its server did not confirm the cancel within ``timeout`` seconds.
            JobIsPart: it makes some pictures of another one.
        """
        names: dict[str, None] = {}
        while True:
            job = self._own(job_id)
            if job.status is JobStatus.PROCESSING or (job.parts and not job.status.ended):
                try:
                    job = self.cancel(job_id, timeout=timeout)
                except JobNotCancellable:
                    # It has just ended by itself.
                    continue
                if not job.status.ended:
                    raise JobStillRunning(job_id)
            # The parts first: a part whose whole is gone would run for nobody.
            doomed = (*self._store.parts_of(job.id), job) if job.parts else (job,)
            names |= {name: None for each in doomed if each.result for name in each.result.images}
            try:
                for each in doomed:
                    self._store.delete(each, event_of(EventKind.JOB_DELETED, each))
            except (StaleJob, JobNotFound):
                continue
            return tuple(names)

    def position(self, job: Job) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending."""
        now = self._clock.now()
        if not job.parts:
            return self._store.position(job, now=now)
        parts = self._store.parts_of(job.id)
        places = [self._store.position(part, now=now) for part in parts]
        ahead = min((place for place in places if place is not None), default=None)
        return ahead if job.status is JobStatus.PENDING else None

    def forget_target(self, target: str) -> None:
        """A server was removed or renamed: no job may be submitted for it any more."""
        self._targets.forget(target)

    def open_on(self, server: str) -> Sequence[Job]:
        """Every pending or processing job for this server, and those for any that it runs."""
        waiting_or_running = self._store.open_on(server)
        running = [job for job in self._store.processing() if runs_on(job) == server]
        return list({job.id: job for job in (*waiting_or_running, *running)}.values())

    def cancel_all_on(self, server: str) -> None:
        """Cancel every open job on this server, which is about to go.

        Running ones are waited for as a cancel does; then they are cancelled all the same. With a
        part, the whole batch is cancelled: without its pictures it would never be complete.
        """
        asked = self.open_on(server)
        for job in asked:
            for job_id in filter(None, (job.part_of, job.id)):
                # One that has ended or is gone meanwhile needs no cancel.
                with suppress(JobNotCancellable, JobNotFound):
                    self._settled(self._change(job_id, self._cancelled_or_asked))
        deadline = time.monotonic() + self._settings.cancel_wait
        still_open = {job.id for job in self.open_on(server)}
        for job in asked:
            if job.id in still_open:
                with suppress(JobNotFound):
                    self._see_off(job, deadline)

    def wait_until_idle(self, server: str, timeout: float | None) -> bool:
        """Wait until no job runs on this server, which takes no more of them; None: for ever.

        Whoever had looked just before the server was paused may still be taking a job. So it is
        idle only once nothing was seen there for a while, though the time may be up by then.

        Returns:
            whether that came true in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        sure_at = math.inf
        while True:
            heard, now = self._changes.rings, time.monotonic()
            known = {each.alias for each in self._servers.list()}
            running = self._store.processing()
            if any(may_run_on(job, server, known) for job in running):
                if deadline is not None and now >= deadline:
                    return False
                sure_at = math.inf
            elif now >= sure_at:
                return True
            else:
                sure_at = min(sure_at, time.monotonic() + ANOTHER_PROCESS_SECONDS)
            patience = min(ANOTHER_PROCESS_SECONDS, sure_at - time.monotonic())
            self._changes.wait(heard, max(0.0, patience))

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

    def _see_off(self, job: Job, deadline: float) -> None:
        """Wait until a job that was asked to stop has ended; at the deadline, end it here.

        Raises:
            JobNotFound: it was deleted meanwhile.
        """
        try:
            self.wait(job.id, max(0.0, deadline - time.monotonic()))
        except WaitTimedOut:
            self._change(job.id, self._cancelled)
            if job.part_of is not None:
                self._settled(self.get(job.part_of))

    def _own(self, job_id: str) -> Job:
        """A job of its own, with which its user may do as he likes.

        Raises:
            JobNotFound: there is none of this id.
            JobIsPart: it makes some pictures of another one.
        """
        job = self._store.get(job_id)
        if job.part_of is not None:
            raise JobIsPart(job_id, job.part_of)
        return job

    def _located(self, job: Job) -> Job:
        return evolve(job, image_folder=self._image_folder)

    def _settled(self, job: Job) -> Job:
        """The job in step with its parts, which hear of what its user wants; itself without."""
        return self._located(self._wholes.settle(job)) if job.parts else job

    def _cancelled(self, job: Job) -> Job:
        return job if job.status.ended else job.cancel(now=self._clock.now())

    def _cancelled_or_asked(self, job: Job) -> Job:
        now = self._clock.now()
        if job.status is JobStatus.PROCESSING or (job.parts and not job.status.ended):
            return job if job.cancel_requested else job.request_cancel(now=now)
        return job.cancel(now=now)

    def _retried(self, job: Job) -> Job:
        return job.retry(now=self._clock.now())

    def _change(
        self, job_id: str, change: Callable[[Job], Job], kind: EventKind | None = None
    ) -> Job:
        """Read, change, keep; again if someone else was faster.

        Args:
            job_id: of the job.
            change: gives the job itself if there is nothing to change.
            kind: what the change is called; None: what can be told from before and after.
        """
        while True:
            present = self.get(job_id)
            changed = change(present)
            if changed is present:
                return present
            event = event_of(kind or kind_of_change(present, changed), changed)
            try:
                return self._store.replace(changed, event)
            except StaleJob:
                continue

    def _move(self, job_id: str) -> Job:
        """As :meth:`_change`, but that the store gives it a place."""
        while True:
            moved = self.get(job_id).move(now=self._clock.now())
            try:
                return self._store.move_to_front(moved, event_of(EventKind.JOB_MOVED, moved))
            except StaleJob:
                continue
