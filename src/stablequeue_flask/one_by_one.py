"""Does the same to each of several things that a user has named, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from stablequeue_core import StableQueueError
from stablequeue_core.errors import StorageError
from stablequeue_flask.plain_text import printable, say


def one_by_one(names: Iterable[str], change: Callable[[str], str | None]) -> bool:
    """Do it to each, and tell what came of it; what fails is told, and the others are done.

    Args:
        names: what the user has named.
        change: does it, and returns a sentence for people; None where there is nothing to say.

    Returns:
        whether nothing failed.

    Raises:
        StorageError: nobody remembers anything now, so that the others would fail alike.
    """
    all_went_well = True
    for name in names:
        try:
            told = change(name)
        except StorageError:
            raise
        except (StableQueueError, click.ClickException) as error:
            click.echo(f"Error: {printable(error.message)}", err=True)
            all_went_well = False
        else:
            if told is not None:
                say(printable(told))
    return all_went_well


def end(all_went_well: bool) -> None:
    """Make the exit code 1 unless all went well."""
    if not all_went_well:
        raise click.exceptions.Exit(1)
