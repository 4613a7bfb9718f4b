"""A child: fetches a file, and looks at its own memory meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.children import answer_questions, arguments
from benchmarks.downloading import MEGABYTE, fetch

_LOOK_SECONDS = 0.02


def growth(url: str, folder: Path) -> float:
    """Megabytes by which memory was above what it was before, at the most."""
    process, ended = psutil.Process(), threading.Event()
    before = most = process.memory_info().rss

    def look() -> None:
        nonlocal most
        while not ended.wait(_LOOK_SECONDS):
            most = max(most, process.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        fetch(url, folder, None).unlink()
    finally:
        ended.set()
        looking.join()
    return float(max(most, process.memory_info().rss) - before) / MEGABYTE


def main() -> None:
    """Say how much it grew."""
    url, folder = arguments(2)
    answer_questions(growth(url, Path(folder)))


if __name__ == "__main__":
    main()
