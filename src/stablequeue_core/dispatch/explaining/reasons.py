"""Why a job waits: values put into words, nobody is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from stablequeue_core.dispatch.choosing.policy import PassedOver
from stablequeue_core.dispatch.explaining.alike import shared
from stablequeue_core.dispatch.explaining.explanation import ServerOutlook
from stablequeue_core.dispatch.explaining.overview import ServerView
from stablequeue_core.dispatch.explaining.telling import about
from stablequeue_core.jobs import Job
from stablequeue_core.quantities import count_text
from stablequeue_core.serialization import to_iso
from stablequeue_core.servers import GROUP_PREFIX, Server, is_for_any

HELD = "Its user holds it back; it starts after it is released."
PAUSED = "The queue is paused."
SUPPLIED = "What it waited for has arrived; it goes on in a moment."
NOBODY_AT_WORK = (
    "No process runs jobs now: start one with `stablequeue work`, or open the queue with "
    "`dispatch=True`."
)

MOST_TOLD = 4
"""So many different things are said of servers; what is the same is said once."""

_Said = tuple[Server, str | None]
"""A sentence about a server, if there is one."""


def not_yet(job: Job, now: datetime) -> str | None:
    """Why a job is left alone until a time; None when that has passed."""
    if job.not_before is None or job.not_before <= now:
        return None
    if job.waiting_reason is None:
        return f"It is not to start before {to_iso(job.not_before)}."
    wait = about((job.not_before - now).total_seconds())
    return f"It is tried again in {wait}. {job.waiting_reason}"


def no_server(
    job: Job, views: Sequence[ServerView], *, is_anybody_at_work: bool = True
) -> str | None:
    """Why no server takes the job now; None: one does, or nobody knows that none does."""
    ours = [view for view in views if job.target in view.server.targets]
    if not ours:
        return _no_such_target(job.target, views)
    enabled = [view for view in ours if view.server.enabled]
    if not enabled:
        return _told(_obstacles(ours))
    if not is_anybody_at_work:
        silent = next((view.silence for view in enabled if view.silence), None)
        if silent is None:
            return NOBODY_AT_WORK
        return f"No process runs jobs now. {silent.sentence} {silent.advice}"
    return _none_can(job, enabled) if is_for_any(job.target) else enabled[0].obstacle


def turn(
    job: Job,
    views: Sequence[ServerView],
    best: ServerOutlook | None,
    *,
    before: int,
    passed: PassedOver | None,
    bound: float,
    fairness: bool,
) -> str:
    """What a job waits for that will be run when its turn comes.

    Args:
        job: pending.
        views: the servers.
        best: the one where it would be done first.
        before: how many jobs come first that want these servers, too.
        passed: since when others go first although its turn has come; None: not known here.
        bound: so long they may, at most.
        fairness: whether clients take turns.
    """
    if best is None or best.starts_in is None:
        return "It waits until a server tells what it has."
    where = f"server {best.alias!r}"
    if before:
        stand = "1 job stands" if before == 1 else f"{before:,} jobs stand"
        told = f"{stand} before it; it starts in {about(best.starts_in)}, on {where} as things are."
        if fairness:
            told += " Clients take turns, so jobs that were submitted later may be among them."
    elif best.starts_in > 0:
        told = f"It is next: {where} is busy for {about(best.starts_in)} more."
    else:
        told = f"It is next, and starts at once on {where}."
    return f"{told} {_passed_over(views, best, before, passed, bound)}".rstrip()


def warning(job: Job, views: Sequence[ServerView]) -> str:
    """What becomes of it when its turn comes: whoever names a server has chosen."""
    view = next((view for view in views if view.alias == job.target), None)
    missing = view.lacks(job.requirements) if view and view.is_reachable else None
    if not missing:
        return ""
    becomes = "What it lacks is fetched first" if job.requirements.may_fetch else "It will fail"
    return f"{becomes}, as things are: {missing[0].message}"


def _no_such_target(target: str, views: Sequence[ServerView]) -> str:
    if not views:
        return "There is no server yet: add one."
    if target.startswith(GROUP_PREFIX):
        tag = target.removeprefix(GROUP_PREFIX)
        return f"No server has the tag {tag!r} (any more): give it to one, or cancel the job."
    return f"There is no server {target!r} (any more): add it again, or cancel the job."


def _none_can(job: Job, enabled: Sequence[ServerView]) -> str | None:
    """Why none of several servers takes it."""
    able = [v for v in enabled if v.can_run(job.target, job.requirements)]
    unknown = [v for v in enabled if v.can_run(job.target, job.requirements) is None]
    unable = [v for v in enabled if v not in able and v not in unknown]
    if any(view.takes_jobs for view in able):
        return None
    lacking = _told((view.server, _first_lack(job, view)) for view in unable)
    if able:
        return f"What could run it takes no jobs now. {_told(_obstacles(able))}"
    if unable and not unknown:
        return f"No server can run it. {lacking}"
    if unable and job.requirements.may_fetch:
        return f"{lacking} Nothing is fetched before server {unknown[0].alias!r} was asked, too."
    if any(view.takes_jobs for view in unknown):
        return None
    away = _told(_obstacles(unknown))
    return " ".join(filter(None, ("No server takes it now.", lacking, away)))


def _first_lack(job: Job, view: ServerView) -> str | None:
    missing = view.lacks(job.requirements)
    return missing[0].message if missing else None


def _obstacles(views: Iterable[ServerView]) -> Iterator[_Said]:
    """Why each of them takes no jobs; of a process that keeps several it is told once."""
    silent: set[str] = set()
    for view in views:
        worker = view.silence.worker if view.silence else None
        if worker in silent and view.server.enabled:
            yield view.server, f"The same process keeps server {view.alias!r}."
        else:
            yield view.server, view.obstacle
        silent.update(filter(None, [worker]))


def _told(said: Iterable[_Said]) -> str:
    """What is said of the servers; of what is alike they are named together."""
    each = list(shared((server, sentence) for server, sentence in said if sentence))
    told = " ".join(one.told() for one in each[:MOST_TOLD])
    more = sum(len(one.servers) for one in each[MOST_TOLD:])
    return f"{told} Nor does it run on {count_text(more, 'other server')}." if more else told


def _passed_over(
    views: Sequence[ServerView],
    best: ServerOutlook,
    before: int,
    passed: PassedOver | None,
    bound: float,
) -> str:
    """Until when, at most, others go first because their checkpoint is loaded."""
    if passed is not None:
        return (
            f"Since {to_iso(passed.since)} others go first whose checkpoints are loaded; at "
            f"{to_iso(passed.until)} at the latest it goes before all of them."
        )
    loaded = next((v.health.loaded_checkpoint for v in views if v.alias == best.alias), None)
    if best.is_loaded or loaded is None or not (before or best.starts_in):
        return ""
    return (
        f"Jobs for {loaded!r}, which {best.alias!r} has loaded, may go first, but for "
        f"{about(bound)} at the most once its turn has come."
    )
