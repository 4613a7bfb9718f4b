"""The ``stablequeue jobs`` commands: look at the queue of jobs, and change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click

from stablequeue_core import Job, JobStatus, StableQueue
from stablequeue_core.quantities import count_text
from stablequeue_core.serialization import to_iso
from stablequeue_core.servers import is_for_any
from stablequeue_flask.job_ids import JobFinder, short_ids
from stablequeue_flask.json_option import json_option, say_json
from stablequeue_flask.one_by_one import end, one_by_one
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import Fact, fact_lines, printable, room, say, table
from stablequeue_flask.shown import job_in_full, job_shown
from stablequeue_flask.too_early import is_too_early, standing_in_time

_HEAD = ("id", "status", "server", "prio", "submitted", "prompt")
_CUT = (2, 5)
_LONGEST_PROMPT = 40
_TO_THE_MINUTE = len("2025-05-14T02:34")

_ids = click.argument("job_ids", metavar="ID...", nargs=-1, required=True)


@click.group()
def jobs() -> None:
    """Look at the jobs, and change what becomes of them.

    The first characters of an id will do, 4 at least, where no other job's id begins so.
    """


@jobs.command("list")
@data_dir_option
@database_option
@option(
    "--status",
    type=click.Choice([each.value for each in JobStatus]),
    help="Only jobs that stand there.",
)
@option("--limit", type=click.IntRange(1), default=50, help="At most so many, newest first.")
@json_option
def list_jobs(
    data_dir: Path, database_url: str | None, status: str | None, limit: int, as_json: bool
) -> None:
    """List the jobs, newest first.

    Where they stand, and which server runs or has run them.
    """
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        page = queue.list(status=status, limit=limit)
        if as_json:
            jobs = [job_shown(queue, job) for job in page.jobs]
            say_json({"total": page.total, "jobs": jobs})
            return
        if not page.total:
            say("There is no job." if status is None else f"No job is {status}.")
            return
        say(table([_HEAD, *_rows(queue, page.jobs)], within=room(), cut=_CUT))
        if more := page.total - len(page.jobs):
            # Not among the jobs, for whoever counts lines.
            say(f"… and {more:,} older ones.", err=True)


@jobs.command()
@data_dir_option
@database_option
@json_option
@click.argument("job_id", metavar="ID")
def show(data_dir: Path, database_url: str | None, as_json: bool, job_id: str) -> None:
    """Tell all that is known of the job ID."""
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        job = JobFinder(queue).find(job_id)
        if as_json:
            say_json(job_in_full(queue, job))
            return
        facts = list(_facts(queue, job))
    say("\n".join(fact_lines(facts, within=room())))


@jobs.command()
@data_dir_option
@database_option
@_ids
def cancel(data_dir: Path, database_url: str | None, job_ids: Sequence[str]) -> None:
    """Cancel the jobs ID..., also while they run.

    One that runs is stopped by the process that runs it.
    """
    _each(data_dir, database_url, job_ids, StableQueue.cancel, _is_now)


@jobs.command()
@data_dir_option
@database_option
@_ids
def retry(data_dir: Path, database_url: str | None, job_ids: Sequence[str]) -> None:
    """Try the failed or cancelled jobs ID... again."""
    _each(data_dir, database_url, job_ids, StableQueue.retry, _is_now)


@jobs.command()
@data_dir_option
@database_option
@_ids
def hold(data_dir: Path, database_url: str | None, job_ids: Sequence[str]) -> None:
    """Let pending jobs wait until they are released.

    None of the jobs ID... starts before that.
    """
    _each(data_dir, database_url, job_ids, StableQueue.hold, _is_now)


@jobs.command()
@data_dir_option
@database_option
@_ids
def release(data_dir: Path, database_url: str | None, job_ids: Sequence[str]) -> None:
    """Let the jobs ID... start that were held."""
    _each(data_dir, database_url, job_ids, StableQueue.release, _is_now)


@jobs.command()
@data_dir_option
@database_option
@_ids
def front(data_dir: Path, database_url: str | None, job_ids: Sequence[str]) -> None:
    """Let pending jobs go before all others.

    Of their priority, that is; the first of the jobs ID... goes first of all.
    """
    # Each goes before those that were moved before it.
    _each(data_dir, database_url, job_ids[::-1], StableQueue.move_to_front, _goes_first)


def _each(
    data_dir: Path,
    database_url: str | None,
    job_ids: Sequence[str],
    change: Callable[[StableQueue, str], Job],
    sentence: Callable[[Job], str],
) -> None:
    def changed(job_id: str) -> str:
        return sentence(change(queue, finder.find(job_id).id))

    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        finder = JobFinder(queue)
        end(one_by_one(job_ids, changed))


def _is_now(job: Job) -> str:
    return f"Job {job.id} is {_standing(job)}."


def _goes_first(job: Job) -> str:
    but = ", once its time has come" if is_too_early(job) else ""
    but = ", once it is released" if _is_held(job) else but
    return f"Job {job.id} goes before all others of priority {job.priority} now{but}."


def _standing(job: Job) -> str:
    if job.cancel_requested and not job.status.ended:
        return f"{job.status}; its cancel is requested"
    return f"{job.status}, and held" if _is_held(job) else job.status.value


def _is_held(job: Job) -> bool:
    return job.held and not job.status.ended


def _rows(queue: StableQueue, jobs: Sequence[Job]) -> Iterator[Sequence[str]]:
    for job, job_id in zip(jobs, short_ids(job.id for job in jobs), strict=True):
        prompt = str(job.params.get("positive_prompt", ""))
        is_long = len(prompt) > _LONGEST_PROMPT
        yield (
            job_id,
            "held" if _is_held(job) else standing_in_time(job),
            printable(_where(queue, job)),
            str(job.priority),
            to_iso(job.created_at)[:_TO_THE_MINUTE] + "Z",
            printable(prompt[: _LONGEST_PROMPT - 1] + "…" if is_long else prompt),
        )


def _where(queue: StableQueue, job: Job) -> str:
    """The server that it names; for any other target also the one that runs it, or has run it."""
    if job.status is JobStatus.PENDING or not is_for_any(job.target):
        return job.target
    servers = _servers(queue.parts(job.id)) if job.parts else _servers([job])
    if not servers:
        return job.target
    return f"{servers[0] if len(servers) == 1 else f'{len(servers)} servers'} ({job.target})"


def _servers(jobs: Iterable[Job]) -> Sequence[str]:
    return list(dict.fromkeys(job.server for job in jobs if job.server))


def _facts(queue: StableQueue, job: Job) -> Iterator[Fact]:
    position, failure = queue.position(job), job.failure
    yield "Job", job.id
    yield "Prompt", str(job.params.get("positive_prompt", ""))
    yield "Checkpoint", job.checkpoint
    yield "Target", job.target
    yield "Status", _standing(job)
    # Servers are asked what they have: nobody has told this process yet.
    yield "It waits", queue.explain(job).why if job.status is JobStatus.PENDING else None
    yield "Before it", None if position is None else count_text(position, "job")
    yield "It failed", failure.message if failure else None
    yield "Priority", str(job.priority)
    yield "Client", job.client_id
    yield "Submitted", to_iso(job.created_at)
    yield "Not before", to_iso(job.not_before) if job.not_before else None
    yield "Ended", to_iso(job.ended_at) if job.ended_at else None
    for attempt in job.attempts:
        outcome = attempt.outcome or "it runs"
        said = f": {attempt.message}" if attempt.message else ""
        yield f"Attempt {attempt.number}", f"{attempt.server}, {outcome}{said}"
    for place, part in enumerate(queue.parts(job.id), start=1):
        at = f" on {part.server}" if part.server else ""
        pictures = count_text(len(part.pictures or ()), "picture")
        yield f"Part {place}", f"{pictures}, {_standing(part)}{at}"
    for path in job.images:
        yield "Picture", str(path)
