"""Model files to fetch: which, where to, how far each is."""

from stablequeue_core.downloads.download import Download, DownloadFailure
from stablequeue_core.downloads.events import download_event
from stablequeue_core.downloads.lifecycle import ENDED, TRANSITIONS, DownloadStatus
from stablequeue_core.downloads.origin import DownloadOrigin, Location
from stablequeue_core.downloads.progress import DownloadProgress
from stablequeue_core.downloads.queue import DownloadQueue
from stablequeue_core.downloads.store import (
    BeginDownload,
    DownloadPage,
    DownloadQuery,
    DownloadStore,
    still_open,
)

__all__ = [
    "ENDED",
    "TRANSITIONS",
    "BeginDownload",
    "Download",
    "DownloadFailure",
    "DownloadOrigin",
    "DownloadPage",
    "DownloadProgress",
    "DownloadQuery",
    "DownloadQueue",
    "DownloadStatus",
    "DownloadStore",
    "Location",
    "download_event",
    "still_open",
]
