"""PostgresStorage keeps the contract, and a few promises of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from tests.storage.real_postgres import Schemas

from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.testing.contracts import StorageContract
from stablequeue_core.testing.race import Opener


class TestPostgresStorage(StorageContract):
    shared_by_processes = True

    @pytest.fixture(autouse=True)
    def _server(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def opener(self, folder: Path) -> Opener:
        schemas = self._schemas
        return partial(PostgresStorage, schemas.url, schema=schemas.of(folder))
