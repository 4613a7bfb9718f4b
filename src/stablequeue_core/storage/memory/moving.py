"""A memory that nobody may change, for a while or for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stablequeue_core.storage.memory.state import Memory
from stablequeue_core.storage.moves import Leave, Move


@contextmanager
def fence(memory: Memory) -> Iterator[Leave]:
    """Let nobody change anything until the block ends; nor afterwards, if it was left."""
    moves: list[Move] = []
    with memory.changing():
        memory.fenced = True
    try:
        yield moves.append
        memory.moved = moves[-1] if moves else None
    finally:
        memory.fenced = False


def reopen(memory: Memory) -> Move | None:
    """Let it be changed again."""
    with memory.lock:
        move, memory.moved = memory.moved, None
        return move
