"""The ``stablequeue servers`` commands: which there are, what they do, and what shall change."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import click

from stablequeue_core import Server, StableQueue
from stablequeue_core.errors import JobNotFound, ServerNotFound
from stablequeue_core.quantities import count_text
from stablequeue_core.servers import ServerHealth, ServerReport
from stablequeue_flask.job_ids import short_id
from stablequeue_flask.one_by_one import end, one_by_one
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import printable, room, say, table
from stablequeue_flask.starting import no_server

_HEAD = ("alias", "status", "does", "tags", "address")
_CUT = (0, 2, 3, 4)

_aliases = click.argument("aliases", metavar="ALIAS...", nargs=-1, required=True)


class _ListsByDefault(click.Group):
    """A group whose ``list`` need not be typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The words, with ``list`` before them where no command is among them."""
        is_left_out = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, ["list", *args] if is_left_out else args)


@click.group(cls=_ListsByDefault)
def servers() -> None:
    """Look at the servers, and change them; without another word: list them."""


@servers.command("list")
@data_dir_option
@database_option
def list_servers(data_dir: Path, database_url: str | None) -> None:
    """List the servers: how they feel, what they do, their tags, where they are."""
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        reports = queue.reports()
        rows = [_row(queue, each, reports) for each in queue.servers.list()]
        nobody = no_server(data_dir, queue.settings.database_url)
    say(table([_HEAD, *rows], within=room(), cut=_CUT) if rows else nobody)


@servers.command()
@data_dir_option
@database_option
@option(
    "--tag", "tags", multiple=True, help="A group that it belongs to; may be given several times."
)
@option("--description", help="Your words about it, for people.")
@click.argument("alias")
@click.argument("url")
def add(
    data_dir: Path,
    database_url: str | None,
    tags: Sequence[str],
    description: str | None,
    alias: str,
    url: str,
) -> None:
    """Add the server at URL, and call it ALIAS; processes that run jobs use it at once.

    URL is like http://127.0.0.1:7860, without a user name or a password, which other users of the
    machine could read here: give those in Python or over HTTP. Adding the same server again
    changes nothing.
    """
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        before = {each.alias for each in queue.servers.list()}
        server = queue.servers.add(alias, url, tags=tags, description=description)
        is_new = server.alias not in before
    name = printable(repr(server.alias))
    say(f"Server {name} is added." if is_new else f"Server {name} is there already, like this.")


@servers.command()
@data_dir_option
@database_option
@option("--add", "added", metavar="TAG", multiple=True, help="A tag to give to each of them.")
@option("--remove", "removed", metavar="TAG", multiple=True, help="A tag to take from each.")
@_aliases
def tag(
    data_dir: Path,
    database_url: str | None,
    added: Sequence[str],
    removed: Sequence[str],
    aliases: Sequence[str],
) -> None:
    """Give tags to the servers ALIAS..., or take them away; jobs for auto:TAG run on those with it.

    Both options may be given several times.
    """
    if not (added or removed):
        raise click.UsageError("Say which tag: --add TAG or --remove TAG.")

    def change(queue: StableQueue, alias: str) -> str:
        kept = [each for each in queue.servers.get(alias).tags if each not in removed]
        server = queue.servers.update(alias, {"tags": (*kept, *added)})
        return f"Server {alias!r} has {_tags(server)}."

    _each(data_dir, database_url, aliases, change)


@servers.command()
@data_dir_option
@database_option
@_aliases
def pause(data_dir: Path, database_url: str | None, aliases: Sequence[str]) -> None:
    """Let the servers ALIAS... finish what they run and take no other job."""

    def change(queue: StableQueue, alias: str) -> str:
        queue.servers.pause(alias)
        return f"Server {alias!r} is paused: it finishes what it runs and takes no other job."

    _each(data_dir, database_url, aliases, change)


@servers.command()
@data_dir_option
@database_option
@_aliases
def resume(data_dir: Path, database_url: str | None, aliases: Sequence[str]) -> None:
    """Let the paused servers ALIAS... take jobs again."""

    def change(queue: StableQueue, alias: str) -> str:
        queue.servers.resume(alias)
        return f"Server {alias!r} takes jobs again."

    _each(data_dir, database_url, aliases, change)


@servers.command()
@data_dir_option
@database_option
@option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait for all of them so long at most; without it, until they are done.",
)
@_aliases
def drain(
    data_dir: Path, database_url: str | None, timeout: float | None, aliases: Sequence[str]
) -> None:
    """Pause the servers ALIAS..., and wait until nothing of this queue runs there.

    They stay paused until they are resumed. The exit code is 1 if one still runs a job in the end.
    """
    began, paused = time.monotonic(), list[str]()

    def pause_it(alias: str) -> None:
        # All before any is waited for: else the last would go on taking jobs meanwhile.
        queue.servers.pause(alias)
        paused.append(alias)

    def wait_for_it(alias: str) -> str:
        left = None if timeout is None else max(0.0, began + timeout - time.monotonic())
        if queue.servers.drain(alias, left):
            return f"Server {alias!r} is drained: nothing of this queue runs there."
        raise click.ClickException(
            f"Server {alias!r} still runs a job. It is paused and takes no other; the same "
            "command waits again."
        )

    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        all_are_paused = one_by_one(aliases, pause_it)
        say(f"{count_text(len(paused), 'server')} paused; waiting for what they run.")
        end(one_by_one(paused, wait_for_it) and all_are_paused)


@servers.command()
@data_dir_option
@database_option
@option("--force", is_flag=True, help="Cancel their open jobs first.")
@_aliases
def remove(data_dir: Path, database_url: str | None, force: bool, aliases: Sequence[str]) -> None:
    """Forget the servers ALIAS...; one that has open jobs stays, unless forced."""

    def change(queue: StableQueue, alias: str) -> str:
        queue.servers.remove(alias, force=force)
        return f"Server {alias!r} is removed."

    _each(data_dir, database_url, aliases, change)


@servers.command()
@data_dir_option
@database_option
@click.argument("old")
@click.argument("new")
def rename(data_dir: Path, database_url: str | None, old: str, new: str) -> None:
    """Call the server OLD by the name NEW; its open jobs follow."""
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        server = queue.servers.update(old, {"alias": new})
    say(printable(f"Server {old!r} is called {server.alias!r} now; its open jobs follow."))


def _each(
    data_dir: Path,
    database_url: str | None,
    aliases: Sequence[str],
    change: Callable[[StableQueue, str], str],
) -> None:
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        end(one_by_one(aliases, partial(change, queue)))


def _row(queue: StableQueue, server: Server, reports: Mapping[str, ServerReport]) -> Sequence[str]:
    try:
        health = queue.servers.health(server.alias)
    except ServerNotFound:
        health = ServerHealth()  # somebody removed it since the list was read
    cells = (
        server.alias,
        health.status.value,
        _does(queue, server, reports.get(server.alias)),
        ", ".join(server.tags),
        server.api_url,
    )
    return [printable(cell) for cell in cells]


def _does(queue: StableQueue, server: Server, report: ServerReport | None) -> str:
    """What it does for this queue."""
    if report is not None and report.job_id is not None:
        done = f" {report.progress.fraction:.0%}" if report.progress else ""
        pausing = "; then paused" if server.paused else ""
        return f"{_whose(queue, report.job_id)}{done}{pausing}"
    if server.paused:
        return "paused"
    if not server.enabled:
        return "disabled"
    return "idle" if report else "unattended"


def _whose(queue: StableQueue, job_id: str) -> str:
    """The id by which people know the job: parts of one are not listed."""
    with suppress(JobNotFound):  # it was deleted since that was told
        job_id = queue.get(job_id).picture_owner
    return short_id(job_id)


def _tags(server: Server) -> str:
    if not server.tags:
        return "no tag"
    return f"the tag{'s' * (len(server.tags) > 1)} {', '.join(server.tags)}"
