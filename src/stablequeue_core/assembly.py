"""Puts the parts together: the one place that names concrete adapters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from stablequeue_core.announcer import Announcer
from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.dispatch import Dispatcher
from stablequeue_core.images import ImageStore
from stablequeue_core.jobs import JobQueue
from stablequeue_core.models import ModelRoot
from stablequeue_core.models.catalog import ModelCatalog
from stablequeue_core.models.files.covers import Covers
from stablequeue_core.models.files.pictures import ModelPictures
from stablequeue_core.models.lookup import ModelLookup
from stablequeue_core.models.naming.known_files import KnownFiles, StoredCheckpoints
from stablequeue_core.models.naming.on_servers import ServersView
from stablequeue_core.models.scanning.keeper import CatalogKeeper
from stablequeue_core.servers import HealthBoard, Inventories, Server, ServerRegistry
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage
from stablequeue_core.transport import Transport

if TYPE_CHECKING:
    from stablequeue_core.models.files.thumbnails import Thumbnails

DATABASE = "queue.sqlite3"
IMAGES = "images"
THUMBNAILS = "thumbnails"
COVERS = "covers"
LOCKS = "locks"

MakeBackend = Callable[[Server], Backend]


@frozen(kw_only=True)
class Parts:
    """Everything that a queue is made of.

    Attributes:
        dispatcher: not started yet; None in a process that runs no jobs.
        keeper: looks through the model folders; not started yet.
        closing: lets go of what was opened, in the right order.
    """

    storage: Storage
    images: ImageStore
    jobs: JobQueue
    servers: ServerRegistry
    models: ModelCatalog
    announcer: Announcer
    dispatcher: Dispatcher | None
    keeper: CatalogKeeper
    settings: Settings
    closing: ExitStack


def assemble(
    data_dir: str | Path,
    *,
    dispatch: bool,
    settings: Settings | None,
    storage: Storage | None,
    images: ImageStore | None,
    transport: Transport | None,
    backend: MakeBackend | None,
    clock: Clock | None,
    roots: Sequence[ModelRoot] = (),
) -> Parts:
    """Open what is not given, and put it all together; see :meth:`StableQueue.open`."""
    settings = settings or Settings.from_environment()
    clock = clock or SystemClock()
    folder = Path(data_dir).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as closing:
        storage = closing.enter_context(storage or _sqlite(folder / DATABASE))
        images = images or _folder(folder / IMAGES)
        jobs = JobQueue(
            storage.jobs,
            storage.servers,
            changes=storage.changes,
            clock=clock,
            settings=settings,
            image_folder=images.folder,
        )
        health = HealthBoard()
        announcer = Announcer(storage.events, storage.changes)
        known_files = StoredCheckpoints(storage.models)
        connect = backend or _forge(transport, settings, known_files, closing)
        inventories = Inventories(
            storage.servers,
            lambda server: connect(server).inventory(),
            clock=clock,
            max_age=settings.inventory_age,
        )
        dispatcher = None
        if dispatch:
            dispatcher = Dispatcher(
                storage,
                images,
                connect,
                inventories=inventories,
                health=health,
                announcer=announcer,
                clock=clock,
                settings=settings,
            )
        keeper, models = _catalog(
            folder, storage, roots, inventories, known_files, announcer, clock, settings
        )
        return Parts(
            storage=storage,
            images=images,
            jobs=jobs,
            servers=ServerRegistry(storage.servers, jobs, health, clock),
            models=models,
            announcer=announcer,
            dispatcher=dispatcher,
            keeper=keeper,
            settings=settings,
            closing=closing.pop_all(),
        )


# Adapters are imported where they are made: a process that needs none of them starts faster.


def _sqlite(path: Path) -> Storage:
    from stablequeue_core.storage.sqlite import SqliteStorage

    return SqliteStorage(path)


def _folder(path: Path) -> ImageStore:
    from stablequeue_core.images.folder import FolderImageStore

    return FolderImageStore(path)


def _catalog(
    folder: Path,
    storage: Storage,
    roots: Sequence[ModelRoot],
    inventories: Inventories,
    known_files: KnownFiles,
    announcer: Announcer,
    clock: Clock,
    settings: Settings,
) -> tuple[CatalogKeeper, ModelCatalog]:
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
    from stablequeue_core.models.files.thumbnails import Thumbnails

    return Thumbnails(folder)


def _forge(
    transport: Transport | None, settings: Settings, known_files: KnownFiles, closing: ExitStack
) -> MakeBackend:
    @cache
    def carrier() -> Transport:
        from stablequeue_core.transport.requests_transport import RequestsTransport

        made = transport or RequestsTransport()
        closing.callback(made.close)
        return made

    def connect(server: Server) -> Backend:
        from stablequeue_core.backends.forge import ForgeBackend

        return ForgeBackend(server, carrier(), settings, known_files)

    return connect
