"""The life of a download, as a table. Every rule about what may follow what lives in this file."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from stablequeue_core.errors import IllegalDownloadTransition


class DownloadStatus(StrEnum):
    """Where a download stands."""

    QUEUED = "queued"
    DOWNLOADING = "downloading"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it unless the user asks for it."""
        return self in ENDED


TRANSITIONS: Mapping[DownloadStatus, Mapping[DownloadStatus, str]] = {
    DownloadStatus.QUEUED: {
        DownloadStatus.DOWNLOADING: "it is its turn",
        DownloadStatus.PAUSED: "the user pauses it",
        DownloadStatus.CANCELLED: "the user cancels it",
    },
    DownloadStatus.DOWNLOADING: {
        DownloadStatus.COMPLETED: "the file is proved and in its place",
        DownloadStatus.FAILED: "it was refused, or its attempts are used up",
        DownloadStatus.PAUSED: "the user pauses it",
        DownloadStatus.CANCELLED: "the user cancels it",
        DownloadStatus.QUEUED: "the connection was lost, or the process ended",
    },
    DownloadStatus.PAUSED: {
        DownloadStatus.QUEUED: "the user lets it go on",
        DownloadStatus.CANCELLED: "the user cancels it",
    },
    DownloadStatus.COMPLETED: {},
    DownloadStatus.FAILED: {DownloadStatus.QUEUED: "the user tries again"},
    DownloadStatus.CANCELLED: {DownloadStatus.QUEUED: "the user tries again"},
}
"""Present status → what may follow → why it would."""

ENDED = frozenset({DownloadStatus.COMPLETED, DownloadStatus.FAILED, DownloadStatus.CANCELLED})


def check_transition(download_id: str, present: DownloadStatus, wanted: DownloadStatus) -> None:
    """Let ``present`` → ``wanted`` pass.

    Raises:
        IllegalDownloadTransition: the table does not allow it.
    """
    if wanted not in TRANSITIONS[present]:
        raise IllegalDownloadTransition(download_id, present, wanted)
