"""The ``stablequeue downloads`` commands: look at the queue of downloads, and change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.downloads.progress import DownloadProgress
from stablequeue_core.quantities import size_text
from stablequeue_core.serialization import to_iso
from stablequeue_flask.download_bodies import fraction_of
from stablequeue_flask.opening import (
    data_dir_option,
    opened_to_look,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import Fact, fact_lines, printable, say, table

_HEAD = ("status", "done", "size", "kind", "file", "model", "id")
_GOES_ON = "It goes on while the server runs, or any `stablequeue download`."


@click.group()
def downloads() -> None:
    """Look at the downloads, and change what becomes of them."""


@downloads.command("list")
@data_dir_option
@option(
    "--status",
    type=click.Choice([each.value for each in DownloadStatus]),
    help="Only downloads that stand there.",
)
@option("--limit", type=click.IntRange(1), default=50, help="At most so many, newest first.")
def list_downloads(data_dir: Path, status: str | None, limit: int) -> None:
    """List the downloads, newest first."""
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        page = queue.downloads.list(status=status, limit=limit)
        if not page.total:
            say("There is no download." if status is None else f"No download is {status}.")
            return
        rows = (_row(each, queue.downloads.progress(each.id)) for each in page.downloads)
        say(table([_HEAD, *rows]))
        if more := page.total - len(page.downloads):
            # Not among the downloads, for whoever counts lines.
            say(f"… and {more:,} older ones.", err=True)


@downloads.command()
@data_dir_option
@click.argument("download_id", metavar="ID")
def show(data_dir: Path, download_id: str) -> None:
    """Tell all that is known of the download ID."""
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        download = queue.downloads.get(download_id)
        say("\n".join(fact_lines(_facts(download, queue.downloads.progress(download_id)))))


@downloads.command()
@data_dir_option
@click.argument("download_id", metavar="ID...", nargs=-1, required=True)
def cancel(data_dir: Path, download_id: Sequence[str]) -> None:
    """Cancel the downloads ID..., also half-way.

    What is here of them is removed.
    """
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        for each in download_id:
            say(f"{_name(queue.downloads.cancel(each))} is cancelled.")


@downloads.command()
@data_dir_option
@click.argument("download_id", metavar="ID...", nargs=-1, required=True)
def pause(data_dir: Path, download_id: Sequence[str]) -> None:
    """Let the downloads ID... wait; what is here of them stays."""
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        for each in download_id:
            say(f"{_name(queue.downloads.pause(each))} is paused.")


@downloads.command()
@data_dir_option
@click.argument("download_id", metavar="ID...", nargs=-1, required=True)
def resume(data_dir: Path, download_id: Sequence[str]) -> None:
    """Let the paused downloads ID... go on where they were."""
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        for each in download_id:
            say(f"{_name(queue.downloads.resume(each))} is queued again. {_GOES_ON}")


@downloads.command()
@data_dir_option
@click.argument("download_id", metavar="ID...", nargs=-1, required=True)
def retry(data_dir: Path, download_id: Sequence[str]) -> None:
    """Try the failed or cancelled downloads ID... again."""
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        for each in download_id:
            say(f"{_name(queue.downloads.retry(each))} is queued again. {_GOES_ON}")


def _name(download: Download) -> str:
    return printable(download.path)


def _row(download: Download, progress: DownloadProgress) -> Sequence[str]:
    fraction, size = fraction_of(download, progress), download.expected_size
    return (
        download.status.value,
        "" if fraction is None else f"{fraction:.0%}",
        "" if size is None else size_text(size),
        download.kind.value,
        _name(download),
        printable(" ".join(filter(None, (download.title, download.version)))),
        download.id,
    )


def _facts(download: Download, progress: DownloadProgress) -> Iterator[Fact]:
    failure, size = download.failure, download.expected_size
    yield "File", download.path
    yield "Folder", download.root
    yield "Status", download.status.value
    yield "It waits", download.waiting_reason
    yield "It failed", failure.message if failure else None
    yield "Model", download.title
    yield "Version", download.version
    yield "Kind", download.kind.value
    yield "At Civitai", f"version {download.version_id}, file {download.file_id or '?'}"
    yield "Size", None if size is None else f"{size_text(size)} ({size:,} bytes)"
    yield "Here of it", f"{size_text(progress.bytes_done)} ({progress.bytes_done:,} bytes)"
    yield "SHA-256", download.hashes.sha256
    yield "Priority", str(download.priority)
    yield "Queued", to_iso(download.created_at)
    yield "Ended", to_iso(download.ended_at) if download.ended_at else None
    yield "Not before", to_iso(download.not_before) if download.not_before else None
    yield "Servers", ", ".join(_seen(download))
    for note in download.notes:
        yield "Note", note


def _seen(download: Download) -> Iterator[str]:
    """Which servers list the file, and which do not."""
    for alias, listed in download.servers.items():
        yield alias if listed else f"{alias} (does not list it)"
