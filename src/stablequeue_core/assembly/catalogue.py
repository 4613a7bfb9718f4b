"""Puts together what knows the model files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stablequeue_core.announcer import Announcer
from stablequeue_core.clock import Clock
from stablequeue_core.models import ModelCatalog, ModelRoot
from stablequeue_core.models.files.covers import Covers
from stablequeue_core.models.files.pictures import ModelPictures
from stablequeue_core.models.lookup import ModelLookup
from stablequeue_core.models.naming.known_files import KnownFiles
from stablequeue_core.models.naming.on_servers import ServersView
from stablequeue_core.models.scanning.keeper import CatalogKeeper
from stablequeue_core.servers import Inventories
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage

if TYPE_CHECKING:
    from stablequeue_core.models.files.thumbnails import Thumbnails

THUMBNAILS = "thumbnails"
COVERS = "covers"
LOCKS = "locks"


def catalogue(
    folder: Path,
    storage: Storage,
    roots: Sequence[ModelRoot],
    inventories: Inventories,
    known_files: KnownFiles,
    announcer: Announcer,
    clock: Clock,
    settings: Settings,
) -> tuple[CatalogKeeper, ModelCatalog]:
    """The catalogue, and the thread that keeps it; not started yet."""
    keeper = CatalogKeeper(
        storage.models,
        roots,
        data_dir=folder,
        announcer=announcer,
        clock=clock,
        hash_rate=settings.hash_rate,
    )
    catalog = ModelCatalog(
        roots,
        lookup=ModelLookup(storage.models, roots),
        keeper=keeper,
        servers=ServersView(storage.servers, inventories, known_files),
        pictures=ModelPictures(lambda: _thumbnails(folder / THUMBNAILS), Covers(folder / COVERS)),
        locks=folder / LOCKS,
    )
    return keeper, catalog


def _thumbnails(folder: Path) -> Thumbnails:
    # With the first picture only: that loads a library.
    from stablequeue_core.models.files.thumbnails import Thumbnails

    return Thumbnails(folder)
