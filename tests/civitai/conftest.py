"""What tests of Civitai may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.civitai.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty folder for LoRAs, and an empty Civitai."""
    made = Library(tmp_path)
    yield made
    made.close()
