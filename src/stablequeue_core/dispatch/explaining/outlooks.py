"""What each server could do for a job, and when: worked out of one look at the fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import evolve

from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.explaining.explanation import ServerOutlook
from stablequeue_core.dispatch.explaining.overview import ServerView, seconds_left
from stablequeue_core.dispatch.explaining.telling import about
from stablequeue_core.jobs import Job
from stablequeue_core.servers import is_for_any


def outlooks(
    job: Job,
    views: Sequence[ServerView],
    lines: Mapping[str, float],
    costs: CostBook,
    *,
    unanswered: Mapping[str, str],
    now: datetime,
) -> tuple[ServerOutlook, ...]:
    """What each server could do for the job, in the order of the servers.

    Args:
        job: one that has not ended.
        views: the servers.
        lines: seconds until each could take it; none where it starts nowhere, or runs already.
        costs: what was learned of them.
        unanswered: why the lists of some are not known, by alias.
        now: the time.
    """
    found = [_outlook(job, view, lines, costs, unanswered, now) for view in views]
    best = min(
        (each for each in found if each.starts_in is not None),
        key=lambda each: _rank(job, each),
        default=None,
    )
    return tuple(evolve(each, is_best=each is best) for each in found)


def best_of(servers: Sequence[ServerOutlook]) -> ServerOutlook | None:
    """The one where the job would be done first."""
    return next((each for each in servers if each.is_best), None)


def _outlook(
    job: Job,
    view: ServerView,
    lines: Mapping[str, float],
    costs: CostBook,
    unanswered: Mapping[str, str],
    now: datetime,
) -> ServerOutlook:
    missing = view.lacks(job.requirements)
    told = tuple(error.message for error in missing or ())
    if missing is None:
        told = (unanswered.get(view.alias, f"Server {view.alias!r} has not told what it has."),)
    is_loaded = view.is_loaded(job.checkpoint)
    # Lists from before it went out of reach prove what it had, and not what it lacks.
    is_certain = missing is not None and (not missing or view.is_reachable)
    can = not missing if is_certain else None
    return ServerOutlook(
        alias=view.alias,
        can=can,
        missing=told,
        status=view.status,
        is_loaded=is_loaded,
        load_seconds=0.0 if is_loaded else costs.load(view.alias, job.checkpoint),
        seconds=costs.seconds(view.alias, job.checkpoint, job.effort),
        starts_in=_starts_in(job, view, lines, can, now),
        is_learned=costs.is_learned(view.alias, job.checkpoint),
        worker=view.worker,
        note=_note(job, view, costs, now),
    )


def _starts_in(
    job: Job, view: ServerView, lines: Mapping[str, float], can: bool | None, now: datetime
) -> float | None:
    """Seconds until it could start there; None: never, as things are."""
    if job.target not in view.server.targets or view.alias not in lines:
        return None
    # Whoever named a server has chosen: the job is tried there, whatever it lacks.
    if can is False and is_for_any(job.target):
        return None
    wait = (job.not_before - now).total_seconds() if job.not_before else 0.0
    return max(lines[view.alias], wait, 0.0)


def _rank(job: Job, each: ServerOutlook) -> tuple[bool, bool, float]:
    """Those that have failed the job come last, before them those that may lack something."""
    return each.alias in job.avoids, each.can is not True, each.done_in or 0.0


def _note(job: Job, view: ServerView, costs: CostBook, now: datetime) -> str | None:
    """What else is to be known of the server."""
    told = [each for each in (view.obstacle or view.health.last_error,) if each]
    if job.target not in view.server.targets:
        told.append(f"The job is for {job.target!r} only.")
    if view.alias in job.avoids:
        told.append("It has failed this job before; others go first.")
    if view.job is not None and view.job.id != job.id and not view.is_open_ended:
        what = _other_job(view.job, job)
        told.append(f"It runs {what}, for {about(seconds_left(view, costs, now))} more.")
    elif view.job is None and view.health.queue_depth:
        told.append(f"It works for somebody else: {view.health.queue_depth} in its own queue.")
    return " ".join(told) or None


def _other_job(running: Job, job: Job) -> str:
    """What a server runs, as somebody says who asks about ``job``."""
    if running.part_of == job.id:
        return "a part of this job"
    if job.part_of is not None and running.part_of == job.part_of:
        return "another part of the same job"
    return "another job"
