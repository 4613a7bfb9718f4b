"""The ``stablequeue submit`` command: hands jobs in, and waits for them if that is wanted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from stablequeue_core import Job, JobStatus, StableQueue
from stablequeue_core.errors import WaitTimedOut
from stablequeue_core.jobs import Submission
from stablequeue_core.jobs.limits import MAX_PRIORITY
from stablequeue_core.serialization import to_iso
from stablequeue_flask.one_by_one import end, one_by_one
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.param_words import params_in
from stablequeue_flask.plain_text import printable, say

MOST_AT_ONCE = 1000


def _moment(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> datetime | None:
    """A time without a zone is one of this computer's clock."""
    try:
        moment = None if text is None else datetime.fromisoformat(text)
        return moment if moment is None or moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise click.BadParameter(
            f"{printable(repr(text))} is no time; one looks like 2031-05-01T20:00, or "
            "2031-05-01T20:00Z in UTC."
        ) from error


def _params(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> Mapping[str, Any]:
    try:
        return params_in(texts)
    except ValueError as error:
        raise click.BadParameter(printable(str(error))) from error


@click.command()
@data_dir_option
@database_option
@option("--prompt", required=True, metavar="TEXT", help="What the picture shall show.")
@option("--checkpoint", metavar="NAME", help="By which model; else by the one that is loaded.")
@option(
    "--param",
    "params",
    multiple=True,
    callback=_params,
    metavar="NAME=VALUE",
    help="Any other parameter of the HTTP API, like steps=20; may be given several times.",
)
@option(
    "--priority",
    type=click.IntRange(-MAX_PRIORITY, MAX_PRIORITY),
    default=0,
    help="Higher is started first.",
)
@option("--hold", is_flag=True, help="Do not start it until `stablequeue jobs release`.")
@option(
    "--not-before",
    callback=_moment,
    metavar="TIME",
    help="Do not start it earlier; like 2031-05-01T20:00, by this computer's clock.",
)
@option(
    "--count",
    type=click.IntRange(1, MOST_AT_ONCE),
    default=1,
    help="So many jobs like this, each with a seed of its own unless one is given.",
)
@option("--wait/--no-wait", default=False, help="Whether to wait until they have ended.")
@option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="With --wait: so long at most; without it, until they have ended.",
)
@click.argument("target")
def submit(
    data_dir: Path,
    database_url: str | None,
    prompt: str,
    checkpoint: str | None,
    params: Mapping[str, Any],
    priority: int,
    hold: bool,
    not_before: datetime | None,
    count: int,
    wait: bool,
    timeout: float | None,
    target: str,
) -> None:
    """Hand in a job for TARGET, or several.

    TARGET is the alias of a server, auto for any, or auto:TAG for one of a group. A process that
    runs jobs makes the pictures: `stablequeue serve` or `stablequeue work`. With --wait the exit
    code is 1 unless all jobs are completed.
    """
    if wait and hold:
        raise click.UsageError("A job that is held does not end: say --hold or --wait, not both.")
    if timeout is not None and not wait:
        raise click.UsageError("--timeout is for --wait.")
    named = {"positive_prompt": prompt, "checkpoint_name": checkpoint}
    given = {name: value for name, value in named.items() if value is not None}
    if twice := sorted(given.keys() & params.keys()):
        raise click.UsageError(f"{twice[0]} is given twice: as an option, and with --param.")
    wanted = Submission(
        target, {**given, **params}, priority=priority, not_before=not_before, hold=hold
    )
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        jobs = queue.submit_many([wanted] * count)
        say("\n".join(_sentence(job) for job in jobs))
        if reason := queue.waiting_reason(jobs[0]):
            say(printable(f"Why it waits: {reason}"), err=True)
        if wait:
            _wait(queue, [job.id for job in jobs], timeout)


def _sentence(job: Job) -> str:
    held = ", and held" if job.held else ""
    later = f", not before {to_iso(job.not_before)}" if job.not_before else ""
    return f"Job {job.id} is {job.status}{held}{later}."


def _wait(queue: StableQueue, job_ids: Sequence[str], timeout: float | None) -> None:
    began = time.monotonic()

    def wait_for_it(job_id: str) -> None:
        left = None if timeout is None else max(0.0, began + timeout - time.monotonic())
        try:
            job = queue.wait(job_id, left)
        except WaitTimedOut as error:
            raise click.ClickException(
                f"Job {job_id} has not ended after {timeout:g} s; it goes on without you."
            ) from error
        if job.status is not JobStatus.COMPLETED:
            why = f": {job.failure.message}" if job.failure else "."
            raise click.ClickException(f"Job {job.id} is {job.status}{why}")
        say("\n".join([f"Job {job.id} is completed.", *(printable(str(p)) for p in job.images)]))

    try:
        end(one_by_one(job_ids, wait_for_it))
    except KeyboardInterrupt:
        say("Not waiting any more; the jobs go on.", err=True)
        raise click.exceptions.Exit(1) from None
