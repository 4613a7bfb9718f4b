"""Processes that other tests start: they open a database together, or write until killed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.contracts.samples import add, pending
from stablequeue_core.testing.race import Gate, Opener

ROUNDS = 10

_gate: Gate


def meet_at(gate: Gate) -> None:
    """Tell this process which gate to wait at."""
    global _gate
    _gate = gate


def open_together(folder: Path) -> int:
    """Make new databases at the same moment as others do; how many times that went well."""
    for turn in range(ROUNDS):
        _gate.wait(60)
        with SqliteStorage(folder / str(turn) / "queue.db") as storage:
            add(storage, pending())
    return ROUNDS


def open_each_together(openers: Sequence[Opener]) -> int:
    """Make new storages at the same moment as others do; how many times that went well."""
    for opener in openers:
        _gate.wait(60)
        with opener() as storage:
            add(storage, pending())
    return len(openers)


def add_for_ever(path: str) -> None:
    """Add jobs, one and several at a time, and say of each that it was accepted."""
    with SqliteStorage(path) as storage:
        while True:
            for job in (*add(storage, pending()), *add(storage, pending(), pending())):
                print(job.id, flush=True)  # noqa: T201 - it is how the test hears of it


if __name__ == "__main__":
    add_for_ever(sys.argv[1])
