"""Why a job that was begun does not go on: its process is silent, or its lease has run out."""

from __future__ import annotations

from datetime import datetime

from stablequeue_core.jobs import Job
from stablequeue_core.servers import Silence, process_text

IN_A_MOMENT = "in a moment that is renewed, or another process takes the job over."


def has_run_out(job: Job, now: datetime) -> bool:
    """Whether the job is marked as running longer than its process may claim it.

    A job that is made in parts has no lease of its own.
    """
    return job.lease is not None and job.lease.until < now


def of_server(job: Job | None, silence: Silence | None, trouble: str | None) -> str:
    """Why a server gets no jobs whose process is silent, or has lost its claim to this job.

    Args:
        job: processing there; None: nothing is.
        silence: of the process that holds the server; None: that one lives, or nobody holds it.
        trouble: why the server cannot be asked; None: it can.
    """
    if silence is not None:
        return f"{silence.sentence} {silence.advice}"
    if trouble is not None and job is not None and job.cancel_requested:
        return f"It has to tell first whether it still works on a job that was cancelled. {trouble}"
    return f"It runs a job, but {_claim(job)} has run out: {IN_A_MOMENT}"


def of_job(
    job: Job,
    silence: Silence | None,
    fraction: float | None,
    *,
    trouble: str | None,
    is_anybody_at_work: bool,
) -> str:
    """What becomes of a job that was begun, and that nobody is known to see to.

    Args:
        job: processing.
        silence: of the process that holds its server; None: that one lives, or nobody holds it.
        fraction: how far the job was when that was told last; None: nobody has told.
        trouble: why its server cannot be asked; None: it can.
        is_anybody_at_work: whether any process runs jobs.
    """
    told = f"It was begun on server {job.server!r}"
    if fraction is not None:
        told += f", and {fraction:.0%} done when that was told last"
    if silence is not None:
        told += f"; nobody sees to it now. {silence.sentence} {silence.advice}"
    elif is_anybody_at_work and trouble is not None and job.cancel_requested:
        return f"{told}. It is cancelled once the server tells that it has stopped. {trouble}"
    elif is_anybody_at_work:
        told += f", but {_claim(job)} has run out: {IN_A_MOMENT}"
    else:
        told += (
            ", but no process runs jobs now: start one with `stablequeue work`, and it is made "
            "again, with the same pictures."
        )
    return f"{told} Then it is cancelled, as was asked." if job.cancel_requested else told


def _claim(job: Job | None) -> str:
    lease = job.lease if job else None
    return f"the claim of {process_text(lease.worker)} to it" if lease else "the claim to it"
