"""Puts the parts together: the one place that names concrete adapters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from stablequeue_core.announcer import Announcer
from stablequeue_core.assembly.catalogue import catalogue
from stablequeue_core.assembly.civitai import civitai_desk
from stablequeue_core.assembly.late_transport import LateTransport
from stablequeue_core.assembly.storages import open_storage
from stablequeue_core.backends import Backend
from stablequeue_core.backends.newcomers import Newcomers
from stablequeue_core.civitai.service import Civitai
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch import Dispatcher
from stablequeue_core.dispatch.costing.costs import CostBook, families_of
from stablequeue_core.dispatch.explaining.explainer import Explainer
from stablequeue_core.downloads.queue import DownloadQueue
from stablequeue_core.images import ImageStore
from stablequeue_core.jobs import JobQueue
from stablequeue_core.models import ModelCatalog, ModelRoot
from stablequeue_core.models.naming.known_files import KnownFiles, StoredCheckpoints
from stablequeue_core.models.scanning.keeper import CatalogKeeper
from stablequeue_core.servers import (
    HealthBoard,
    Inventories,
    ReportBoard,
    Server,
    ServerRegistry,
)
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage
from stablequeue_core.transport import Transport

if TYPE_CHECKING:
    from stablequeue_core.doctor import Diagnosis

IMAGES = "images"

MakeBackend = Callable[[Server], Backend]


@frozen(kw_only=True)
class Parts:
    """Everything that a queue is made of.

    Attributes:
        dispatcher: not started yet; None in a process that runs no jobs.
        reports: what the processes that run jobs tell of their servers.
        explainer: tells why a job waits, and when it will be done.
        examine: looks at everything that the queue stands on.
        keeper: looks through the model folders; not started yet.
        downloads: not started yet.
        hang_up: makes everything come back that waits for Civitai; the first thing to do at the
            end.
        closing: lets go of what was opened, in the right order.
    """

    storage: Storage
    images: ImageStore
    jobs: JobQueue
    servers: ServerRegistry
    models: ModelCatalog
    civitai: Civitai
    downloads: DownloadQueue
    hang_up: Callable[[], None]
    announcer: Announcer
    dispatcher: Dispatcher | None
    reports: ReportBoard
    explainer: Explainer
    examine: Callable[[], Diagnosis]
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
    database_url: str | None = None,
    roots: Sequence[ModelRoot] = (),
) -> Parts:
    """Open what is not given, and put it all together; see :meth:`StableQueue.open`."""
    settings = settings or Settings.from_environment()
    if database_url is not None:
        checked = Settings.from_environment({}, database_url=database_url)
        settings = evolve(settings, database_url=checked.database_url)
    folder = Path(data_dir).expanduser().resolve()
    # Where both are elsewhere, it would hold nothing.
    if images is None or (storage is None and settings.database_url is None):
        folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as closing:
        storage = closing.enter_context(
            storage or open_storage(folder, database_url=settings.database_url)
        )
        if (move := storage.moved()) is not None:
            raise move.error()
        clock = clock or storage.clock
        images = images or _folder(folder / IMAGES)
        jobs = JobQueue(
            storage.jobs,
            storage.servers,
            changes=storage.changes,
            clock=clock,
            settings=settings,
            image_folder=images.folder,
        )
        reports = ReportBoard(storage.reports, clock)
        health = HealthBoard(reports.health_of)
        announcer = Announcer(storage.events, storage.changes)
        known_files = StoredCheckpoints(storage.models)
        carrier = LateTransport(_requests) if transport is None else transport
        closing.callback(carrier.close)
        connect = backend or _forge(carrier, settings, known_files)
        inventories = Inventories(
            storage.servers,
            lambda server: connect(server).inventory(),
            clock=clock,
            max_age=settings.inventory_age,
        )
        keeper, models = catalogue(
            folder, storage, roots, inventories, known_files, announcer, clock, settings
        )
        desk = civitai_desk(
            folder,
            storage,
            models,
            carrier,
            Newcomers(
                storage.servers,
                storage.models,
                inventories,
                connect,
                patience=settings.answer_timeout,
            ),
            announcer,
            clock,
            settings,
        )
        costs = CostBook(
            storage.costs, families_of(lambda name, kind: models.get(name, kind=kind)), clock=clock
        )
        dispatcher = None
        if dispatch:
            dispatcher = Dispatcher(
                storage,
                images,
                connect,
                health=health,
                told=reports,
                inventories=inventories,
                costs=costs,
                announcer=announcer,
                clock=clock,
                settings=settings,
                orderer=desk.orderer,
            )
        return Parts(
            storage=storage,
            images=images,
            jobs=jobs,
            servers=ServerRegistry(storage.servers, jobs, health, clock),
            models=models,
            civitai=desk.civitai,
            downloads=desk.downloads,
            hang_up=desk.hang_up,
            announcer=announcer,
            dispatcher=dispatcher,
            reports=reports,
            explainer=Explainer(
                storage,
                inventories,
                connect,
                costs,
                reports=reports,
                health=health,
                clock=clock,
                settings=settings,
                dispatches=dispatch,
                passed_over=dispatcher.passed_over if dispatcher else lambda job_id: None,
            ),
            examine=_doctor(
                folder,
                storage,
                images=images.folder,
                roots=roots,
                settings=settings,
                connect=connect,
                # Only a Forge understands what is asked besides.
                transport=carrier if backend is None else None,
                account=lambda abort: desk.client.account(abort=abort),
            ),
            keeper=keeper,
            settings=settings,
            closing=closing.pop_all(),
        )


# Adapters are imported where they are made: a process that needs none of them starts faster.


def _folder(path: Path) -> ImageStore:
    from stablequeue_core.images.folder import FolderImageStore

    return FolderImageStore(path)


def _doctor(folder: Path, storage: Storage, **looked_at: Any) -> Callable[[], Diagnosis]:
    def examine() -> Diagnosis:
        from stablequeue_core.assembly.doctor import examine_open

        return examine_open(folder, storage, **looked_at)

    return examine


def _requests() -> Transport:
    from stablequeue_core.transport.requests_transport import RequestsTransport

    return RequestsTransport()


def _forge(carrier: Transport, settings: Settings, known_files: KnownFiles) -> MakeBackend:
    def connect(server: Server) -> Backend:
        from stablequeue_core.backends.forge import ForgeBackend

        return ForgeBackend(server, carrier, settings, known_files)

    return connect
