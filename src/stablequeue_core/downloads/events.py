"""What a change of a download is called when it is told to others."""

from __future__ import annotations

from typing import Any

from stablequeue_core.downloads.download import Download
from stablequeue_core.events import Event, EventKind


def download_event(kind: EventKind, download: Download) -> Event:
    """The event that tells of the change which led to ``download``."""
    data = facts_of(download)
    if download.failure is not None:
        data["error"] = download.failure.code
        data["message"] = download.failure.message
    elif download.waiting_reason is not None:
        data["reason"] = download.waiting_reason
    if download.notes:
        data["notes"] = list(download.notes)
    return Event(kind=kind, at=download.updated_at, data=data)


def facts_of(download: Download) -> dict[str, Any]:
    """What every event about a download says of it."""
    return {
        "download_id": download.id,
        "status": download.status.value,
        "filename": download.filename,
        "title": download.title,
        "version": download.version,
        "version_id": download.version_id,
    }
