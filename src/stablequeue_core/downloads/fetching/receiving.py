"""Receives what is still missing of a file, over as many answers and links as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import evolve

from stablequeue_core.clock import Clock
from stablequeue_core.downloads.download import Download
from stablequeue_core.downloads.fetching.answers import Head, Meaning, read_head
from stablequeue_core.downloads.fetching.following import opened
from stablequeue_core.downloads.fetching.part_file import PartFile
from stablequeue_core.downloads.fetching.proofs import (
    BEGINNING_BYTES,
    allowance,
    check_beginning,
    check_size,
    told_sha256,
)
from stablequeue_core.downloads.fetching.space import check_room
from stablequeue_core.downloads.origin import DownloadOrigin, Location
from stablequeue_core.downloads.progress import TellBytes
from stablequeue_core.downloads.runner import NoteDownload
from stablequeue_core.errors import (
    LinkExpired,
    StorageHostFailed,
    TooSlow,
    TransferAborted,
    WrongFile,
)
from stablequeue_core.settings import Settings
from stablequeue_core.transport import Abort, Request, StreamedResponse, Timeouts, Transport

MOST_BARREN_LINKS = 3
"""So many links in a row may expire before they have brought a single byte."""

LEAST_BYTES_PER_SECOND = 1024
"""What brings less, for as long as the settings allow, drips: it would not end this year."""

_ROOM_CHECK_BYTES = 64 * 1024 * 1024  # so often the disk is looked at while the end is not known
_MOST_BARREN_ANSWERS = 3  # of one link, each of which made us start over or brought nothing


class Reception:
    """Brings one part to its end. Used once, by one thread.

    Args:
        transport: carries HTTP.
        origin: gives links.
        settings: how patient to be.
        clock: tells when patience ends.
        download: what is fetched.
        part: what is here of it.
        abort: makes everything come back.
        note: keeps what must survive a kill.
        tell: hears how far it is.
    """

    def __init__(
        self,
        transport: Transport,
        origin: DownloadOrigin,
        settings: Settings,
        clock: Clock,
        *,
        download: Download,
        part: PartFile,
        abort: Abort,
        note: NoteDownload,
        tell: TellBytes,
    ) -> None:
        self.download = download
        """As it is known by now."""
        self._transport = transport
        self._origin = origin
        self._settings = settings
        self._clock = clock
        self._part = part
        self._abort = abort
        self._note = note
        self._tell = tell

    def complete(self) -> None:
        """Receive all that is missing. A link that expires is replaced, and read on from there.

        Raises:
            LinkExpired: links expire before they bring anything.
            TransportError, CivitaiError, CivitaiNotFound, DownloadError: as they come; what is
                here stays, unless it is not the file.
        """
        barren = 0
        while not self._is_whole:
            location = self._origin.locate(self.download, abort=self._abort)
            before = self._part.size
            if self._read(location):
                return
            barren = 0 if self._part.size > before else barren + 1
            if barren >= MOST_BARREN_LINKS:
                raise LinkExpired

    @property
    def _is_whole(self) -> bool:
        return self._part.size == self.download.total

    def _read(self, location: Location) -> bool:
        """Read what one link gives; whether the file is whole, else the link has expired."""
        barren = 0
        while True:
            if self._part.size and not self._can_read_on:
                self._start_over()
            before = self._part.size
            with opened(self._transport, self._request(location), self._abort) as answer:
                head = read_head(
                    answer.status,
                    answer.headers,
                    here=before,
                    total=self.download.total,
                    etag=self.download.etag,
                )
                if head.meaning is Meaning.EXPIRED:
                    return False
                if head.meaning is Meaning.NOTHING_MORE:
                    self._learn(total=before, etag=self.download.etag)
                    return True
                if head.meaning is Meaning.START_OVER:
                    self._start_over()
                else:
                    self._take(head, answer)
            if self._is_whole:
                return True
            barren = 0 if self._part.size > before else barren + 1
            if barren >= _MOST_BARREN_ANSWERS:
                raise StorageHostFailed(
                    "The host that holds the file answers, but brings nothing. Retry later: what "
                    "is here already is kept."
                )

    def _request(self, location: Location) -> Request:
        headers = {**location.headers, "Accept-Encoding": "identity"}
        if self._part.size:
            headers["Range"] = f"bytes={self._part.size}-"
            if self.download.etag is not None:
                headers["If-Range"] = self.download.etag
        return Request(
            method="GET",
            url=location.url,
            headers=headers,
            timeouts=Timeouts(
                connect=self._settings.connect_timeout, read=self._settings.download_stall
            ),
            public_only=location.public_only and not self._settings.allow_private_downloads,
        )

    @property
    def _can_read_on(self) -> bool:
        """Whether it would be noticed if what is there now were another file than what is here."""
        return self.download.etag is not None or told_sha256(self.download) is not None

    def _take(self, head: Head, answer: StreamedResponse) -> None:
        """Receive the body of an answer that brings bytes of the file."""
        check_size(head.total, self.download.size)
        if head.meaning is Meaning.BEGINS and self._part.size:
            self._part.empty()
        self._learn(total=head.total, etag=head.etag)
        self._check_room()
        self._receive(answer)
        if self.download.total is None:  # its end is where the answer ends
            with self._wrong_bytes_go():
                check_size(self._part.size, self.download.size)
            self._learn(total=self._part.size, etag=self.download.etag)

    def _receive(self, answer: StreamedResponse) -> None:
        part, total = self._part, self.download.total
        flow = _Flow(self._clock, self._settings.download_stall)
        is_checked, looked_at = False, part.size
        while total is None or part.size < total:
            room = part.room
            count = answer.readinto(room if total is None else room[: total - part.size])
            if self._abort.pulled:
                raise TransferAborted
            if count:
                part.add(count)
            is_end = not count or part.size == total
            if not is_checked and (is_end or part.size >= BEGINNING_BYTES):
                with self._wrong_bytes_go():
                    first = part.beginning(BEGINNING_BYTES)
                    check_beginning(first, self.download.filename, total)
                is_checked = True
            if is_end:
                break
            flow.count(count)
            if total is None and part.size - looked_at >= _ROOM_CHECK_BYTES:
                looked_at = part.size
                self._check_endless()
            self._tell(part.size, self.download.expected_size)
        self._tell(part.size, self.download.expected_size)

    def _check_room(self) -> None:
        expected = self.download.expected_size
        if expected is not None:
            check_room(self.download.file.parent, expected - self._part.size)

    def _check_endless(self) -> None:
        """Nobody tells where the body ends: it must neither pass what Civitai tells nor the disk.

        Raises:
            WrongFile: there is more than Civitai tells of.
            NotEnoughSpace: the reserve is reached.
        """
        size = self.download.size
        if size is not None and self._part.size > size + allowance(size):
            with self._wrong_bytes_go():
                check_size(self._part.size, size)
        check_room(self.download.file.parent, 1)

    @contextmanager
    def _wrong_bytes_go(self) -> Iterator[None]:
        """What is here is proved wrong inside the block; a wrong answer alone proves nothing."""
        try:
            yield
        except WrongFile:
            self._part.empty()
            raise

    def _start_over(self) -> None:
        """Give up what is here; first the bytes, then what is known of them."""
        self._part.empty()
        self._learn(total=None, etag=None)

    def _learn(self, *, total: int | None, etag: str | None) -> None:
        """Keep what the storage says of the file, if that is news."""
        if (total, etag) != (self.download.total, self.download.etag):
            known = evolve(self.download, total=total, etag=etag, bytes_done=self._part.size)
            self.download = self._note(known)


class _Flow:
    """Notices a drip: bytes that come, but so few that the end is out of sight."""

    def __init__(self, clock: Clock, patience: float) -> None:
        self._clock = clock
        self._patience = patience
        self._since = clock.monotonic()
        self._received = 0

    def count(self, received: int) -> None:
        """So many bytes came.

        Raises:
            TooSlow: for as long as patience lasts there were too few of them.
        """
        self._received += received
        seconds = self._clock.monotonic() - self._since
        if seconds < self._patience:
            return
        if self._received < LEAST_BYTES_PER_SECOND * seconds:
            raise TooSlow(seconds, self._received)
        self._since, self._received = self._clock.monotonic(), 0
