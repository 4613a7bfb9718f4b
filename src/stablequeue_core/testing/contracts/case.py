"""What every suite about storages starts from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from stablequeue_core.storage import Storage
from stablequeue_core.testing.race import Opener


class StorageCase(ABC):
    """One storage under examination.

    Attributes:
        survives_restart: what was kept is there after closing and opening again.
        shared_by_processes: several processes may open the same storage at once.
    """

    survives_restart: ClassVar[bool] = True
    shared_by_processes: ClassVar[bool] = False

    @abstractmethod
    def opener(self, folder: Path) -> Opener:
        """What opens the storage of ``folder``, which is empty at first.

        Each call of it opens the same storage again. It must be possible to pickle it when the
        storage is shared by processes: ``functools.partial(MyStorage, folder / "queue.db")``.
        """

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        """The storage, open and empty."""
        with self.opener(tmp_path)() as storage:
            yield storage
