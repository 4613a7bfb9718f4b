"""MemoryStorage keeps the contract, except that it forgets."""

from __future__ import annotations

from pathlib import Path

from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.contracts import StorageContract
from stablequeue_core.testing.race import Opener


class TestMemoryStorage(StorageContract):
    survives_restart = False

    def opener(self, folder: Path) -> Opener:
        return MemoryStorage
