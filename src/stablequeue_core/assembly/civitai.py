"""Puts together what speaks with Civitai, and what fetches files from it."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from stablequeue_core.announcer import Announcer
from stablequeue_core.assembly.catalogue import LOCKS
from stablequeue_core.backends.newcomers import Newcomers
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.images.image_info import ImageReader
from stablequeue_core.civitai.library.refreshing import Refresher
from stablequeue_core.civitai.orders.aftercare import Aftercare
from stablequeue_core.civitai.orders.file_finding import FileFinder
from stablequeue_core.civitai.orders.ordering import Orders
from stablequeue_core.civitai.orders.origin import CivitaiOrigin
from stablequeue_core.civitai.orders.supplying import CivitaiOrderer
from stablequeue_core.civitai.service import Civitai
from stablequeue_core.clock import Clock
from stablequeue_core.downloads.fetching.fetcher import Fetcher
from stablequeue_core.downloads.queue import DownloadQueue
from stablequeue_core.downloads.wanted import ModelOrderer
from stablequeue_core.models import ModelCatalog
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage
from stablequeue_core.transport import Transport


@frozen(kw_only=True)
class CivitaiDesk:
    """All that has to do with Civitai.

    Attributes:
        civitai: as its user sees it.
        downloads: not started yet.
        orderer: orders what jobs lack.
        client: what they ask through.
        newcomers: whom new files are told to.
    """

    civitai: Civitai
    downloads: DownloadQueue
    orderer: ModelOrderer
    client: CivitaiClient
    newcomers: Newcomers

    def hang_up(self) -> None:
        """Make everything come back that waits for Civitai, or for servers; safe to call again."""
        self.client.close()
        self.newcomers.close()


def civitai_desk(
    folder: Path,
    storage: Storage,
    models: ModelCatalog,
    transport: Transport,
    newcomers: Newcomers,
    announcer: Announcer,
    clock: Clock,
    settings: Settings,
) -> CivitaiDesk:
    """Put it together; nobody is asked yet."""
    client = CivitaiClient(transport, settings, clock=clock)
    refresher = Refresher(
        client,
        models,
        storage.identities,
        settings,
        locks=folder / LOCKS,
        clock=clock,
    )
    downloads = DownloadQueue(
        storage.downloads,
        Fetcher(transport, CivitaiOrigin(client), settings, clock=clock),
        Aftercare(refresher, models.take_in, newcomers.tell),
        lock=storage.fetching_lock(),
        work=storage.work,
        changes=storage.changes,
        announcer=announcer,
        clock=clock,
        settings=settings,
    )
    finder = FileFinder(client, clock=clock)
    orders = Orders(
        finder, models.roots, storage.models, storage.downloads, downloads.add, clock=clock
    )
    return CivitaiDesk(
        civitai=Civitai(
            client,
            models=models,
            orders=orders,
            refresher=refresher,
            images=ImageReader(client, storage.models, models.roots),
        ),
        downloads=downloads,
        orderer=CivitaiOrderer(
            client, finder, orders, storage.downloads, storage.models, models.roots
        ),
        client=client,
        newcomers=newcomers,
    )
