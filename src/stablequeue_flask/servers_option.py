"""``--server``: the servers that a command is told of when it starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from stablequeue_core import StableQueue
from stablequeue_flask.opening import option

_Command = TypeVar("_Command", bound=Callable[..., Any])


def servers_option(command: _Command) -> _Command:
    """``--server``, given as URLs by alias."""
    return option(
        "--server",
        "servers",
        multiple=True,
        callback=_servers,
        metavar="ALIAS=URL",
        envvar="STABLEQUEUE_SERVERS",
        help="A Forge server to use, added or changed at the start; may be given several times.",
    )(command)


def introduce(queue: StableQueue, servers: dict[str, str]) -> None:
    """Add the servers, or change where they are."""
    present = {server.alias: server.api_url for server in queue.servers.list()}
    for alias, url in servers.items():
        if alias not in present:
            queue.servers.add(alias, url)
        elif url.rstrip("/") != present[alias]:
            queue.servers.update(alias, {"api_url": url})


def _servers(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> dict[str, str]:
    servers = {}
    for text in texts:
        alias, equals, url = text.partition("=")
        if not equals or not alias:
            # It is not repeated: a URL without an alias may hold a password.
            raise click.BadParameter("each must look like Laptop=http://127.0.0.1:7860.")
        servers[alias] = url
    return servers
