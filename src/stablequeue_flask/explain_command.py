"""The ``stablequeue explain`` command: why a job waits, for who looks at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stablequeue_core import Server
from stablequeue_core.quantities import count_text
from stablequeue_core.serialization import to_iso
from stablequeue_flask.job_ids import JobFinder
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import Fact, fact_lines, printable, room, say, table, wrapped
from stablequeue_flask.remarks import remarks

# What runs jobs is loaded when a queue is opened, not when a command is started.
if TYPE_CHECKING:
    from stablequeue_core.dispatch.explaining.explanation import Explanation, ServerOutlook

_HEAD = ("server", "can", "status", "starts", "loads", "works", "done", "")
_CUT = (0,)
_FAR = 2 * 24 * 3600.0
"""Seconds; nobody counts the hours until what is farther away."""

_TO_THE_MINUTE = len("2025-05-14T02:34")
_DATE = len("2025-05-14")


@click.command()
@data_dir_option
@database_option
@click.argument("job_id", metavar="JOB")
def explain(data_dir: Path, database_url: str | None, job_id: str) -> None:
    """Tell why JOB waits, what each server could do for it, and when it will be done.

    The first characters of an id will do, 4 at least, where no other job's id begins so.
    """
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        job = JobFinder(queue).find(job_id)
        servers = {each.alias: each for each in queue.servers.list()}
        explanation = queue.explain(job)
    say("\n".join(_lines(explanation, job.target, servers)))


def _lines(explanation: Explanation, target: str, servers: Mapping[str, Server]) -> Iterator[str]:
    # One that was removed, or renamed, while the others were asked is left out.
    known = [each for each in explanation.servers if each.alias in servers]
    ours = [each for each in known if target in servers[each.alias].targets]
    yield from fact_lines(_facts(explanation), within=room())
    if known:
        yield ""
    if ours:
        yield table([_HEAD, *map(_row, ours)], within=room(), cut=_CUT)
    if others := len(known) - len(ours):
        yield f"{count_text(others, 'other server is', 'other servers are')} not its target."
    told = remarks([(each, servers[each.alias]) for each in ours], explanation.why)
    lines = [line for each in told for line in wrapped(each, room())]
    if lines:
        yield ""
    yield from lines


def _facts(explanation: Explanation) -> Iterator[Fact]:
    eta, before = explanation.eta_seconds, explanation.before
    yield "Job", explanation.job_id
    yield "Status", explanation.status.value
    yield "Why", explanation.why
    if eta is not None:
        yield ("Done on" if eta >= _FAR else "Done in"), _in(eta, _TO_THE_MINUTE)
    yield "Jobs before it", None if before is None else f"{before:,}"
    yield "Server", explanation.chosen
    yield "Chosen because", explanation.chosen_why
    yield "So far", "\n".join(explanation.story)
    yield "Waits for", "\n".join(f"download {each}" for each in explanation.waits_for)


def _row(outlook: ServerOutlook) -> Sequence[str]:
    can = {True: "yes", False: "no", None: "?"}[outlook.can]
    starts, done = outlook.starts_in, outlook.done_in
    return (
        printable(outlook.alias),
        can,
        outlook.status.value,
        "" if starts is None else "at once" if starts == 0 else _in(starts),
        "-" if outlook.load_seconds == 0 else _in(outlook.load_seconds),
        _in(outlook.seconds) + ("" if outlook.is_learned else " (guess)"),
        "" if done is None else _in(done),
        "<- first" if outlook.is_best else "",
    )


def _in(seconds: float, precision: int = _DATE) -> str:
    """How long it is until then; the day where that is far away."""
    from stablequeue_core.dispatch.explaining.telling import about

    if seconds < _FAR:
        return about(seconds).removeprefix("about ")
    return to_iso(datetime.now(UTC) + timedelta(seconds=seconds))[:precision]
