"""Reads a model file once and gives its hashes; it can be stopped, and reads on from there."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from io import FileIO
from pathlib import Path

from attrs import frozen

from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.digests import (
    AUTOV1_CHARS,
    AUTOV3_CHARS,
    is_hash_of_nothing,
    is_sha256,
)
from stablequeue_core.models.files.block_reading import Pace, StopSignal, blocks_of
from stablequeue_core.models.files.safe_files import NoRegularFile, open_regular
from stablequeue_core.models.model import Hashes, HashSource

PROGRESS_SECONDS = 0.1

_AUTOV1 = (0x100000, 0x110000)
_AUTOV1_LEAST_BYTES = 0x200000  # Civitai has none for smaller files
_TOLD_BY = ("sshs_model_hash", "modelspec.hash_sha256")

OnProgress = Callable[[int, int], object]
"""Hears how many bytes of how many have been read."""


class FileHasher:
    """Hashes one file: SHA-256, AutoV1, and AutoV3 if wanted, all in one pass.

    What was read before it was stopped is kept in this object, so the next :meth:`run` goes on
    from there. It cannot be written down: another process begins at the beginning. Only one thread
    at a time may call :meth:`run`.

    Args:
        path: the file.
        with_autov3: hash what lies behind the header, too. Only for safetensors: of other files it
            means nothing. It doubles the work.
        seen: the size in bytes and the ``mtime_ns`` that the file must have; None takes it as it
            is found.
        clock: for the pace and the progress.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "greeting.ckpt")
        ...     _ = path.write_bytes(b"hello world")
        ...     hashes = FileHasher(path).run()
        >>> hashes.autov2
        'b94d27b993'
    """

    def __init__(
        self,
        path: Path,
        *,
        with_autov3: bool = False,
        seen: tuple[int, int] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._path = path
        self._with_autov3 = with_autov3
        self._seen = seen
        self._clock = clock or SystemClock()
        self._reading: _Reading | None = None

    def run(
        self,
        stop: StopSignal | None = None,
        on_progress: OnProgress = lambda done, total: None,
        *,
        bytes_per_second: float | None = None,
    ) -> Hashes | None:
        """Read to the end of the file, or until told to stop.

        Args:
            stop: looked at before each block, and while the pace makes us wait.
            on_progress: called with bytes read and bytes in all, ten times a second at most, and
                at the end.
            bytes_per_second: read no faster; None reads as fast as the file can be hashed.

        Returns:
            the hashes; None when it was stopped before the end.

        Raises:
            UnreadableModel: with the code ``file_changed`` (it was written to or replaced, so that
                a hash would be of a mixture), ``file_missing`` or ``unreadable``. After that, the
                next run begins at the beginning.
        """
        if bytes_per_second is not None and not bytes_per_second > 0:
            raise ValueError(f"bytes_per_second is {bytes_per_second}; it must be above 0")
        try:
            return self._read_on(stop or threading.Event(), on_progress, bytes_per_second)
        except BaseException:
            self._reading = None  # some of the hashes may have had a block that others had not
            raise

    def _read_on(
        self, stop: StopSignal, on_progress: OnProgress, bytes_per_second: float | None
    ) -> Hashes | None:
        pace = Pace(bytes_per_second, self._clock, stop)
        told_at = self._clock.monotonic()
        with self._opened() as file:
            reading = self._begun_or_continued(file)
            total = reading.file.size
            with closing(blocks_of(file, total - reading.done, pace)) as blocks:
                while reading.done < total:
                    if stop.is_set():
                        return None
                    with self._explained():
                        block = next(blocks, None)
                    if block is None:
                        raise self._changed()
                    reading.take(block)
                    pace.keep(len(block))
                    now = self._clock.monotonic()
                    if now - told_at >= PROGRESS_SECONDS:
                        told_at = now
                        self._expect(reading.file, file.fileno())
                        on_progress(reading.done, total)
            self._expect(reading.file, file.fileno())
        self._expect(reading.file, self._path)
        on_progress(total, total)
        return reading.hashes()

    @contextmanager
    def _opened(self) -> Iterator[FileIO]:
        with self._explained():
            file = open_regular(self._path)
        with file:
            yield file

    def _begun_or_continued(self, file: FileIO) -> _Reading:
        with self._explained():
            found = os.fstat(file.fileno())
            if self._reading is None:
                if self._seen not in (None, (found.st_size, found.st_mtime_ns)):
                    raise self._changed()
                data_start = _data_start(file) if self._with_autov3 else None
                self._reading = _Reading(_State.of(found), data_start)
            self._expect(self._reading.file, file.fileno())
            file.seek(self._reading.done)
            return self._reading

    def _expect(self, state: _State, file: int | Path) -> None:
        with self._explained():
            if _State.of(os.stat(file)) != state:
                raise self._changed()

    def _changed(self) -> UnreadableModel:
        return UnreadableModel(
            "file_changed",
            f"{self._path.name!r} changed while it was being hashed, so the hash would be of a "
            "mixture. Scan again when nothing writes to it any more.",
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        name = self._path.name
        try:
            yield
        except NoRegularFile as error:
            raise UnreadableModel("unreadable", f"{name!r} is not a file.") from error
        except FileNotFoundError as error:
            message = f"{name!r} is not there any more. Scan again."
            raise UnreadableModel("file_missing", message) from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            message = f"{name!r} cannot be read: {reason}. Check its permissions and the disk."
            raise UnreadableModel("unreadable", message) from error


def told_hash(metadata: Mapping[str, str]) -> str | None:
    """The SHA-256 that a safetensors header gives for its own tensors, in 64 lower-case digits.

    It is Forge's word for a LoRA, but it may be wrong: a tool that rewrote the tensors leaves it
    as it was, and ``modelspec.hash_sha256`` is not computed alike by all who write it.

    Args:
        metadata: of the header.

    Example:
        >>> told_hash({"modelspec.hash_sha256": "0x" + "AB" * 32}) == "ab" * 32
        True
    """
    for key in _TOLD_BY:
        digits = metadata.get(key, "").strip().lower().removeprefix("0x")
        if is_sha256(digits) and not is_hash_of_nothing(digits):
            return digits
    return None


@frozen
class _State:
    """What tells that a file is still the same one."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> _State:
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


