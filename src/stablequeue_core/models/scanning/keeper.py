"""The thread that keeps the catalogue up to date: scans when asked to, hashes in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import asdict, evolve
from filelock import BaseFileLock, FileLock, Timeout

from stablequeue_core.announcer import Announcer
from stablequeue_core.clock import Clock
from stablequeue_core.errors import InternalError, QueueClosed, StableQueueError
from stablequeue_core.events import Event, EventKind
from stablequeue_core.models.model import Hashes, Model
from stablequeue_core.models.roots import ModelRoot
from stablequeue_core.models.scanning.hash_work import HashWork, hasher_of
from stablequeue_core.models.scanning.report import ScanPhase, ScanReport, ScanStatus
from stablequeue_core.models.scanning.scanner import Scan, ScanStopped
from stablequeue_core.models.scanning.second_look import SecondLook
from stablequeue_core.models.store import ModelStore

logger = logging.getLogger(__name__)

LOCK = "models.lock"
"""Of several processes with the same data folder, one at a time looks through model folders."""

PROGRESS_SECONDS = 0.25
"""So often, at most, listeners are told how far a scan is."""

LAST_WORDS = 5.0
"""Seconds for the thread to notice that it is to stop: a few hundred milliseconds will do."""


class CatalogKeeper:
    """Scans the model folders when it is asked to, and hashes files while nobody asks.

    Args:
        store: what is known.
        roots: the folders.
        data_dir: where the lock lies that processes share.
        announcer: tells listeners how far it is.
        clock: the time.
        hash_rate: bytes a second that hashing may read.
    """

    def __init__(
        self,
        store: ModelStore,
        roots: Sequence[ModelRoot],
        *,
        data_dir: Path,
        announcer: Announcer,
        clock: Clock,
        hash_rate: float,
    ) -> None:
        self._store = store
        self._roots = roots
        self._announcer = announcer
        self._clock = clock
        self._lock = FileLock(data_dir / LOCK, thread_local=False)
        self._changed = threading.Condition()
        self._wanted = self._begun = self._ended = 0
        self._in_a_hurry = 0
        self._stopping = threading.Event()
        self._interrupt = threading.Event()
        self._status = ScanStatus()
        self._error: StableQueueError | None = None
        self._told_at = 0.0
        self._second_look = SecondLook(store)
        self._hashes = HashWork(
            store, roots, self._second_look, hash_rate=hash_rate, interrupt=self._interrupt
        )
        self._all_hashed = True
        self._thread = threading.Thread(target=self._run, name="stablequeue-models", daemon=True)

    def start(self) -> None:
        """Start the thread, with a scan."""
        self.request()
        self._thread.start()

    def close(self) -> None:
        """Stop; what was read so far is kept."""
        with self._changed:
            self._stopping.set()
            self._interrupt.set()
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(LAST_WORDS)

    def status(self) -> ScanStatus:
        """How far it is; a scan that was asked for counts as running until it has ended."""
        with self._changed:
            status, is_wanted = self._status, self._wanted > self._ended
        if is_wanted and not status.running:
            return ScanStatus(phase=ScanPhase.LISTING, last=status.last)
        return status

    def request(self, *, join: bool = False) -> int:
        """Ask for a scan.

        Args:
            join: be content with one that runs already, though it may have passed what is new.

        Returns:
            its number, for :meth:`wait`.
        """
        with self._changed:
            is_running = self._begun > self._ended
            if not (join and is_running):
                self._wanted = max(self._wanted, self._begun + 1)
            self._interrupt.set()
            self._changed.notify_all()
            return self._begun if join and is_running else self._wanted

    def wait(self, number: int, *, hashed: bool) -> ScanReport:
        """Wait until the scan of this number has ended and, if asked, every file is hashed.

        Raises:
            QueueClosed: the queue was closed meanwhile.
            StableQueueError: what broke it off.
        """
        with self._changed:
            self._hurry(+hashed)
            try:
                self._changed.wait_for(
                    lambda: self._stopping.is_set() or self._is_done(number, hashed)
                )
            finally:
                self._hurry(-hashed)
            if self._error:
                raise self._error
            if not self._is_done(number, hashed) or self._status.last is None:
                raise QueueClosed
            return self._status.last

    def look_again(self, models: Sequence[Model]) -> Sequence[Model]:
        """Read what lies beside models again, without a scan; waits for one that runs.

        Raises:
            QueueClosed: the queue was closed meanwhile.
            StorageError: what was found cannot be kept.
        """
        with self._between_scans():
            return self._second_look.at(models)

    def take_in(self, root: ModelRoot, path: str, hashes: Hashes) -> Model | None:
        """Put a new file into the catalogue, without a scan; waits for one that runs.

        Raises:
            QueueClosed: the queue was closed meanwhile.
            StorageError: it cannot be kept.
        """
        with self._between_scans():
            return self._second_look.take_in(root, path, hashes)

    def hashed(self, model: Model) -> tuple[Model, str]:
        """The model with its hashes, and its SHA-256; the file is read for that if need be.

        It is read as fast as it can be.

        Raises:
            UnreadableModel: it cannot be read, or has changed.
            QueueClosed: the queue was closed meanwhile.
            StorageError: the hashes cannot be kept.
        """
        if model.hashes.sha256 is not None:
            return model, model.hashes.sha256
        hashes = hasher_of(model).run(self._stopping)
        if hashes is None or hashes.sha256 is None:
            raise QueueClosed
        kept = self._second_look.keep_hashes(model, hashes)
        return kept or evolve(model, hashes=hashes), hashes.sha256

    def _hurry(self, waiting: int) -> None:
        """So many more want to see every file hashed: then it goes on without a throttle."""
        self._in_a_hurry += waiting
        self._hashes.is_throttled = not self._in_a_hurry
        # What is being hashed goes on at the new pace from where it is.
        self._interrupt.set()

    def _is_done(self, number: int, hashed: bool) -> bool:
        return self._ended >= number and (self._all_hashed or not hashed)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopping.is_set() or self._is_wanted() or not self._all_hashed
                )
                scan = self._is_wanted()
                if scan:
                    self._begun += 1
                self._interrupt.clear()
                if self._stopping.is_set():
                    return
            if scan:
                self._scan()
            else:
                self._hash()

    def _is_wanted(self) -> bool:
        return self._wanted > self._begun

    def _scan(self) -> None:
        report: ScanReport | None = None
        self._error = None
        with self._errors_noted("A scan of the model folders"), self._alone(self._lock):
            self._record(EventKind.MODELS_SCAN_STARTED)
            report = self._scan_now()
            self._hashes.begin_anew()
            # Before the event: who hears of it may ask at once.
            self._status = ScanStatus(last=report, unhashed=self._hashes.waiting)
            self._record(EventKind.MODELS_SCAN_FINISHED, report)
        with self._changed:
            self._ended = self._begun
            self._all_hashed = report is None
            self._rest()

    def _scan_now(self) -> ScanReport:
        scan = Scan(
            self._store,
            self._roots,
            clock=self._clock,
            tell=self._tell,
            stopping=self._stopping.is_set,
        )
        return scan.run()

    def _hash(self) -> None:
        """Hash one file more."""
        nothing_left = True
        with self._errors_noted("Hashing model files"):
            nothing_left = self._hashes.next(self._tell_hashing)
        if nothing_left:
            with self._changed:
                self._all_hashed = True
                self._rest()

    def _rest(self) -> None:
        """There is nothing to do until somebody asks; who waits is told."""
        self._status = ScanStatus(
            last=self._status.last,
            unhashed=0 if self._all_hashed else self._status.unhashed,
            error=self._error.message if self._error else None,
        )
        self._changed.notify_all()

    @contextmanager
    def _errors_noted(self, what: str) -> Iterator[None]:
        """What breaks off the work is kept for whoever waits, and the thread goes on."""
        try:
            yield
        except ScanStopped:
            logger.info("%s was stopped.", what)
        except StableQueueError as problem:
            logger.error("%s broke off: %s", what, problem.message)
            self._error = problem
        except Exception as defect:
            logger.exception("%s met a defect of StableQueue.", what)
            self._error = InternalError(defect)

    @contextmanager
    def _between_scans(self) -> Iterator[None]:
        """While nobody scans, neither in this process nor in another."""
        try:
            # A lock of our own: the thread's would let us in while it is scanning.
            with self._alone(FileLock(self._lock.lock_file)):
                yield
        except ScanStopped:
            raise QueueClosed from None

    @contextmanager
    def _alone(self, lock: BaseFileLock) -> Iterator[None]:
        """While no other process looks through folders for the same store."""
        while True:
            try:
                lock.acquire(timeout=0.2)
                break
            except Timeout:
                if self._stopping.is_set():
                    raise ScanStopped from None
        try:
            yield
        finally:
            lock.release()

    def _tell(self, phase: ScanPhase, done: int, total: int, current: str | None) -> None:
        self._show(
            ScanStatus(phase=phase, done=done, total=total, current=current, last=self._status.last)
        )

    def _tell_hashing(self, current: str, bytes_done: int, bytes_total: int, waiting: int) -> None:
        self._show(
            ScanStatus(
                phase=ScanPhase.HASHING,
                current=current,
                bytes_done=bytes_done,
                bytes_total=bytes_total,
                unhashed=waiting,
                last=self._status.last,
            )
        )

    def _show(self, status: ScanStatus) -> None:
        changed_phase = status.phase is not self._status.phase
        self._status = status
        now = self._clock.monotonic()
        if changed_phase or now - self._told_at >= PROGRESS_SECONDS:
            self._told_at = now
            self._announcer.announce(self._event(EventKind.MODELS_SCAN_PROGRESS, status))

    def _record(self, kind: EventKind, report: ScanReport | None = None) -> None:
        self._store.record(self._event(kind, report))

    def _event(self, kind: EventKind, told: ScanStatus | ScanReport | None) -> Event:
        data = {}
        if told is not None:
            data = {
                name: value
                for name, value in asdict(told, recurse=False).items()
                if isinstance(value, str | int)
            }
        return Event(kind=kind, at=self._clock.now(), data=data)
