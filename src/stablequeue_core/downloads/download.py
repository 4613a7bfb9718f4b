"""A download: which file, where to, how far it is. A change is a new value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from stablequeue_core.downloads.lifecycle import DownloadStatus, check_transition
from stablequeue_core.errors import IllegalDownloadTransition
from stablequeue_core.models import NO_HASHES, Hashes, ModelKind


@frozen(kw_only=True)
class DownloadFailure:
    """Why a download failed: a stable code, a sentence that says what to do, data for programs."""

    code: str
    message: str
    details: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Download:
    """A model file to fetch.

    Attributes:
        id: a lower-case UUID.
        version_id: of the model's version at Civitai.
        file_id: which of the version's files.
        kind: what it is for.
        root: the model folder that it belongs to, as an absolute path of this machine.
        folder: below the root, with forward slashes; empty for the root itself.
        filename: of the finished file, without folder: safe on every system.
        number: order of acceptance, given by the store; 0 before.
        revision: grows with each change, kept by the store; see :meth:`DownloadStore.replace`.
        model_id: of the model at Civitai.
        title: the model's name, for people.
        version: the version's name, for people.
        size: in bytes, as Civitai tells it; it may be a little off. None when it does not tell.
        hashes: as Civitai tells them: the file's SHA-256 decides whether it is the right one.
        record: what Civitai answered about the version and its model, for the files that are put
            beside it: ``{"version": {...}, "model": {...}}``.
        priority: higher is fetched first.
        bytes_done: how much of it is on disk, when it was last written down.
        total: in bytes, as the host of the file tells it; None before it has.
        etag: what the host of the file calls these very bytes, so that they can be read on.
        failures: how often in a row it was tried without getting further.
        not_before: it is left alone until then (backoff).
        wrong_sha256: the hash of a complete file that was not the right one, the first time.
        waiting_reason: why it went back to the queue.
        failure: why it has failed.
        notes: what did not work after the file was there: sentences; it is complete all the same.
        servers: for each server that was told of it, whether it lists the file.
    """

    id: str
    version_id: int
    file_id: int | None
    kind: ModelKind
    root: str
    filename: str
    created_at: datetime
    updated_at: datetime
    folder: str = ""
    number: int = 0
    revision: int = 0
    status: DownloadStatus = DownloadStatus.QUEUED
    model_id: int | None = None
    title: str = ""
    version: str = ""
    size: int | None = None
    hashes: Hashes = NO_HASHES
    record: Mapping[str, Any] = field(factory=dict, repr=False)
    priority: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    bytes_done: int = 0
    total: int | None = None
    etag: str | None = None
    failures: int = 0
    not_before: datetime | None = None
    wrong_sha256: str | None = None
    waiting_reason: str | None = None
    failure: DownloadFailure | None = None
    notes: tuple[str, ...] = ()
    servers: Mapping[str, bool] = field(factory=dict)

    @property
    def path(self) -> str:
        """Of the finished file, below its root, with forward slashes."""
        return f"{self.folder}/{self.filename}" if self.folder else self.filename

    @property
    def file(self) -> Path:
        """Where the finished file lies on this machine."""
        return Path(self.root, self.folder, self.filename)

    @property
    def expected_size(self) -> int | None:
        """In bytes: as the host of the file tells it, else as Civitai does; None: nobody told."""
        return self.size if self.total is None else self.total

    def begin(self, *, now: datetime) -> Download:
        """It is its turn."""
        return self._moved(
            DownloadStatus.DOWNLOADING,
            now,
            started_at=self.started_at or now,
            not_before=None,
            waiting_reason=None,
        )

    def complete(
        self, *, notes: tuple[str, ...], servers: Mapping[str, bool], now: datetime
    ) -> Download:
        """The file is proved and in its place."""
        return self._moved(
            DownloadStatus.COMPLETED,
            now,
            ended_at=now,
            notes=notes,
            servers=servers,
            failures=0,
            bytes_done=self.bytes_done if self.total is None else self.total,
        )

    def fail(self, failure: DownloadFailure, *, now: datetime) -> Download:
        """It was refused, or its attempts are used up; what is here of it stays."""
        return self._moved(DownloadStatus.FAILED, now, ended_at=now, failure=failure)

    def give_back(
        self, *, reason: str | None, failures: int, not_before: datetime | None, now: datetime
    ) -> Download:
        """The connection was lost, or the process ended: back to the queue, to be read on.

        Args:
            reason: why, for people; None when there is nothing to tell.
            failures: how often in a row it was tried without getting further.
            not_before: leave it alone until then.
            now: the time.
        """
        return self._moved(
            DownloadStatus.QUEUED,
            now,
            waiting_reason=reason,
            failures=failures,
            not_before=not_before,
        )

    def pause(self, *, now: datetime) -> Download:
        """The user wants it to wait; what is here of it stays."""
        return self._moved(DownloadStatus.PAUSED, now, not_before=None, waiting_reason=None)

    def resume(self, *, now: datetime) -> Download:
        """The user lets a paused one go on.

        Raises:
            IllegalDownloadTransition: it is not paused.
        """
        if self.status is not DownloadStatus.PAUSED:
            raise IllegalDownloadTransition(self.id, self.status, DownloadStatus.QUEUED)
        return self._moved(DownloadStatus.QUEUED, now)

    def cancel(self, *, now: datetime) -> Download:
        """The user does not want it any more; what is here of it is going to be removed."""
        return self._moved(
            DownloadStatus.CANCELLED,
            now,
            ended_at=now,
            bytes_done=0,
            etag=None,
            not_before=None,
            waiting_reason=None,
        )

    def retry(self, *, now: datetime) -> Download:
        """The user tries again, with a fresh count of failures; what is here is read on.

        Raises:
            IllegalDownloadTransition: it has not failed and was not cancelled.
        """
        if not self.status.ended:
            raise IllegalDownloadTransition(self.id, self.status, DownloadStatus.QUEUED)
        return self._moved(
            DownloadStatus.QUEUED,
            now,
            failures=0,
            failure=None,
            ended_at=None,
            not_before=None,
            waiting_reason=None,
        )

    def _moved(self, status: DownloadStatus, now: datetime, **changes: Any) -> Download:
        check_transition(self.id, self.status, status)
        return evolve(self, status=status, updated_at=now, **changes)
