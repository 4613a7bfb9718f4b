"""What can be wrong with a job, or with what is asked of one."""

from __future__ import annotations

from stablequeue_core.errors.base import Conflict, InvalidFields, NotFound, StableQueueError


class InvalidParams(InvalidFields):
    """The request to make a picture cannot be accepted; ``problems`` lists every bad field."""

    code = "invalid_params"
    _subject = "Invalid parameter"


class InvalidInfotext(StableQueueError):
    """The text, or the picture, does not tell how it was made."""

    code = "invalid_infotext"


class JobNotFound(NotFound):
    """No job has this id."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} not found.", {"job_id": job_id})


class IllegalTransition(Conflict):
    """A job cannot go from its present status to the wanted one; nothing was changed."""

    code = "illegal_transition"
    _sentence = "Job {job_id} is {present} and cannot become {wanted}."

    def __init__(self, job_id: str, present: str, wanted: str) -> None:
        super().__init__(
            self._sentence.format(job_id=job_id, present=present, wanted=wanted),
            {"job_id": job_id, "status": present, "wanted": wanted},
        )


class JobNotCancellable(IllegalTransition):
    """The job has already ended."""

    code = "job_not_cancellable"
    _sentence = "Job {job_id} has already ended ({present}); there is nothing to cancel."


class JobNotRetryable(IllegalTransition):
    """Only a failed or cancelled job can be tried again."""

    code = "job_not_retryable"
    _sentence = "Job {job_id} is {present}; only a failed or cancelled job can be tried again."


class JobNotPending(Conflict):
    """Only a job that waits can be held, released or moved to the front."""

    code = "job_not_pending"

    def __init__(self, job_id: str, present: str) -> None:
        super().__init__(
            f"Job {job_id} is {present}; only a pending job can be held, released or moved.",
            {"job_id": job_id, "status": present},
        )


class JobIsPart(Conflict):
    """It makes some pictures of another job, and does what that one does."""

    code = "job_is_part"

    def __init__(self, job_id: str, whole: str) -> None:
        super().__init__(
            f"Job {job_id} makes some of the pictures of job {whole}; cancel, hold, release, move, "
            "retry or delete that one.",
            {"job_id": job_id, "part_of": whole},
        )


class JobStillRunning(Conflict):
    """The job's server has not confirmed that it stopped."""

    code = "job_still_running"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"Job {job_id} is still running: its server has not confirmed the cancel yet. "
            "Try again in a moment; `explain` tells what keeps it.",
            {"job_id": job_id},
        )


class StaleJob(Conflict):
    """Someone else changed the job first; nothing of this change was kept."""

    code = "stale_job"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"Job {job_id} was changed by someone else meanwhile; read it again.",
            {"job_id": job_id},
        )


class IdempotencyKeyReused(Conflict):
    """The same key was used before with another body."""

    code = "idempotency_key_reused"

    def __init__(self, key: str) -> None:
        super().__init__(
            "This Idempotency-Key was used before with another request; use a new key.",
            {"key": key},
        )


class WaitTimedOut(StableQueueError):
    """The job had not ended when the caller's patience did; the job goes on."""

    code = "wait_timed_out"

    def __init__(self, job_id: str, seconds: float, status: str) -> None:
        super().__init__(
            f"Job {job_id} is still {status} after {seconds:g} s; it goes on without you.",
            {"job_id": job_id, "seconds": seconds, "status": status},
        )
