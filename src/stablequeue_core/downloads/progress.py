"""How far a download is, how fast it comes, and when it will be here."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from attrs import frozen

from stablequeue_core.announcer import Announcer
from stablequeue_core.clock import Clock
from stablequeue_core.downloads.download import Download
from stablequeue_core.downloads.events import facts_of
from stablequeue_core.events import Event, EventKind

WINDOW = 5.0
"""Seconds over which the rate is measured: long enough to be calm, short enough to be true."""

SAMPLE_EVERY = 0.1
"""Seconds; bytes are told of far more often."""

SHORTEST_SPAN = 0.5
"""Seconds; what is measured over less is chance."""

ANNOUNCE_EVERY = 0.25
"""Seconds between two announcements of the progress of one download."""


@frozen(kw_only=True)
class DownloadProgress:
    """How far a download is.

    Attributes:
        bytes_done: of the file, on disk.
        total: in bytes; None while nobody has told.
        bytes_per_second: over the last seconds; None when nobody here can measure it.
        seconds_left: at this rate; None when that cannot be said.
    """

    bytes_done: int
    total: int | None = None
    bytes_per_second: float | None = None
    seconds_left: float | None = None

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None while nobody has told the total."""
        return min(1.0, self.bytes_done / self.total) if self.total else None


class Meter:
    """Measures one download. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._done = 0
        self._total: int | None = None
        self._moved_at = clock.monotonic()
        self._samples: deque[tuple[float, int]] = deque()

    def put(self, done: int, total: int | None) -> None:
        """So much is here now. Less than before means that it was begun anew."""
        now = self._clock.monotonic()
        with self._lock:
            if done < self._done:
                self._samples.clear()
            if done != self._done:
                self._moved_at = now
            self._done, self._total = done, total
            if not self._samples or now - self._samples[-1][0] >= SAMPLE_EVERY:
                self._samples.append((now, done))

    def read(self) -> DownloadProgress:
        """How far it is now; a rate that falls while nothing comes."""
        now = self._clock.monotonic()
        with self._lock:
            while len(self._samples) > 1 and now - self._samples[0][0] > WINDOW:
                self._samples.popleft()
            rate = self._rate(now)
            left = None
            if rate and self._total is not None:
                left = max(0, self._total - self._done) / rate
            return DownloadProgress(
                bytes_done=self._done, total=self._total, bytes_per_second=rate, seconds_left=left
            )

    def _rate(self, now: float) -> float | None:
        if not self._samples:
            return None
        if now - self._moved_at > WINDOW:
            return 0.0
        since, done = self._samples[0]
        span = now - since
        return (self._done - done) / span if span >= SHORTEST_SPAN else None


TellBytes = Callable[[int, int | None], None]
"""Hears how many bytes are on disk, and how many there will be; called often, returns at once."""


class DownloadBoard:
    """How far each download is that this process fetches; tells listeners. For several threads."""

    def __init__(self, announcer: Announcer, clock: Clock) -> None:
        self._announcer = announcer
        self._clock = clock
        self._meters: dict[str, Meter] = {}

    def of(self, download_id: str) -> DownloadProgress | None:
        """How far the download is; None when it is not fetched here."""
        meter = self._meters.get(download_id)
        return None if meter is None else meter.read()

    def put_up(self, download: Download, here: int) -> TellBytes:
        """The download is fetched here from now on, and ``here`` bytes of it are here already.

        Returns:
            what whoever fetches it has to tell.
        """
        meter = self._meters[download.id] = Meter(self._clock)
        meter.put(here, download.expected_size)
        announced_at = float("-inf")

        def tell(done: int, total: int | None) -> None:
            nonlocal announced_at
            meter.put(done, total)
            now = self._clock.monotonic()
            if now - announced_at >= ANNOUNCE_EVERY:
                announced_at = now
                self._announce(download, meter.read())

        return tell

    def take_down(self, download_id: str) -> None:
        """The download is not fetched here any more."""
        self._meters.pop(download_id, None)

    def _announce(self, download: Download, progress: DownloadProgress) -> None:
        data = {
            **facts_of(download),
            "bytes_done": progress.bytes_done,
            "total": progress.total,
            "bytes_per_second": progress.bytes_per_second,
            "seconds_left": progress.seconds_left,
        }
        self._announcer.announce(
            Event(kind=EventKind.DOWNLOAD_PROGRESS, at=self._clock.now(), data=data)
        )
