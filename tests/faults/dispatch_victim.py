"""A process that runs the jobs of a shared queue until it is killed."""

from __future__ import annotations

import sys
import threading

from stablequeue_core import Settings, StableQueue


def main(data_dir: str, database_url: str | None = None) -> None:
    settings = Settings(poll=0.02, backoff_base=0.05, circuit_base=0.05, probe_age=1.0)
    with StableQueue.open(data_dir, settings=settings, database_url=database_url):
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
