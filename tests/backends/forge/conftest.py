"""What the tests of this folder may ask for."""

from __future__ import annotations

import pytest
from tests.backends.forge.desk import Desk


@pytest.fixture
def desk() -> Desk:
    """A backend before a simulated Forge with the sample models."""
    return Desk()
