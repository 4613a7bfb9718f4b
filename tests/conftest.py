"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A queue with one simulated server, ``Laptop``."""
    made = World(tmp_path / "queue")
    yield made
    made.close(grace=0)
