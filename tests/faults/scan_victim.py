"""A process that scans and hashes model folders until it is killed; started by the crash test."""

from __future__ import annotations

import sys

from stablequeue_core import StableQueue


def main(data_dir: str, loras: str) -> None:
    with StableQueue.open(data_dir, dispatch=False, checkpoints=[], loras=[loras]) as queue:
        while True:
            queue.models.scan(hashes=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
