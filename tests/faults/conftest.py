"""What tests of several faults need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stablequeue_core.storage import Storage
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.sqlite import SqliteStorage


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Something that remembers a queue, and outlives it."""
    made = MemoryStorage() if request.param == "memory" else SqliteStorage(tmp_path / "queue.db")
    with made:
        yield made
