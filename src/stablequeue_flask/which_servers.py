"""Which servers a command is about: those that are named, a group of them, or all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from stablequeue_core import StableQueue
from stablequeue_flask.one_by_one import end, one_by_one
from stablequeue_flask.opening import opened_to_look, option, told_in_one_sentence
from stablequeue_flask.plain_text import printable
from stablequeue_flask.starting import no_server


@frozen
class WhichServers:
    """What was typed; exactly one of the three.

    Attributes:
        aliases: the names of some.
        tag: the group that they belong to.
        everyone: whether all are meant.
    """

    aliases: Sequence[str]
    tag: str | None
    everyone: bool

    def among(self, queue: StableQueue, data_dir: Path) -> Sequence[str]:
        """Their names; those that were typed may be of servers that are not there.

        Raises:
            click.ClickException: there is none of the group, or none at all.
        """
        if self.aliases:
            return self.aliases
        servers = queue.servers.list()
        if not servers:
            raise click.ClickException(no_server(data_dir, queue.settings.database_url))
        found = [each.alias for each in servers if self.everyone or self.tag in each.tags]
        if not found:
            known = sorted({tag for each in servers for tag in each.tags})
            tags = f"The tags are: {', '.join(known)}." if known else "No server has any tag yet."
            raise click.ClickException(printable(f"No server has the tag {self.tag!r}. {tags}"))
        return found


def which_servers(command: Callable[..., None]) -> Callable[..., None]:
    """``ALIAS...``, ``--tag`` and ``--all``, given as ``which``."""

    @option("--tag", metavar="TAG", help="Those of the group TAG, instead of an ALIAS.")
    @option("--all", is_flag=True, help="All servers, instead of an ALIAS.")
    @click.argument("aliases", metavar="ALIAS...", nargs=-1)
    @wraps(command)
    def asked(*, aliases: Sequence[str], tag: str | None, **given: Any) -> None:
        everyone = given.pop("all")
        if bool(aliases) + (tag is not None) + everyone != 1:
            raise click.UsageError("Say which servers: ALIAS..., or --tag TAG, or --all.")
        command(**given, which=WhichServers(aliases, tag, everyone))

    return asked


def each_server(
    data_dir: Path,
    database_url: str | None,
    which: WhichServers,
    change: Callable[[StableQueue, str], str],
) -> None:
    """Do it to each of them, and tell what came of it."""
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        names = which.among(queue, data_dir)
        end(one_by_one(names, lambda alias: change(queue, alias)))
