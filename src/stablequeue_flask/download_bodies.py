"""The API's shapes of downloads, in the spelling of the API document's own download route.

No absolute path of this machine is in any of them, and no address that a file is fetched from.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from stablequeue_core.downloads import Download, DownloadFailure, DownloadStatus
from stablequeue_core.serialization import to_iso

if TYPE_CHECKING:
    from stablequeue_core.downloads.progress import DownloadProgress


def ordered_body(download: Download) -> dict[str, Any]:
    """A download that was just accepted: the fields of the API document in its order."""
    return {
        "success": True,
        "downloadId": download.id,
        "message": "Download queued.",
        "modelName": download.title,
        "type": download.kind.value,
        "filename": download.filename,
    }


def download_body(download: Download, progress: DownloadProgress | None = None) -> dict[str, Any]:
    """A download, as every route shows it.

    Args:
        download: any.
        progress: how far it is right now; None: what was last written down is good enough.
    """
    done = download.bytes_done if progress is None else progress.bytes_done
    total = download.expected_size if progress is None else progress.total
    return {
        "downloadId": download.id,
        "status": download.status.value,
        "filename": download.filename,
        "type": download.kind.value,
        "modelName": download.title,
        "versionName": download.version,
        "civitaiModelId": download.model_id,
        "civitaiModelVersionId": download.version_id,
        "fileId": download.file_id,
        "subfolder": download.folder,
        "sha256": download.hashes.sha256,
        "priority": download.priority,
        "bytesDone": done,
        "bytesTotal": total,
        "fraction": fraction_of(download, progress),
        "bytesPerSecond": progress.bytes_per_second if progress else None,
        "secondsLeft": progress.seconds_left if progress else None,
        "createdAt": to_iso(download.created_at),
        "updatedAt": to_iso(download.updated_at),
        "startedAt": _iso(download.started_at),
        "endedAt": _iso(download.ended_at),
        "notBefore": _iso(download.not_before),
        "failures": download.failures,
        "waitingReason": download.waiting_reason,
        "error": _failure_body(download.failure) if download.failure else None,
        "notes": list(download.notes),
        "servers": dict(download.servers),
    }


def waited_for_body(download: Download, progress: DownloadProgress | None) -> dict[str, Any]:
    """A download that a job waits for, as the job shows it."""
    return {
        "downloadId": download.id,
        "status": download.status.value,
        "filename": download.filename,
        "fraction": fraction_of(download, progress),
    }


def fraction_of(download: Download, progress: DownloadProgress | None) -> float | None:
    """How much of the file is here, from 0.0 to 1.0; None where nobody tells its size."""
    if download.status is DownloadStatus.COMPLETED:
        return 1.0
    done = download.bytes_done if progress is None else progress.bytes_done
    total = download.expected_size if progress is None else progress.total
    # The size that Civitai tells may be a little off.
    return min(done / total, 1.0) if total else None


def _failure_body(failure: DownloadFailure) -> dict[str, Any]:
    return {
        "code": failure.code,
        "message": failure.message,
        "details": dict(failure.details),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)
