"""Downloads, and changes of them, to try a storage with."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from stablequeue_core.downloads import Download, DownloadFailure, download_event
from stablequeue_core.events import Event, EventKind
from stablequeue_core.models import Hashes, ModelKind
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.samples import LATER, START

LORAS = "/models/Lora"
REFUSAL = DownloadFailure(
    code="login_needed", message="Log in first — 狐.", details={"at": [1, {"é": None}]}
)


def queued(seconds: float = 0, **fields: Any) -> Download:
    """A new download, made so many seconds after the start; each of a file of its own."""
    made = START + timedelta(seconds=seconds)
    download_id = str(uuid.uuid4())
    given: dict[str, Any] = {
        "id": download_id,
        "version_id": 691639,
        "file_id": None,
        "kind": ModelKind.LORA,
        "root": LORAS,
        "filename": f"{download_id}.safetensors",
        "created_at": made,
        "updated_at": made,
    }
    return Download(**{**given, **fields})


def elaborate(**fields: Any) -> Download:
    """A download of which everything is known."""
    given: dict[str, Any] = {
        "file_id": 606066,
        "folder": "räv/ü",
        "filename": "狐.safetensors",
        "model_id": 618692,
        "title": "Räv 🦊",
        "version": "v1.0",
        "size": 2**63,
        "hashes": Hashes(sha256="ab" * 32, autov3="cd" * 6),
        "record": {"version": {"id": 2**70, "nested": [1, 2.0, {"x": None}]}, "model": {}},
        "priority": -3,
        "bytes_done": 12,
        "total": 6_938_078_334,
        "etag": '"5e3b-a"',
        "failures": 2,
        "not_before": LATER,
        "wrong_sha256": "ef" * 32,
        "waiting_reason": "The connection was lost.",
    }
    return queued(**{**given, **fields})


def added(storage: Storage, *downloads: Download) -> list[Download]:
    """Keep new downloads; as they are kept."""
    return [
        storage.downloads.add(each, download_event(EventKind.DOWNLOAD_ADDED, each))
        for each in downloads
    ]


def begun(download: Download) -> tuple[Download, Event]:
    """The download, on its way."""
    running = download.begin(now=download.updated_at + timedelta(seconds=1))
    return running, download_event(EventKind.DOWNLOAD_STARTED, running)


def fetched(storage: Storage, *, now: datetime = LATER) -> Download:
    """Claim a download that is surely there."""
    download = storage.downloads.claim(now=now, begin=begun)
    assert download is not None
    return download


DownloadChange = Callable[[Download], tuple[Download, Event | None]]


def altered(storage: Storage, download: Download, change: DownloadChange) -> Download:
    """Keep the changed download; as it is kept."""
    return storage.downloads.replace(*change(download))


def arrived(download: Download) -> tuple[Download, Event]:
    """The running download, done."""
    done = download.complete(notes=("No preview.",), servers={"Türm": True, "b": False}, now=LATER)
    return done, download_event(EventKind.DOWNLOAD_COMPLETED, done)


def refused(download: Download) -> tuple[Download, Event]:
    """The running download, failed."""
    ended = download.fail(REFUSAL, now=LATER)
    return ended, download_event(EventKind.DOWNLOAD_FAILED, ended)


def interrupted(
    download: Download, *, not_before: datetime | None = None
) -> tuple[Download, Event]:
    """The running download, to be read on."""
    back = download.give_back(
        reason="The connection was lost.", failures=1, not_before=not_before, now=LATER
    )
    return back, download_event(EventKind.DOWNLOAD_INTERRUPTED, back)


def paused(download: Download) -> tuple[Download, Event]:
    """The download, put aside by its user."""
    aside = download.pause(now=LATER)
    return aside, download_event(EventKind.DOWNLOAD_PAUSED, aside)


def resumed(download: Download) -> tuple[Download, Event]:
    """The paused download, allowed to go on."""
    again = download.resume(now=LATER)
    return again, download_event(EventKind.DOWNLOAD_RESUMED, again)


def dropped(download: Download) -> tuple[Download, Event]:
    """The download, not wanted any more."""
    ended = download.cancel(now=LATER)
    return ended, download_event(EventKind.DOWNLOAD_CANCELLED, ended)


def tried_again(download: Download) -> tuple[Download, Event]:
    """The ended download, to be tried again."""
    again = download.retry(now=LATER)
    return again, download_event(EventKind.DOWNLOAD_RETRIED, again)
