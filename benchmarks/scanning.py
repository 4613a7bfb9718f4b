"""How fast model folders are looked through, and what memory that takes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.timing import paired, per_second
from stablequeue_core.clock import SystemClock
from stablequeue_core.models import ModelKind, ModelRoot, ScanPhase, ScanReport
from stablequeue_core.models.scanning.scanner import Scan
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.model_files import sdxl_lora

FIRST_RATIO = 0.6
AGAIN_RATIO = 0.6
MEMORY_MB = 100.0

LAYERS = 88
"""Of a small LoRA: 264 tensors, which take 36 kB to list."""

FOLDERS = 100


def first(effort: Effort) -> Sequence[Figure]:
    """Every file is new: listed, opened for its header, understood and kept."""
    with _library(effort) as library:
        pair = paired(
            lambda: per_second(library.files, lambda: library.scan_anew()),
            lambda: per_second(library.files, lambda: read_headers(library.root)),
            rounds=effort.pick(3, 1),
        )
    return [
        Figure(
            name=f"first scan of {library.files:,} small safetensors",
            unit="files/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {FIRST_RATIO} of scandir + stat + parse",
            met=pair.ratio >= FIRST_RATIO,
        )
    ]


def again(effort: Effort) -> Sequence[Figure]:
    """Nothing has changed: no file is opened."""
    with _library(effort) as library, SqliteStorage(library.database()) as storage:
        library.scan(storage)
        pair = paired(
            lambda: per_second(library.files, lambda: library.scan(storage)),
            lambda: per_second(library.files, lambda: list_files(library.root)),
            rounds=effort.pick(40, 2),
        )
    return [
        Figure(
            name=f"scan of {library.files:,} files again",
            unit="files/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {AGAIN_RATIO} of scandir + stat",
            met=pair.ratio >= AGAIN_RATIO,
        )
    ]


def memory(effort: Effort) -> Sequence[Figure]:
    """The most that a first scan takes, above what the process takes before it."""
    with (
        _library(effort) as library,
        Child("scanning_process", str(library.root), str(library.database())) as scanner,
    ):
        used: float = scanner.greeting
    return [
        Figure(
            name=f"memory while scanning {library.files:,} files",
            unit="MB",
            ours=used,
            reach=f"≤ {MEMORY_MB:g} MB above idle",
            met=used <= MEMORY_MB,
        )
    ]


def list_files(root: Path) -> int:
    """The least that sees whether a file has changed."""
    seen, waiting = 0, [str(root)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    seen += entry.stat(follow_symlinks=False).st_mtime_ns & 1
    return seen


def read_headers(root: Path) -> int:
    """The least that knows what is in a file."""
    tensors, waiting = 0, [str(root)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    continue
                entry.stat(follow_symlinks=False)
                with open(entry.path, "rb") as file:
                    length = int.from_bytes(file.read(8), "little")
                    tensors += len(json.loads(file.read(length)))
    return tensors


@frozen
class _Library:
    """A folder with LoRAs, and room for databases beside it."""

    root: Path
    files: int

    def database(self) -> Path:
        """The path of a new one."""
        number = len(list(self.root.parent.glob("*.sqlite3")))
        return self.root.parent / f"{number}.sqlite3"

    def scan_anew(self) -> ScanReport:
        """With nothing known."""
        with SqliteStorage(self.database()) as storage:
            return self.scan(storage)

    def scan(self, storage: SqliteStorage) -> ScanReport:
        """With what ``storage`` knows."""
        return scan(storage, self.root)


def scan(storage: SqliteStorage, root: Path) -> ScanReport:
    """One scan, without the hashes."""
    return Scan(
        storage.models,
        [ModelRoot(ModelKind.LORA, root)],
        clock=SystemClock(),
        tell=_tell_nobody,
        stopping=lambda: False,
    ).run()


def _tell_nobody(phase: ScanPhase, done: int, total: int, current: str | None) -> None:
    """Nobody asked."""


@contextmanager
def _library(effort: Effort) -> Iterator[_Library]:
    with effort.workplace() as folder:
        root, files = folder / "Lora", effort.pick(10_000, 200)
        made = sdxl_lora(rank=4, modules=LAYERS)
        data = made.content()
        for number in range(files):
            path = root / f"style {number % FOLDERS}" / f"lora_number_{number}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            header = 8 + int.from_bytes(data[:8], "little")
            with path.open("wb") as file:
                file.write(data[:header])
                file.truncate(len(data))
        yield _Library(root, files)
