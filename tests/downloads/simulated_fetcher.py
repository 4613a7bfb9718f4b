"""A fetcher that makes its files up, as slowly as a test wants, and queues of downloads with it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from attrs import evolve, field, frozen

from stablequeue_core.announcer import Announcer
from stablequeue_core.clock import SystemClock
from stablequeue_core.downloads import Download, DownloadQueue
from stablequeue_core.downloads.progress import TellBytes
from stablequeue_core.downloads.runner import Aftercare, FileFetcher, NoteDownload
from stablequeue_core.errors import FileNotPlaced, TransferAborted
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.download_samples import queued
from stablequeue_core.transport import Abort

SIZE = 1000
PIECE = 100
ETAG = '"made-up"'

QUICK = Settings(poll=0.02, backoff_base=0.01, backoff_cap=0.02)
"""The defaults, in a world where everything happens at once."""


@frozen
class Trouble:
    """What ends an attempt, once so many bytes are there."""

    error: Exception
    after: int = 0


def content_of(filename: str) -> bytes:
    """The file that is to be had under this name."""
    return (filename.encode() * SIZE)[:SIZE]


class SimulatedFetcher(FileFetcher):
    """Fetches made-up files piece by piece, into real part files.

    Attributes:
        allowed: no file gets further than so many bytes, until this is more.
        troubles: by file name, what ends its next attempts.
        doubts: what could not be proved of any file.
        stuck: parts cannot be removed.
        begun: which file each attempt was for, and from where it went on.
        most_at_once: how many attempts were under way at the same time.
        most_for_one: how many of them for the same file.
    """

    def __init__(self, *, pause: float = 0.0) -> None:
        self.allowed = SIZE
        self.troubles: dict[str, list[Trouble]] = {}
        self.doubts: tuple[str, ...] = ()
        self.stuck = False
        self.begun: list[tuple[str, int]] = []
        self.most_at_once = 0
        self.most_for_one = 0
        self._pause = pause
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()

    def fetch(
        self, download: Download, *, abort: Abort, note: NoteDownload, tell: TellBytes
    ) -> Download:
        with self._counted(download.filename), part_of(download).open("ab") as part:
            here = part.tell()
            self.begun.append((download.filename, here))
            if download.etag is None:
                download = note(evolve(download, etag=ETAG, total=SIZE))
            left = self.troubles.get(download.filename, [])
            trouble = left.pop(0) if left else None
            while here < SIZE:
                if trouble is not None and here >= trouble.after:
                    raise trouble.error
                self._wait_for_leave(here, abort)
                part.write(content_of(download.filename)[here : here + PIECE])
                part.flush()
                here += PIECE
                tell(here, SIZE)
        part_of(download).replace(download.file)
        return evolve(download, bytes_done=here, notes=self.doubts)

    def discard(self, download: Download) -> None:
        if self.stuck:
            raise FileNotPlaced("Another process has the file open.")
        part_of(download).unlink(missing_ok=True)

    def bytes_here(self, download: Download) -> int:
        try:
            return part_of(download).stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def under_way(self) -> int:
        """How many attempts there are at this moment."""
        return self._under_way.total()

    def _wait_for_leave(self, here: int, abort: Abort) -> None:
        abort.wait(self._pause)
        while here >= self.allowed and not abort.pulled:
            abort.wait(0.005)
        if abort.pulled:
            raise TransferAborted

    @contextmanager
    def _counted(self, filename: str) -> Iterator[None]:
        with self._lock:
            self._under_way[filename] += 1
            self.most_at_once = max(self.most_at_once, self._under_way.total())
            self.most_for_one = max(self.most_for_one, self._under_way[filename])
        try:
            yield
        finally:
            with self._lock:
                self._under_way[filename] -= 1


def part_of(download: Download) -> Path:
    return download.file.with_name(f"{download.filename}.part")


def no_aftercare(download: Download) -> tuple[tuple[str, ...], Mapping[str, bool]]:
    return (), {}


@frozen(kw_only=True)
class Downloads:
    """A queue of downloads over a storage, with its simulated fetcher."""

    storage: Storage
    folder: Path
    fetcher: SimulatedFetcher
    announcer: Announcer
    queue: DownloadQueue
    new: Callable[..., Download] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "new", partial(queued, root=str(self.folder)))

    def add(self, *names: str, **fields: object) -> list[Download]:
        """Queue downloads of files with these names."""
        return [self.queue.add(self.new(filename=name, **fields)) for name in names]

    def close(self) -> None:
        self.queue.close()
        self.announcer.close()


def downloads_over(
    storage: Storage,
    folder: Path,
    *,
    fetcher: SimulatedFetcher | None = None,
    aftercare: Aftercare = no_aftercare,
    settings: Settings = QUICK,
) -> Downloads:
    """A queue that does not fetch yet."""
    fetcher = fetcher or SimulatedFetcher()
    announcer = Announcer(storage.events, storage.changes)
    queue = DownloadQueue(
        storage.downloads,
        fetcher,
        aftercare,
        lock=storage.fetching_lock(),
        work=storage.work,
        changes=storage.changes,
        announcer=announcer,
        clock=SystemClock(),
        settings=settings,
        jitter=lambda: 0.5,
    )
    return Downloads(
        storage=storage, folder=folder, fetcher=fetcher, announcer=announcer, queue=queue
    )
