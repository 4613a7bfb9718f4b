"""What became of a job so far, and how long things take: values put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from stablequeue_core.jobs import Attempt, AttemptOutcome, Job, JobStatus
from stablequeue_core.servers import is_for_any

_MINUTE, _HOUR = 60.0, 3600.0


def about(seconds: float) -> str:
    """So much time, for people.

    Example:
        >>> about(0.3), about(42.4), about(200), about(9000)
        ('about a second', 'about 42 s', 'about 3 min', 'about 2.5 h')
    """
    if seconds < 1.5:
        return "about a second"
    if seconds < 1.5 * _MINUTE:
        return f"about {seconds:.0f} s"
    if seconds < 1.5 * _HOUR:
        return f"about {seconds / _MINUTE:.0f} min"
    return f"about {seconds / _HOUR:.1f} h"


def outcome(job: Job) -> str:
    """How a job ended."""
    if job.status is JobStatus.FAILED and job.failure is not None:
        return f"It failed. {job.failure.message}"
    if job.status is JobStatus.CANCELLED:
        return "It was cancelled."
    last = job.attempt
    if last is None or last.ended_at is None:
        return "It is completed." if job.status is JobStatus.COMPLETED else "It has ended."
    took = about((last.ended_at - last.started_at).total_seconds())
    return f"Server {last.server!r} made it in {took}."


def running(job: Job, left: float | None, fraction: float | None) -> str:
    """What a job does that runs."""
    told = f"It runs on server {job.server!r}"
    if fraction is not None:
        told += f", {fraction:.0%} done"
    if left is not None:
        told += f", {about(left)} to go"
    if job.cancel_requested:
        told += "; its server was asked to stop it"
    return f"{told}."


def chosen_why(job: Job) -> str | None:
    """Why the server runs it that does, or ran it last."""
    if job.server is None:
        return None
    if not is_for_any(job.target):
        return "The job names it."
    others = [alias for alias in job.avoids if alias != job.server]
    if others:
        names = ", ".join(map(repr, others))
        return f"It has all that the job needs, which had failed on {names} before."
    return "It had all that the job needs when it asked for its next one."


def story(job: Job, now: datetime) -> tuple[str, ...]:
    """How the job fared so far, a sentence for each attempt."""
    return tuple(_attempt(attempt, now) for attempt in job.attempts)


def parts(job: Job, each: Sequence[Job]) -> str:
    """How far a job is that is made in parts."""
    done = sum(part.status is JobStatus.COMPLETED for part in each)
    running = [part for part in each if part.status is JobStatus.PROCESSING]
    waiting = sum(part.status is JobStatus.PENDING for part in each)
    told = [f"{done} of them done"]
    if running:
        servers = ", ".join(sorted({repr(part.server) for part in running}))
        told.append(f"{len(running)} on {servers}")
    if waiting:
        told.append(f"{waiting} still to start")
    return f"It is made in {len(job.parts)} parts: {', '.join(told)}."


def outcome_of_parts(whole: Job, each: Sequence[Job]) -> str:
    """How a job ended that was made in parts."""
    made = [part for part in each if part.status is JobStatus.COMPLETED]
    if whole.status is not JobStatus.COMPLETED or not made or whole.ended_at is None:
        return outcome(whole)
    shares = Counter(repr(part.server) for part in made)
    by = ", ".join(f"{count} by server {server}" for server, count in sorted(shares.items()))
    began = min(part.attempts[0].started_at for part in made)
    took = about((whole.ended_at - began).total_seconds())
    return f"It was made in {len(whole.parts)} parts in {took}: {by}."


def story_of_parts(each: Sequence[Job], now: datetime) -> tuple[str, ...]:
    """How the parts of a job fared so far, a sentence for each attempt at one of them."""
    return tuple(
        f"Part {number} of {len(each)}: {sentence}"
        for number, part in enumerate(each, 1)
        for sentence in story(part, now)
    )


def _attempt(attempt: Attempt, now: datetime) -> str:
    remedy = f", {attempt.remedy}" if attempt.remedy else ""
    where = f"Attempt {attempt.number} on server {attempt.server!r}{remedy}"
    took = about(((attempt.ended_at or now) - attempt.started_at).total_seconds())
    if attempt.ended_at is None:
        return f"{where} has been under way for {took}."
    if attempt.outcome is AttemptOutcome.COMPLETED:
        return f"{where} was done in {took}."
    how = attempt.outcome.value if attempt.outcome else "ended"
    return f"{where}: {how} after {took}. {attempt.message or ''}".rstrip()
