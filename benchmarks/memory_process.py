"""A child: runs jobs with big pictures, and looks at its own memory meanwhile."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.children import answer_questions, arguments
from benchmarks.specimens import ALIAS, small_params
from stablequeue_core import JobStatus, StableQueue, Submission
from stablequeue_core.images.folder import FolderImageStore

MEGABYTE = 1024 * 1024
_LOOK_SECONDS = 0.02


class _Forgetful(FolderImageStore):
    """Keeps every picture as durably as ever, and throws it away: a disk is only so large."""

    def save_all(self, pictures: Sequence[tuple[str, bytes]]) -> None:
        super().save_all(pictures)
        self.discard(name for name, _ in pictures)


def levels(url: str, folder: Path, jobs: int, block: int) -> list[float]:
    """Megabytes of memory while each block of jobs was made: the median of many looks."""
    process = psutil.Process()
    looks: list[list[float]] = [[] for _ in range(jobs // block)]
    with StableQueue.open(folder, images=_Forgetful(folder / "images")) as queue:
        queue.servers.add(ALIAS, url)
        queue.submit_many(Submission(ALIAS, small_params()) for _ in range(jobs))
        while (done := _done(queue)) < jobs:
            looks[done // block].append(process.memory_info().rss / MEGABYTE)
            time.sleep(_LOOK_SECONDS)
    return [statistics.median(block) for block in looks if block]


def _done(queue: StableQueue) -> int:
    counts = queue.status().jobs
    if counts[JobStatus.FAILED]:
        raise RuntimeError("A job has failed.")
    return counts[JobStatus.COMPLETED]


def main() -> None:
    """Say the levels."""
    url, parent, jobs, block = arguments(4)
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        answer_questions(levels(url, Path(folder), int(jobs), int(block)))


if __name__ == "__main__":
    main()
