"""A process that runs the jobs of a shared queue until it is stopped, and perhaps continued."""

from __future__ import annotations

import sys
import threading

from stablequeue_core import Settings, StableQueue


def main(data_dir: str) -> None:
    with StableQueue.open(data_dir, settings=Settings(poll=0.02, lease=1.0)):
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
