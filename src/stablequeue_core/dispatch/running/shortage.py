"""What is told of models that a server lacks: why a job waits for them, or why it failed."""

from __future__ import annotations

from collections.abc import Iterable

from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.errors import BackendError
from stablequeue_core.models import ModelKind


def waits_for(downloads: Iterable[Download]) -> str:
    """Why a job waits that these are fetched for."""
    return " ".join(map(_waits_for, downloads))


def not_fetched(download_id: str, download: Download | None) -> str:
    """Why a job failed that waited for a download.

    Args:
        download_id: as the job knows it.
        download: as it ended; None: it was deleted.
    """
    if download is None:
        what = f"Download {download_id}, which the job waited for, is not there any more."
    elif download.failure is not None:
        what = f"{_titled(download)} was not fetched. {download.failure.message}"
    else:
        what = f"The download of {_titled(download)}, which the job waited for, was cancelled."
    return f"{what} Retry the job to order what it lacks again."


def not_listed(path: str, kind: ModelKind, server: str | None) -> str:
    """Why a file that is here does not help.

    Args:
        path: of the file, below its model folder.
        kind: what it is for.
        server: which does not list it; None: none does.
    """
    who = "No server lists" if server is None else f"Server {server!r} does not list"
    whom = "a server" if server is None else "it"
    advice = f"Share that folder with {whom}, or copy the file there, then retry the job."
    if kind is ModelKind.UPSCALER:
        advice = f"Upscalers are looked for when a server starts: restart {whom}. {advice}"
    return f"{who} {path!r}, which is here, below the folder for {kind} files. {advice}"


def listed_otherwise(path: str, wanted: str, server: str) -> str:
    """Why a file that is here, and that the server lists, does not help.

    Args:
        path: of the file, below its model folder.
        wanted: as the job calls it.
        server: which lists it.
    """
    return (
        f"{path!r} is here, and server {server!r} lists it, but it knows nothing by the name "
        f"{wanted!r}. Submit the job again with the file's own name."
    )


def told(lacking: Iterable[BackendError]) -> str:
    """All that a server lacks, in its own sentences."""
    return " ".join(error.message for error in lacking)


def _waits_for(download: Download) -> str:
    sentence = f"Waits for {_titled(download)} to be fetched: download {download.id}"
    if download.status is DownloadStatus.PAUSED:
        return f"{sentence}, which is paused."
    return f"{sentence}. {download.waiting_reason or ''}".rstrip()


def _titled(download: Download) -> str:
    title = " ".join(filter(None, (download.title, download.version)))
    return f"{download.filename} ({title})" if title else download.filename
