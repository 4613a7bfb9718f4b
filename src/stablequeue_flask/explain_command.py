"""The ``stablequeue explain`` command: why a job waits, for who looks at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stablequeue_core import Server
from stablequeue_core.quantities import count_text
from stablequeue_flask.explain_bodies import explanation_body
from stablequeue_flask.job_ids import JobFinder
from stablequeue_flask.json_option import json_option, say_json
from stablequeue_flask.lead_time import FAR, TO_THE_MINUTE, lead_time
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
_MOST_ROWS, _FIRST_NAMES = 3, 2
"""More servers that are alike share a row, with the first of their names."""


@click.command()
@data_dir_option
@database_option
@json_option
@click.argument("job_id", metavar="JOB")
def explain(data_dir: Path, database_url: str | None, as_json: bool, job_id: str) -> None:
    """Tell why JOB waits, and when it will be done.

    Also what each server could do for it. The first characters of an id will do, 4 at least, where
    no other job's id begins so.
    """
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        job = JobFinder(queue).find(job_id)
        servers = {each.alias: each for each in queue.servers.list()}
        explanation = queue.explain(job)
    if as_json:
        say_json(explanation_body(explanation))
        return
    say("\n".join(_lines(explanation, job.target, servers)))


def _lines(explanation: Explanation, target: str, servers: Mapping[str, Server]) -> Iterator[str]:
    # One that was removed, or renamed, while the others were asked is left out.
    known = [each for each in explanation.servers if each.alias in servers]
    ours = [each for each in known if target in servers[each.alias].targets]
    yield from fact_lines(_facts(explanation), within=room())
    if known:
        yield ""
    if ours:
        yield table([_HEAD, *_rows(ours)], within=room(), cut=_CUT)
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
        yield ("Done on" if eta >= FAR else "Done in"), lead_time(eta, TO_THE_MINUTE)
    yield "Jobs before it", None if before is None else f"{before:,}"
    yield "Server", explanation.chosen
    yield "Chosen because", explanation.chosen_why
    yield "So far", "\n".join(explanation.story)
    yield "Waits for", "\n".join(f"download {each}" for each in explanation.waits_for)


def _rows(outlooks: Sequence[ServerOutlook]) -> Iterator[Sequence[str]]:
    """A row for each server; for many that are alike there is but one."""
    alike: dict[Sequence[str], list[str]] = {}
    for outlook in outlooks:
        alike.setdefault(_cells(outlook), []).append(printable(outlook.alias))
    for cells, names in alike.items():
        if len(names) > _MOST_ROWS:
            first = ", ".join(names[:_FIRST_NAMES])
            yield f"{len(names)} servers: {first} …", *cells
        else:
            yield from ((name, *cells) for name in names)


def _cells(outlook: ServerOutlook) -> Sequence[str]:
    can = {True: "yes", False: "no", None: "?"}[outlook.can]
    starts, done = outlook.starts_in, outlook.done_in
    if outlook.can is False:
        # How long it would take there is of no use to anybody.
        loads, works = "", ""
    else:
        loads = "-" if outlook.load_seconds == 0 else lead_time(outlook.load_seconds)
        works = lead_time(outlook.seconds) + ("" if outlook.is_learned else " (guess)")
    return (
        can,
        outlook.status.value,
        "" if starts is None else "at once" if starts == 0 else lead_time(starts),
        loads,
        works,
        "" if done is None else lead_time(done),
        "<- first" if outlook.is_best else "",
    )
