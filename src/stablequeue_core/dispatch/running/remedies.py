"""What is tried after a failure: a ladder for each kind of it. Functions of values.

A job runs as it is first. Each time that a server fails it in the same way, the next rung is
taken; one that the job does not allow is left out, and the last one is repeated until the job's
attempts are used up. Each server begins at the foot of the ladder.

::

    what happened                               what is tried, one after the other
    ──────────────────────────────────────────────────────────────────────────────────────────
    out of memory                               after unloading → smaller batch → elsewhere
    another model, sampler, LoRA ... was used   elsewhere → again    (its lists are not believed)
    no progress; fails every job, cure or not   elsewhere → again    (it gets no jobs for a while)
    the answer was lost, or is no answer        again → elsewhere
    somebody pressed Interrupt                  again → elsewhere
    it broke for another reason                 again → elsewhere
    the checkpoint's file cannot be read        elsewhere            (another copy may be whole)
    it has no such model after all              elsewhere → again    (no rung: a server was named)

``smaller batch`` is for jobs that say ``allow_smaller_batch``, ``elsewhere`` for those that leave
the choice of the server to us, as long as there is another one that may run them. What a rung did
is done on the rungs above it, too: a smaller batch is made after unloading.

Which rung is next is read from the job's own ledger, so it survives every restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from attrs import evolve, frozen

from stablequeue_core.errors import BackendError, NotOnServer, RequestRefused
from stablequeue_core.generation import GenerationRequest
from stablequeue_core.jobs import Attempt, Job


class Rung(StrEnum):
    """One thing to try after a failure."""

    AGAIN = "again"
    UNLOAD = "after unloading"
    SMALLER_BATCH = "smaller batch"
    ELSEWHERE = "elsewhere"


Ladder = tuple[Rung, ...]

_AGAIN_FIRST: Ladder = (Rung.AGAIN, Rung.ELSEWHERE)
_ELSEWHERE_FIRST: Ladder = (Rung.ELSEWHERE, Rung.AGAIN)

LADDERS: Mapping[str, Ladder] = {
    "out_of_memory": (Rung.UNLOAD, Rung.SMALLER_BATCH, Rung.ELSEWHERE),
    "wrong_model": _ELSEWHERE_FIRST,
    "wrong_sampler": _ELSEWHERE_FIRST,
    "wrong_scheduler": _ELSEWHERE_FIRST,
    "wrong_module": _ELSEWHERE_FIRST,
    "wrong_lora": _ELSEWHERE_FIRST,
    "stalled": _ELSEWHERE_FIRST,
    "server_poisoned": _ELSEWHERE_FIRST,
    "checkpoint_unreadable": (Rung.ELSEWHERE,),
}
"""What happened, by its code → what is tried. All else that is a server's fault: again first."""


def ladder_of(error: BackendError, *, is_free: bool) -> Ladder:
    """The ladder of what happened; none: it is the job's own fault.

    Args:
        error: what happened.
        is_free: whether the choice of the server is ours.
    """
    if isinstance(error, NotOnServer):
        # Its lists had it when the job was claimed; whoever named the server is told at once.
        return _ELSEWHERE_FIRST if is_free else ()
    return LADDERS.get(error.code, () if isinstance(error, RequestRefused) else _AGAIN_FIRST)


@frozen(kw_only=True)
class Possible:
    """Which rungs there are for one job besides those that there are for all.

    Attributes:
        smaller_batch: whether it may be made in smaller batches than it asks for, and can.
        elsewhere: whether another server may run it that has not failed it yet.
    """

    smaller_batch: bool = False
    elsewhere: bool = False

    def on(self, ladder: Ladder) -> Ladder:
        """Those of the rungs that can be taken."""
        left_out = {
            *(() if self.smaller_batch else (Rung.SMALLER_BATCH,)),
            *(() if self.elsewhere else (Rung.ELSEWHERE,)),
        }
        return tuple(rung for rung in ladder if rung not in left_out)


def may_be_smaller(request: GenerationRequest) -> bool:
    """Whether fewer pictures may be made at once than the job asks for."""
    return request.allow_smaller_batch and request.batch_size > 1


def next_rung(job: Job, code: str, ladder: Ladder, possible: Possible) -> Rung | None:
    """What to try after ``job`` has failed on its server once more, with ``code``.

    Args:
        job: as it was during the attempt.
        code: of what happened.
        ladder: what there is to try.
        possible: what the job allows.

    Returns:
        None when there is nothing to try.
    """
    rungs = possible.on(ladder)
    times = [attempt.error for attempt in failed_here(job)].count(code) + 1
    return rungs[min(times, len(rungs)) - 1] if rungs else None


@frozen(kw_only=True)
class Treatment:
    """What is to be done before a job runs on a server that has failed it before.

    Attributes:
        unload: whether the server shall take its models out of its memory first.
        halvings: how often the batch is halved.
        elsewhere: whether this is another server than the one that failed the job.
    """

    unload: bool = False
    halvings: int = 0
    elsewhere: bool = False


def treatment_of(job: Job, request: GenerationRequest) -> Treatment:
    """What is to be done before ``job`` runs, by its ledger.

    Args:
        job: as it was claimed.
        request: what it asks for.
    """
    code = "out_of_memory"
    times = [attempt.error for attempt in failed_here(job)].count(code)
    possible = Possible(smaller_batch=may_be_smaller(request), elsewhere=job.server in job.avoids)
    rungs = possible.on(LADDERS[code])
    taken = [rungs[min(n, len(rungs) - 1)] for n in range(times)]
    return Treatment(
        unload=Rung.UNLOAD in taken,
        halvings=taken.count(Rung.SMALLER_BATCH),
        elsewhere=bool(job.avoids) and job.server not in job.avoids,
    )


def failed_since_retry(job: Job) -> Sequence[Attempt]:
    """The attempts that were counted against the job since its user's last retry."""
    counted = [attempt for attempt in job.attempts if attempt.counted]
    return counted[-job.failures :] if job.failures else ()


def failed_here(job: Job) -> Sequence[Attempt]:
    """Those of them that were made on the server of its newest attempt."""
    return [attempt for attempt in failed_since_retry(job) if attempt.server == job.server]


def with_remedy(job: Job, remedy: str | None) -> Job:
    """The job, with what was done before its newest attempt written into the ledger."""
    if remedy is None or not job.attempts:
        return job
    newest = evolve(job.attempts[-1], remedy=remedy)
    return evolve(job, attempts=(*job.attempts[:-1], newest))
