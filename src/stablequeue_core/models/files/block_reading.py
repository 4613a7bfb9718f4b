"""Reads a large file from here to its end: one block ahead, or no faster than it should."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from typing import Protocol

from stablequeue_core.clock import Clock

BLOCK_BYTES = 3 * 512 * 1024
"""Read at once. Smaller blocks cost more handing over, larger ones fall out of the CPU's cache:
measured from 64 KiB to 8 MiB, on two cores, with one and with two files at once."""


class StopSignal(Protocol):
    """Says when to stop; a ``threading.Event`` is one."""

    def is_set(self) -> bool:
        """Whether to stop."""

    def wait(self, timeout: float) -> bool:
        """Let ``timeout`` seconds pass, or fewer if it is set meanwhile."""


class Pace:
    """Makes a reader wait, so that it reads so many bytes a second and no more.

    Args:
        bytes_per_second: None is as fast as possible.
        clock: the time.
        stop: waited on, so that a stop need not wait for the pace.
    """

    def __init__(self, bytes_per_second: float | None, clock: Clock, stop: StopSignal) -> None:
        self._rate, self._clock, self._stop = bytes_per_second, clock, stop
        self._due = clock.monotonic()

    @property
    def is_limited(self) -> bool:
        """Whether there ever is anything to wait for."""
        return self._rate is not None

    @property
    def block_bytes(self) -> int:
        """How much to read at once: no more than a tenth of a second's worth."""
        return BLOCK_BYTES if self._rate is None else max(1, min(BLOCK_BYTES, int(self._rate / 10)))

    def keep(self, count: int) -> None:
        """Wait until ``count`` more bytes may have been read; time that was lost is not made up."""
        if self._rate is None:
            return
        now = self._clock.monotonic()
        self._due = max(self._due + count / self._rate, now)
        if self._due > now:
            self._stop.wait(self._due - now)


class _Cores:
    """Counts the files that are being read, to know whether a core is left for reading ahead."""

    def __init__(self, cores: int) -> None:
        self._cores, self._readers, self._lock = cores, 0, threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._readers += 1

    def __exit__(self, *exc_info: object) -> None:
        with self._lock:
            self._readers -= 1

    @property
    def is_one_free(self) -> bool:
        return self._readers < self._cores


_CORES = _Cores(os.cpu_count() or 1)


def blocks_of(file: FileIO, length: int, pace: Pace) -> Generator[memoryview, None, None]:
    """The next ``length`` bytes, or fewer if the file ends.

    While one block is used the next one is read, if a core is free for that. The file is not mapped
    into memory, though that would be as fast: when a mapped file is cut short, or its disk fails,
    the process dies.

    Args:
        file: unbuffered. When the blocks are closed, it may stand one block further.
        length: in bytes.
        pace: says how much to read at once; whoever uses the blocks keeps it.

    Returns:
        blocks, each good until the next is asked for; the last may go beyond ``length``.
    """
    size = min(pace.block_bytes, max(length, 1))
    here, there = memoryview(bytearray(size)), memoryview(bytearray(size))
    with _CORES, ThreadPoolExecutor(1, "stablequeue-read-ahead") as reader:
        count = file.readinto(here)
        while count:
            length -= count
            read_ahead = length > 0 and not pace.is_limited and _CORES.is_one_free
            coming = reader.submit(file.readinto, there) if read_ahead else None
            yield here[:count]
            if coming:
                here, there, count = there, here, coming.result()
            else:
                count = file.readinto(here)
