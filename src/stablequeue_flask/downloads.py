"""Downloads over HTTP: list, look, cancel, try again, pause, let go on."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_flask.answers import json_answer
from stablequeue_flask.download_bodies import download_body
from stablequeue_flask.mounted import mounted_queue
from stablequeue_flask.reading import QueryReader

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 1000

_STATUSES = {status.value: status for status in DownloadStatus}


def list_downloads() -> Response:
    """A page of downloads, newest first."""
    query = QueryReader(request.args)
    status = query.choice("status", _STATUSES, None)
    limit = query.number("limit", DEFAULT_LIMIT)
    offset = query.number("offset", 0)
    query.check()
    page = mounted_queue().downloads.list(
        status=status, limit=min(limit, LARGEST_LIMIT), offset=offset
    )
    return json_answer(
        {
            "success": True,
            "total": page.total,
            "downloads": [_shown(download) for download in page.downloads],
        }
    )


def show_download(download_id: str) -> Response:
    """One download."""
    download = mounted_queue().downloads.get(download_id)
    return json_answer({"success": True, "download": _shown(download)})


def cancel_download(download_id: str) -> Response:
    """Do not fetch it after all; what is here of it goes away."""
    return _changed("Download cancelled.", mounted_queue().downloads.cancel(download_id))


def pause_download(download_id: str) -> Response:
    """Let it wait; what is here of it stays."""
    return _changed("Download paused.", mounted_queue().downloads.pause(download_id))


def resume_download(download_id: str) -> Response:
    """Let a paused one go on where it was."""
    return _changed("Download queued again.", mounted_queue().downloads.resume(download_id), 202)


def retry_download(download_id: str) -> Response:
    """Try a failed or cancelled one again; what is here of it is read on."""
    return _changed("Download queued again.", mounted_queue().downloads.retry(download_id), 202)


ROUTES = (
    ("GET", "/downloads", list_downloads),
    ("GET", "/downloads/<download_id>", show_download),
    ("POST", "/downloads/<download_id>/cancel", cancel_download),
    ("POST", "/downloads/<download_id>/retry", retry_download),
    ("POST", "/downloads/<download_id>/pause", pause_download),
    ("POST", "/downloads/<download_id>/resume", resume_download),
)


def _changed(message: str, download: Download, status: int = 200) -> Response:
    body = {"success": True, "message": message, "download": _shown(download)}
    return json_answer(body, status)


def _shown(download: Download) -> dict[str, Any]:
    # Of what has come to stay, or went away, all is written down; of the rest, the disk knows more.
    settled = download.status in (DownloadStatus.COMPLETED, DownloadStatus.CANCELLED)
    progress = None if settled else mounted_queue().downloads.progress(download.id)
    return download_body(download, progress)
