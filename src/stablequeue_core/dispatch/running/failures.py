"""What follows from a failure: for the job, and for the server. Functions of values."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from stablequeue_core.dispatch.running.remedies import Possible, Rung, ladder_of, next_rung
from stablequeue_core.errors import (
    AnswerLost,
    BackendError,
    ServerPoisoned,
    ServerUnreachable,
    StableQueueError,
    Stalled,
)
from stablequeue_core.jobs import AttemptOutcome, Job
from stablequeue_core.servers import is_for_any
from stablequeue_core.settings import Settings


@frozen(kw_only=True)
class Verdict:
    """What follows from a failure.

    Attributes:
        retry_after: seconds until the job may run again; None: it has failed for good.
        outcome: what the ledger says of the attempt.
        counted: whether it uses up one of the job's attempts.
        open_circuit: whether the server gets no more jobs until it was found well.
        avoid: whether other servers shall have the job first.
    """

    retry_after: float | None
    outcome: AttemptOutcome
    counted: bool
    open_circuit: bool = False
    avoid: bool = False


def judge(
    error: StableQueueError,
    job: Job,
    possible: Possible,
    settings: Settings,
    jitter: Callable[[], float],
) -> Verdict:
    """What follows when an attempt at ``job`` ended with ``error``.

    Args:
        error: what happened.
        job: as it was during the attempt.
        possible: what else could be tried.
        settings: how often to try, and how long to wait.
        jitter: a random number from 0 to 1.
    """
    if isinstance(error, ServerUnreachable):
        return Verdict(
            retry_after=0.0, outcome=AttemptOutcome.UNREACHABLE, counted=False, open_circuit=True
        )
    failures = job.failures + 1
    rung = _rung(error, job, possible) if failures < settings.max_attempts else None
    return Verdict(
        retry_after=None if rung is None else backoff(failures, settings, jitter),
        outcome=AttemptOutcome.LOST
        if isinstance(error, AnswerLost | Stalled)
        else AttemptOutcome.FAILED,
        counted=True,
        open_circuit=isinstance(error, Stalled | ServerPoisoned),
        avoid=rung is Rung.ELSEWHERE,
    )


def backoff(failures: int, settings: Settings, jitter: Callable[[], float]) -> float:
    """Seconds to wait after so many failures: doubling, capped, the upper half at random."""
    longest = min(settings.backoff_cap, settings.backoff_base * 2.0 ** (failures - 1))
    return longest * (0.5 + 0.5 * jitter())


def _rung(error: StableQueueError, job: Job, possible: Possible) -> Rung | None:
    """What to try next; None for what is the job's own fault, the disk's or ours."""
    if not isinstance(error, BackendError):
        return None
    ladder = ladder_of(error, is_free=is_for_any(job.target))
    return next_rung(job, error.code, ladder, possible)
