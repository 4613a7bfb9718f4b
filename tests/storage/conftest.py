"""What tests of storages may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.storage.real_postgres import RealPostgres, Schemas, real_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[RealPostgres]:
    """One server for all tests that leave it running."""
    with real_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def _schemas(postgres: RealPostgres) -> Iterator[Schemas]:
    schemas = Schemas(postgres.url)
    yield schemas
    schemas.close()


@pytest.fixture
def schemas(_schemas: Schemas) -> Iterator[Schemas]:
    """Empty schemas of that server; they are emptied again after each test."""
    yield _schemas
    _schemas.empty()
