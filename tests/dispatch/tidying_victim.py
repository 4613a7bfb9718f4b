"""A process that tidies up a queue, step by step, until it is killed."""

from __future__ import annotations

import sys
from pathlib import Path

from stablequeue_core import Settings
from stablequeue_core.dispatch.upkeep.tidying import REST, Tidying
from stablequeue_core.images.folder import FolderImageStore
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.clock import FakeClock


def main(folder: Path) -> None:
    clock = FakeClock()
    with SqliteStorage(folder / "queue.sqlite3") as storage:
        settings = Settings(keep_days=1, keep_images=False)
        tidying = Tidying(storage, FolderImageStore(folder / "images"), clock, settings)
        clock.advance(REST)
        while True:
            tidying.settle()
            print("a step", flush=True)  # noqa: T201 - it is how the test hears of it


if __name__ == "__main__":
    main(Path(sys.argv[1]))
