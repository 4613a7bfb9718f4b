"""The ``stablequeue work`` command: runs jobs, and answers no requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    log_to_stderr,
    model_folder_options,
    opened,
    told_in_one_sentence,
    warn_of_folders,
)
from stablequeue_flask.plain_text import say
from stablequeue_flask.servers_option import introduce, servers_option
from stablequeue_flask.serving import until_stopped
from stablequeue_flask.starting import new_place, start_lines


@click.command()
@data_dir_option
@database_option
@servers_option
@model_folder_options
def work(
    data_dir: Path,
    database_url: str | None,
    servers: dict[str, str],
    checkpoints: Sequence[str],
    loras: Sequence[str],
    model_dirs: Mapping[str, Sequence[str]],
) -> None:
    """Run jobs until Ctrl-C, and serve nothing.

    Beside other processes of the same queue, or alone.
    """
    log_to_stderr()
    new = new_place(data_dir, database_url)
    with (
        told_in_one_sentence(),
        opened(
            data_dir,
            dispatch=True,
            database_url=database_url,
            checkpoints=checkpoints,
            loras=loras,
            model_dirs=model_dirs,
        ) as queue,
    ):
        warn_of_folders(queue.models.roots)
        introduce(queue, servers)
        with until_stopped():
            click.echo("StableQueue runs jobs (Ctrl-C stops it).")
            say("\n".join(start_lines(queue, data_dir, new, dispatch=True)))
        click.echo(f"Stopping; running jobs have {queue.settings.close_grace:g} s to finish.")
