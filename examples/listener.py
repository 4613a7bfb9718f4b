"""Tells of every job that has ended, also of those that ended while it was not running.

Give it the folder of a queue that somebody else works on, for example ``stablequeue serve``::

    python examples/listener.py queue-data
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from stablequeue_core import Event, EventKind, StableQueue


class Ticker:
    """Prints what has ended, and remembers in a file how far it has got."""

    def __init__(self, bookmark: Path) -> None:
        self.bookmark = bookmark

    @property
    def last_seen(self) -> int:
        """The number of the last event that was dealt with; 0: start at the very first."""
        return int(self.bookmark.read_text()) if self.bookmark.exists() else 0

    def __call__(self, event: Event) -> None:
        """Called by the queue with one event after the other."""
        if event.kind is EventKind.JOB_COMPLETED:
            print("completed", event.job_id, *event.data["images"], flush=True)
        elif event.kind is EventKind.JOB_FAILED:
            print("failed", event.job_id, event.data["message"], flush=True)
        if event.sequence is not None:
            self.bookmark.write_text(str(event.sequence))


def main(data_dir: str = "queue-data") -> None:
    """Listen until Ctrl-C."""
    ticker = Ticker(Path(data_dir) / "listener.bookmark")
    try:
        with (
            StableQueue.open(data_dir, dispatch=False) as queue,  # it runs no jobs, it only listens
            queue.subscribe(ticker, after=ticker.last_seen),
        ):
            threading.Event().wait()
    except KeyboardInterrupt:
        print("Goes on later from event", ticker.last_seen)


if __name__ == "__main__":
    main(*sys.argv[1:])
