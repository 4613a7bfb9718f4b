"""A process that fetches downloads, slowly, until it is killed; started by another test."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from tests.downloads.simulated_fetcher import SimulatedFetcher, downloads_over

from stablequeue_core.storage.sqlite import SqliteStorage


def main(database: str, folder: str) -> None:
    with SqliteStorage(database) as storage:
        downloads_over(storage, Path(folder), fetcher=SimulatedFetcher(pause=0.1)).queue.start()
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
