"""What the tests of jobs may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.jobs.hands import Hands, hands

from stablequeue_core import Settings


@pytest.fixture
def split(tmp_path: Path) -> Iterator[Hands]:
    """A queue with three servers that cuts big batches."""
    with hands(tmp_path) as made:
        yield made


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Hands]:
    """A queue with three servers as it is by default."""
    with hands(tmp_path, Settings(cancel_wait=0.05)) as made:
        yield made
