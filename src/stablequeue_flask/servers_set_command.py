"""The ``stablequeue servers`` commands that say what servers are: set, tag."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from stablequeue_core import Server, StableQueue
from stablequeue_core.errors import InvalidServer
from stablequeue_core.servers import check_server
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.server_duty import duty
from stablequeue_flask.which_servers import WhichServers, each_server, which_servers

_SOME_SERVER = {"alias": "some", "api_url": "http://127.0.0.1:7860"}


@click.command("set")
@data_dir_option
@database_option
@option("--url", metavar="URL", help="Where it is, like http://127.0.0.1:7860; for one ALIAS only.")
@option("--description", metavar="TEXT", help="Your words about it, for people; '' for none.")
@option(
    "--enable/--disable",
    "enabled",
    default=None,
    help="Whether it is used at all: nobody asks a disabled one how it feels.",
)
@option(
    "--username",
    metavar="NAME",
    help="For a server that runs with --api-auth; '' takes it and the password away.",
)
@option(
    "--ask-password",
    is_flag=True,
    help="Ask for the password, without showing it; a script writes it to the standard input.",
)
@which_servers
def set_servers(
    data_dir: Path,
    database_url: str | None,
    url: str | None,
    description: str | None,
    enabled: bool | None,
    username: str | None,
    ask_password: bool,
    which: WhichServers,
) -> None:
    """Change where servers are, or whether they are used.

    What is not named stays as it is at each ALIAS...; processes that run jobs hear of it at once. A
    password is asked for: other users of the machine could read it on the command line.
    """
    if url is not None and len(which.aliases) != 1:
        raise click.UsageError("--url is for one ALIAS: no two servers have the same address.")
    given = {"api_url": url, "description": description, "enabled": enabled, "username": username}
    changes: dict[str, Any] = {name: each for name, each in given.items() if each is not None}
    if username == "":
        if ask_password:
            raise click.UsageError("A password needs a user name: --username '' takes both away.")
        changes["password"] = None
    if ask_password:
        changes["password"] = _asked_password()
    if not changes:
        raise click.UsageError("Say what to change: --url, --description, --enable or the like.")
    _check(changes)

    def change(queue: StableQueue, alias: str) -> str:
        try:
            server = queue.servers.update(alias, changes)
        except InvalidServer as error:
            raise click.ClickException(f"Server {alias!r}: {error.message}") from error
        is_now = _is_now(server, changes, data_dir, queue.settings.database_url)
        return f"Server {alias!r} is changed: {'; '.join(is_now)}."

    each_server(data_dir, database_url, which, change)


@click.command()
@data_dir_option
@database_option
@option("--add", "added", metavar="TAG", multiple=True, help="A tag to give to each of them.")
@option("--remove", "removed", metavar="TAG", multiple=True, help="A tag to take from each.")
@which_servers
def tag(
    data_dir: Path,
    database_url: str | None,
    added: Sequence[str],
    removed: Sequence[str],
    which: WhichServers,
) -> None:
    """Give tags to servers, or take them away.

    Jobs for auto:TAG run on each ALIAS... that has it. A tag is text like studio. --add and
    --remove may be given several times.
    """
    if not (added or removed):
        raise click.UsageError("Say which tag: --add TAG or --remove TAG.")
    _check({"tags": added})

    def change(queue: StableQueue, alias: str) -> str:
        kept = [each for each in queue.servers.get(alias).tags if each not in removed]
        server = queue.servers.update(alias, {"tags": (*kept, *added)})
        return f"Server {alias!r} has {_tags(server)}."

    each_server(data_dir, database_url, which, change)


def _check(changes: Mapping[str, Any]) -> None:
    """Refuse at once what every server would refuse, rather than once for each of them."""
    # Whether a password has a user name is another matter with each.
    same_for_all = {name: value for name, value in changes.items() if name != "password"}
    with told_in_one_sentence():
        check_server({**_SOME_SERVER, **same_for_all})


def _asked_password() -> str:
    """From who sits there, or the first line of what a script writes."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, err=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.ClickException("There is no password on the standard input; write it there.")
    return line


def _is_now(
    server: Server, changes: Mapping[str, Any], data_dir: Path, database_url: str | None
) -> Iterator[str]:
    if "api_url" in changes:
        yield f"its address is {server.api_url}"
    if "description" in changes:
        said = server.description
        yield "it has no description" if said is None else f"its description is {said!r}"
    if "username" in changes:
        name = server.username
        yield "it has no user name" if name is None else f"its user name is {name!r}"
    if "password" in changes:
        yield "it has no password" if server.password is None else "it has a new password"
    if "enabled" in changes:
        yield f"it {duty(server, data_dir, database_url)}"


def _tags(server: Server) -> str:
    if not server.tags:
        return "no tag"
    return f"the tag{'s' * (len(server.tags) > 1)} {', '.join(server.tags)}"
