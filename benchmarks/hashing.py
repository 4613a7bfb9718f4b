"""How fast model files are hashed."""

from __future__ import annotations

import hashlib
import mmap
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.timing import paired, per_second
from stablequeue_core.models.files.hashing import FileHasher

ONE_RATIO = 0.95
TWO_RATIO = 1.7
_MEGABYTE = 1_000_000


def one(effort: Effort) -> Sequence[Figure]:
    """A large file in the system's cache, against the faster of the two ways of Python itself."""
    size = effort.pick(512, 8)
    with _files(effort, 1, size) as (path,):
        pair = paired(
            lambda: per_second(size, FileHasher(path).run),
            lambda: max(
                per_second(size, lambda: _mapped(path)), per_second(size, lambda: _digest(path))
            ),
            rounds=effort.pick(10, 2),
        )
    return [
        Figure(
            name=f"hash a file of {size} MB",
            unit="MB/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {ONE_RATIO} of mmap + sha256, file_digest",
            met=pair.ratio >= ONE_RATIO,
        )
    ]


def two_at_once(effort: Effort) -> Sequence[Figure]:
    """Two files in two threads, against one file alone."""
    size = effort.pick(512, 8)
    with _files(effort, 2, size) as paths:
        pair = paired(
            lambda: per_second(2 * size, lambda: _together([FileHasher(p).run for p in paths])),
            lambda: per_second(size, FileHasher(paths[0]).run),
            rounds=effort.pick(10, 2),
        )
    return [
        Figure(
            name="hash two files at once",
            unit="MB/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {TWO_RATIO} × one file",
            met=pair.ratio >= TWO_RATIO,
        )
    ]


@contextmanager
def _files(effort: Effort, count: int, megabytes: int) -> Iterator[Sequence[Path]]:
    with effort.workplace() as folder:
        paths = [folder / f"{number}.safetensors" for number in range(count)]
        for path in paths:
            with path.open("wb") as file:
                for _ in range(megabytes):
                    file.write(os.urandom(_MEGABYTE))
        yield paths


def _mapped(path: Path) -> str:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return hashlib.sha256(content).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _together(works: Sequence[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
