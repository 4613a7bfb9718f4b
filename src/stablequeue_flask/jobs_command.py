"""The ``stablequeue jobs`` commands: look at the queue of jobs, and change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from stablequeue_core import Job, JobStatus, StableQueue
from stablequeue_core.serialization import to_iso
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import Fact, fact_lines, printable, say, table

_HEAD = ("status", "target", "priority", "submitted", "prompt", "id")
_LONGEST_PROMPT = 40

_ids = click.argument("job_ids", metavar="ID...", nargs=-1, required=True)


@click.group()
def jobs() -> None:
    """Look at the jobs, and change what becomes of them."""


@jobs.command("list")
@data_dir_option
@database_option
@option(
    "--status",
    type=click.Choice([each.value for each in JobStatus]),
    help="Only jobs that stand there.",
)
@option("--limit", type=click.IntRange(1), default=50, help="At most so many, newest first.")
def list_jobs(data_dir: Path, database_url: str | None, status: str | None, limit: int) -> None:
    """List the jobs, newest first."""
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        page = queue.list(status=status, limit=limit)
        if not page.total:
            say("There is no job." if status is None else f"No job is {status}.")
            return
        say(table([_HEAD, *map(_row, page.jobs)]))
        if more := page.total - len(page.jobs):
            say(f"… and {more:,} older ones.")


@jobs.command()
@data_dir_option
@database_option
@click.argument("job_id", metavar="ID")
def show(data_dir: Path, database_url: str | None, job_id: str) -> None:
    """Tell all that is known of the job ID."""
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        say("\n".join(fact_lines(_facts(queue, queue.get(job_id)))))


@jobs.command()
@data_dir_option
@database_option
@_ids
def cancel(data_dir: Path, database_url: str | None, job_ids: Sequence[str]) -> None:
    """Cancel the jobs ID...; one that runs is stopped by the process that runs it."""
    _each(data_dir, database_url, job_ids, StableQueue.cancel)


@jobs.command()
@data_dir_option
@database_option
@_ids
def retry(data_dir: Path, database_url: str | None, job_ids: Sequence[str]) -> None:
    """Try the failed or cancelled jobs ID... again."""
    _each(data_dir, database_url, job_ids, StableQueue.retry)


@jobs.command()
@data_dir_option
@database_option
@_ids
def hold(data_dir: Path, database_url: str | None, job_ids: Sequence[str]) -> None:
    """Let the pending jobs ID... not start until they are released."""
    _each(data_dir, database_url, job_ids, StableQueue.hold)


@jobs.command()
@data_dir_option
@database_option
@_ids
def release(data_dir: Path, database_url: str | None, job_ids: Sequence[str]) -> None:
    """Let the jobs ID... start that were held."""
    _each(data_dir, database_url, job_ids, StableQueue.release)


@jobs.command()
@data_dir_option
@database_option
@_ids
def front(data_dir: Path, database_url: str | None, job_ids: Sequence[str]) -> None:
    """Let the pending jobs ID... go before all others of their priority, in this order."""
    # Each goes before those that were moved before it.
    _each(data_dir, database_url, job_ids[::-1], StableQueue.move_to_front)


def _each(
    data_dir: Path,
    database_url: str | None,
    job_ids: Sequence[str],
    change: Callable[[StableQueue, str], Job],
) -> None:
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        for job_id in job_ids:
            job = change(queue, job_id)
            say(f"Job {job.id} is {_standing(job)}.")


def _standing(job: Job) -> str:
    if job.cancel_requested and not job.status.ended:
        return f"{job.status}; its cancel is requested"
    return f"{job.status}, and held" if _is_held(job) else job.status.value


def _is_held(job: Job) -> bool:
    return job.held and not job.status.ended


def _row(job: Job) -> Sequence[str]:
    prompt = str(job.params.get("positive_prompt", ""))
    is_long = len(prompt) > _LONGEST_PROMPT
    return (
        "held" if _is_held(job) else job.status.value,
        printable(job.target),
        str(job.priority),
        to_iso(job.created_at),
        printable(prompt[: _LONGEST_PROMPT - 1] + "…" if is_long else prompt),
        job.id,
    )


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"


def _facts(queue: StableQueue, job: Job) -> Iterator[Fact]:
    position, failure = queue.position(job), job.failure
    yield "Prompt", str(job.params.get("positive_prompt", ""))
    yield "Checkpoint", job.checkpoint
    yield "Target", job.target
    yield "Status", _standing(job)
    yield "It waits", queue.waiting_reason(job)
    yield "Before it", None if position is None else _counted(position, "job")
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
        pictures = _counted(len(part.pictures or ()), "picture")
        yield f"Part {place}", f"{pictures}, {_standing(part)}{at}"
    for path in job.images:
        yield "Picture", str(path)
