"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.worlds import World

# How long an example takes says nothing about whether it is right, and a busy machine is slow.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A queue with one simulated server, ``Laptop``."""
    made = World(tmp_path / "queue")
    yield made
    made.close(grace=0)
