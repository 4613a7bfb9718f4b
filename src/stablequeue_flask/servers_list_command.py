"""The ``stablequeue servers`` commands that only look: list, show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import click

from stablequeue_core import Server, ServerHealth, StableQueue
from stablequeue_core.errors import JobNotFound
from stablequeue_core.quantities import size_text
from stablequeue_core.serialization import to_iso
from stablequeue_core.servers import ServerReport
from stablequeue_flask.job_ids import short_id
from stablequeue_flask.json_option import json_option, say_json
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import Fact, fact_lines, printable, room, say, table
from stablequeue_flask.server_duty import standing
from stablequeue_flask.shown import health_of, server_shown
from stablequeue_flask.starting import no_server

_HEAD = ("alias", "status", "does", "tags", "address")
_TAGS, _ADDRESS = 3, 4


@click.command("list")
@data_dir_option
@database_option
@json_option
def list_servers(data_dir: Path, database_url: str | None, as_json: bool) -> None:
    """List the servers: how they feel, what they do.

    Also their tags, and where they are. Where a line is too long for the terminal, the tags are
    shortened first, and then the addresses, from the front.
    """
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        reports, servers = queue.reports(), queue.servers.list()
        if as_json:
            say_json([server_shown(queue, each, reports) for each in servers])
        elif servers:
            rows = [_row(queue, each, reports.get(each.alias)) for each in servers]
            shown = [_HEAD, *rows]
            # Never the alias, which one must type; and of an address, host and port are its end.
            address = [_ADDRESS]
            say(table(shown, within=room(), cut_first=[_TAGS], cut=address, keep_ends=address))
        else:
            say(no_server(data_dir, queue.settings.database_url))


@click.command()
@data_dir_option
@database_option
@json_option
@click.argument("alias")
def show(data_dir: Path, database_url: str | None, as_json: bool, alias: str) -> None:
    """Tell all that is known of the server ALIAS."""
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        server, reports = queue.servers.get(alias), queue.reports()
        if as_json:
            say_json(server_shown(queue, server, reports))
            return
        facts = list(_facts(queue, server, health_of(queue, alias), reports.get(alias)))
    say("\n".join(fact_lines(facts, within=room())))


def _row(queue: StableQueue, server: Server, report: ServerReport | None) -> Sequence[str]:
    cells = (
        server.alias,
        standing(server, health_of(queue, server.alias).in_words),
        _does(queue, server, report),
        ", ".join(server.tags),
        server.api_url,
    )
    return [printable(cell) for cell in cells]


def _does(queue: StableQueue, server: Server, report: ServerReport | None) -> str:
    """What it does for this queue."""
    if report is not None and report.job_id is not None:
        return f"{short_id(_whole(queue, report.job_id))}{_done(report)}"
    if not server.enabled:
        return "-"
    return "idle" if report else "unattended"


def _facts(
    queue: StableQueue, server: Server, health: ServerHealth, report: ServerReport | None
) -> Iterator[Fact]:
    yield "Server", server.alias
    yield "Address", server.api_url
    yield "Status", standing(server, health.in_words)
    yield "It said last", health.last_error
    yield "Seen", to_iso(health.checked_at) if health.checked_at else None
    yield "Checkpoint", health.loaded_checkpoint
    depth, free = health.queue_depth, report.free_bytes if report else None
    yield "Its own queue", None if depth is None else f"{depth:,}"
    yield "Free memory", None if free is None else size_text(free)
    running = report.job_id if report else None
    yield "Runs", f"{_whole(queue, running)}{_done(report)}" if running and report else None
    yield "Driven by", report.worker if report else "nobody"
    yield "Tags", ", ".join(server.tags)
    yield "Description", server.description
    yield "User name", server.username
    yield "Password", "is kept" if server.password else None


def _done(report: ServerReport) -> str:
    return f" {report.progress.fraction:.0%}" if report.progress else ""


def _whole(queue: StableQueue, job_id: str) -> str:
    """The job that people know: parts of one are not listed."""
    with suppress(JobNotFound):  # it was deleted since that was told
        return queue.get(job_id).picture_owner
    return job_id
