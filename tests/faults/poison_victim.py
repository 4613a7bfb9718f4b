"""A process that runs jobs until it is killed; started by the test of jobs that kill it."""

from __future__ import annotations

import sys
import threading

from stablequeue_core import Settings, StableQueue


def main(data_dir: str, max_losses: str) -> None:
    settings = Settings(poll=0.02, backoff_base=0.05, circuit_base=0.05, max_losses=int(max_losses))
    with StableQueue.open(data_dir, settings=settings):
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
