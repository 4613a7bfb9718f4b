"""The ``stablequeue servers`` commands: which there are, what they do, and what shall change."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from stablequeue_core.errors import ServerExists
from stablequeue_flask.one_by_one import end, one_by_one
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import printable, say
from stablequeue_flask.servers_duty_command import drain, pause, resume
from stablequeue_flask.servers_list_command import list_servers, show
from stablequeue_flask.servers_set_command import set_servers, tag
from stablequeue_flask.starting import folder_words


class _ListsByDefault(click.Group):
    """A group whose ``list`` need not be typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The words, with ``list`` before them where no command is among them."""
        is_left_out = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, ["list", *args] if is_left_out else args)


@click.group(cls=_ListsByDefault)
def servers() -> None:
    """Look at the servers, and change them.

    Without another word: list them.
    """


for command in (list_servers, show, set_servers, tag, pause, resume, drain):
    servers.add_command(command)


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
    """Add the server at URL, and call it ALIAS.

    Processes that run jobs use it at once. URL is like http://127.0.0.1:7860, without a user name
    or a password, which other users of the machine could read here: `servers set` asks for those.
    Adding the same server again changes nothing.
    """
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        before = {each.alias for each in queue.servers.list()}
        try:
            server = queue.servers.add(alias, url, tags=tags, description=description)
        except ServerExists as error:
            named = shlex.quote(alias) + folder_words(data_dir, queue.settings.database_url)
            raise click.ClickException(
                printable(
                    f"{error.message} It is not quite like this one: look at it with "
                    f"`stablequeue servers show {named}`, change it with `servers set` and "
                    "`servers tag`, or choose another alias."
                )
            ) from error
        is_new = server.alias not in before
    name = printable(repr(server.alias))
    say(f"Server {name} is added." if is_new else f"Server {name} is there already, like this.")


@servers.command()
@data_dir_option
@database_option
@option("--force", is_flag=True, help="Cancel their open jobs first.")
@click.argument("aliases", metavar="ALIAS...", nargs=-1, required=True)
def remove(data_dir: Path, database_url: str | None, force: bool, aliases: Sequence[str]) -> None:
    """Forget servers; those with open jobs stay.

    Each ALIAS... is forgotten, one that has open jobs only if that is forced.
    """

    def removed(alias: str) -> str:
        queue.servers.remove(alias, force=force)
        return f"Server {alias!r} is removed."

    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        end(one_by_one(aliases, removed))


@servers.command()
@data_dir_option
@database_option
@click.argument("old")
@click.argument("new")
def rename(data_dir: Path, database_url: str | None, old: str, new: str) -> None:
    """Call the server OLD by the name NEW.

    Its open jobs follow.
    """
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        server = queue.servers.update(old, {"alias": new})
    say(printable(f"Server {old!r} is called {server.alias!r} now; its open jobs follow."))
