"""The ``stablequeue download`` command: fetch model files from Civitai into their folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from stablequeue_core import StableQueue, StableQueueError
from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.errors import ModelFileExists
from stablequeue_core.jobs.limits import MAX_PRIORITY
from stablequeue_core.models import ModelKind
from stablequeue_flask.opening import (
    data_dir_option,
    model_folder_options,
    opened,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import printable, say
from stablequeue_flask.watching_downloads import sentences_of, watched


@click.command()
@data_dir_option
@model_folder_options
@option(
    "--type",
    "kind",
    type=click.Choice([each.value for each in ModelKind]),
    envvar="STABLEQUEUE_DOWNLOAD_TYPE",
    help="Which folder it goes into; else what Civitai says that it is.",
)
@option("--subfolder", default="", metavar="FOLDER", help="A folder below that, made if missing.")
@option("--filename", metavar="NAME", help="A name of your own for the file; for one LINK only.")
@option(
    "--priority",
    type=click.IntRange(-MAX_PRIORITY, MAX_PRIORITY),
    default=0,
    help="Higher is fetched first.",
)
@option(
    "--file-id",
    type=click.IntRange(1),
    help="Which file of the version, by its number at Civitai; for one LINK only.",
)
@option(
    "--wait/--no-wait",
    default=True,
    help="Whether to fetch them now and show how far they are, or only to queue them.",
)
@click.argument("link", nargs=-1, required=True)
@click.pass_context
def download(
    context: click.Context,
    data_dir: Path,
    checkpoints: Sequence[str],
    loras: Sequence[str],
    model_dirs: Mapping[str, Sequence[str]],
    kind: str | None,
    subfolder: str,
    filename: str | None,
    priority: int,
    file_id: int | None,
    wait: bool,
    link: Sequence[str],
) -> None:
    """Fetch model files from Civitai.

    Each goes into its model folder. A LINK is the number of a version, the address of its page or
    of its model's page, or an AIR (urn:air:…). What was broken off is read on where it was. The
    exit code is 1 if one of them is not there at the end.
    """
    if len(link) > 1 and (filename is not None or file_id is not None):
        raise click.UsageError("--filename and --file-id are for one LINK.")
    folders = {"checkpoints": checkpoints, "loras": loras, "model_dirs": model_dirs}
    fields: dict[str, Any] = {
        "kind": kind,
        "subfolder": subfolder,
        "filename": filename,
        "priority": priority,
        "file_id": file_id,
    }
    try:
        with told_in_one_sentence(), opened(data_dir, dispatch=False, **folders) as queue:
            queued, refused = _queued(queue, link, fields)
            complete = _fetched(queue, queued) if wait else True
    except KeyboardInterrupt:
        say("\nStopped. What is here is kept; the same command reads on where it was.")
        context.exit(1)
    if refused or not complete:
        context.exit(1)


def _queued(
    queue: StableQueue, links: Sequence[str], fields: Mapping[str, Any]
) -> tuple[Sequence[Download], int]:
    """The downloads that the links led to, each once, and how many links led nowhere."""
    found: dict[str, Download] = {}
    refused = 0
    for link in links:
        try:
            download = queue.civitai.download(link, **fields)
        except StableQueueError as error:
            if isinstance(error, ModelFileExists) and error.details["is_same"]:
                say(printable(error.message))
                continue
            refused += 1
            click.echo(f"Error: {printable(link)}: {printable(error.message)}", err=True)
        else:
            found[download.id] = download
            say(f"{_named(download)} is queued as {download.id}.")
    return list(found.values()), refused


def _fetched(queue: StableQueue, downloads: Sequence[Download]) -> bool:
    """Whether all of them are there, at the end."""
    if not downloads:
        return True
    queue.downloads.start()
    ended = watched(queue, [download.id for download in downloads])
    say("\n".join(sentence for download in ended for sentence in sentences_of(download)))
    return all(download.status is DownloadStatus.COMPLETED for download in ended)


def _named(download: Download) -> str:
    title = " ".join(filter(None, (download.title, download.version)))
    path = printable(download.path)
    return f"{printable(title)} ({path})" if title else path
