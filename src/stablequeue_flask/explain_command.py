"""The ``stablequeue explain`` command: why a job waits, for who looks at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import Fact, fact_lines, printable, say, table

# What runs jobs is loaded when a queue is opened, not when a command is started.
if TYPE_CHECKING:
    from stablequeue_core.dispatch.explaining.explanation import Explanation, ServerOutlook

_HEAD = ("server", "can", "status", "starts", "loads", "works", "done", "")


@click.command()
@data_dir_option
@database_option
@click.argument("job_id", metavar="JOB")
def explain(data_dir: Path, database_url: str | None, job_id: str) -> None:
    """Tell why JOB waits, what each server could do for it, and when it will be done."""
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        explanation = queue.explain(job_id)
    say("\n".join(fact_lines(_facts(explanation))))
    if explanation.servers:
        say("")
        say(table([_HEAD, *map(_row, explanation.servers)]))
        say("")
    for line in _remarks(explanation.servers):
        say(line)


def _facts(explanation: Explanation) -> Iterator[Fact]:
    eta, before = explanation.eta_seconds, explanation.before
    yield "Job", explanation.job_id
    yield "Status", explanation.status.value
    yield "Why", explanation.why
    yield "Done in", None if eta is None else _in(eta)
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


def _in(seconds: float) -> str:
    from stablequeue_core.dispatch.explaining.telling import about

    return about(seconds).removeprefix("about ")


def _remarks(servers: Sequence[ServerOutlook]) -> Iterator[str]:
    """What a table has no room for."""
    for outlook in servers:
        for sentence in dict.fromkeys(filter(None, (*outlook.missing, outlook.note))):
            names_it = repr(outlook.alias) in sentence
            yield printable(sentence if names_it else f"{outlook.alias}: {sentence}")
