"""The ``stablequeue tidy`` command: forgets now what need not be kept any more."""

from __future__ import annotations

from pathlib import Path

import click

from stablequeue_core import Settings
from stablequeue_core.quantities import size_text
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import say


@click.command()
@data_dir_option
@database_option
@option(
    "--keep-days",
    envvar="STABLEQUEUE_KEEP_DAYS",
    metavar="DAYS",
    help="Forget jobs that ended longer ago; none: never.",
)
@option(
    "--keep-jobs",
    envvar="STABLEQUEUE_KEEP_JOBS",
    metavar="COUNT",
    help="Forget the ended jobs beyond the newest so many; none: none.",
)
@option(
    "--keep-images/--delete-images",
    default=True,
    envvar="STABLEQUEUE_KEEP_IMAGES",
    help="Whether the pictures of forgotten jobs stay.",
)
def tidy(
    data_dir: Path,
    database_url: str | None,
    keep_days: str | None,
    keep_jobs: str | None,
    keep_images: bool,
) -> None:
    """Forget old jobs, and give back the room that they took.

    Processes that run jobs do so by themselves when the settings keep_days or keep_jobs say so.
    Without either, no job is forgotten.
    """
    with told_in_one_sentence():
        settings = Settings.from_environment(
            keep_days=keep_days, keep_jobs=keep_jobs, keep_images=keep_images
        )
        with opened_to_look(data_dir, database_url, settings) as queue:
            done = queue.tidy()
    if settings.keep_days is None and settings.keep_jobs is None:
        say("No job is forgotten: say --keep-days or --keep-jobs.")
    else:
        say(
            f"{done.jobs:,} jobs, {done.images:,} pictures, {done.downloads:,} downloads and "
            f"{done.events:,} events are gone."
        )
        if not done.jobs:
            say("What ended within the last hour always stays.")
    if done.bytes_freed:
        say(f"The database is {size_text(done.bytes_freed)} smaller.")