class _Reading:
    """One pass over a file: what it was when it began, how far it is, and the hashes so far."""

    def __init__(self, file: _State, data_start: int | None) -> None:
        self.file = file
        self.done = 0
        self._whole = _Window(0, file.size)
        self._autov1 = _Window(*_AUTOV1) if file.size >= _AUTOV1_LEAST_BYTES else None
        self._autov3 = None if data_start is None else _Window(data_start, file.size)

    def take(self, block: memoryview) -> None:
        """Hash the next bytes of the file."""
        for window in (self._whole, self._autov1, self._autov3):
            if window is not None:
                window.take(self.done, block)
        self.done += len(block)

    def hashes(self) -> Hashes:
        """What the file is known by, when all of it was taken."""
        return Hashes(
            sha256=self._whole.digits(),
            autov1=_evidence(self._autov1, AUTOV1_CHARS),
            autov3=_evidence(self._autov3, AUTOV3_CHARS),
            source=HashSource.COMPUTED,
        )


class _Window:
    """The SHA-256 of the bytes from ``start`` up to ``end`` of a file."""

    def __init__(self, start: int, end: int) -> None:
        self._start, self._end = start, end
        self._sha256 = hashlib.sha256()

    def take(self, at: int, block: memoryview) -> None:
        """Hash what there is for us in the ``block`` that begins ``at`` so many bytes."""
        begin, end = max(self._start - at, 0), min(self._end - at, len(block))
        if begin < end:
            self._sha256.update(block[begin:end])

    def digits(self) -> str:
        return self._sha256.hexdigest()


def _evidence(window: _Window | None, chars: int) -> str | None:
    digits = window.digits()[:chars] if window else ""
    return None if not digits or is_hash_of_nothing(digits) else digits


def _data_start(file: FileIO) -> int:
    """Where the tensors of a safetensors file begin."""
    return 8 + int.from_bytes(file.read(8), "little")
