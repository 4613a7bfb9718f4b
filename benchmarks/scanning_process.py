"""A child: scans a folder for the first time, and looks at its own memory meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.children import answer_questions, arguments
from benchmarks.scanning import scan
from stablequeue_core.storage.sqlite import SqliteStorage

MEGABYTE = 1024 * 1024
_LOOK_SECONDS = 0.01


def most_used(root: Path, database: Path) -> float:
    """Megabytes above those before the scan."""
    process = psutil.Process()
    finished = threading.Event()
    looks: list[float] = []

    def look() -> None:
        while not finished.wait(_LOOK_SECONDS):
            looks.append(process.memory_info().rss / MEGABYTE)

    with SqliteStorage(database) as storage:
        idle: float = process.memory_info().rss / MEGABYTE
        watching = threading.Thread(target=look)
        watching.start()
        scan(storage, root)
        finished.set()
        watching.join()
    return max(looks, default=idle) - idle


def main() -> None:
    """Say it."""
    root, database = arguments(2)
    answer_questions(most_used(Path(root), Path(database)))


if __name__ == "__main__":
    main()
