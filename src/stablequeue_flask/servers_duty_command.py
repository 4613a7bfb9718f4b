"""The ``stablequeue servers`` commands that say whether servers take jobs: pause, resume, drain."""

from __future__ import annotations

import time
from pathlib import Path

import click

from stablequeue_core import StableQueue
from stablequeue_core.quantities import count_text
from stablequeue_flask.one_by_one import end, one_by_one
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import say
from stablequeue_flask.server_duty import how_to_enable
from stablequeue_flask.which_servers import WhichServers, each_server, which_servers


@click.command()
@data_dir_option
@database_option
@which_servers
def pause(data_dir: Path, database_url: str | None, which: WhichServers) -> None:
    """Let servers take no other job.

    Each ALIAS... finishes what it runs, and stays paused until it is resumed.
    """

    def change(queue: StableQueue, alias: str) -> str:
        queue.servers.pause(alias)
        return f"Server {alias!r} is paused: it finishes what it runs and takes no other job."

    each_server(data_dir, database_url, which, change)


@click.command()
@data_dir_option
@database_option
@which_servers
def resume(data_dir: Path, database_url: str | None, which: WhichServers) -> None:
    """Let paused servers take jobs again.

    An ALIAS... that is disabled stays so; `servers set` enables it.
    """

    def change(queue: StableQueue, alias: str) -> str:
        if queue.servers.resume(alias).enabled:
            return f"Server {alias!r} takes jobs again."
        how = how_to_enable(alias, data_dir, queue.settings.database_url)
        return f"Server {alias!r} is not paused, but disabled: it takes no jobs until {how}."

    each_server(data_dir, database_url, which, change)


@click.command()
@data_dir_option
@database_option
@option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait for all of them so long at most; without it, until they are done.",
)
@which_servers
def drain(
    data_dir: Path, database_url: str | None, timeout: float | None, which: WhichServers
) -> None:
    """Pause servers, and wait until they are free.

    Then nothing of this queue runs on any ALIAS..., and it can be restarted. They stay paused until
    they are resumed. The exit code is 1 if one still runs a job in the end.
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
        all_are_paused = one_by_one(which.among(queue, data_dir), pause_it)
        say(f"{count_text(len(paused), 'server')} paused; waiting for what they run.")
        end(one_by_one(paused, wait_for_it) and all_are_paused)
