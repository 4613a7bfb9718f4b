"""Puts the parts together: the one place that names concrete adapters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from attrs import frozen

from stablequeue_core.announcer import Announcer
from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.dispatch import Dispatcher
from stablequeue_core.images import ImageStore
from stablequeue_core.jobs import JobQueue
from stablequeue_core.servers import HealthBoard, Server, ServerRegistry
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage
from stablequeue_core.transport import Transport

DATABASE = "queue.sqlite3"
IMAGES = "images"

MakeBackend = Callable[[Server], Backend]


@frozen(kw_only=True)
class Parts:
    """Everything that a queue is made of.

    Attributes:
        dispatcher: not started yet; None in a process that runs no jobs.
        closing: lets go of what was opened, in the right order.
    """

    storage: Storage
    images: ImageStore
    jobs: JobQueue
    servers: ServerRegistry
    announcer: Announcer
    dispatcher: Dispatcher | None
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
        dispatcher = None
        if dispatch:
            dispatcher = Dispatcher(
                storage,
                images,
                backend or _forge(transport, settings, closing),
                health=health,
                announcer=announcer,
                clock=clock,
                settings=settings,
            )
        return Parts(
            storage=storage,
            images=images,
            jobs=jobs,
            servers=ServerRegistry(storage.servers, jobs, health, clock),
            announcer=announcer,
            dispatcher=dispatcher,
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


def _forge(transport: Transport | None, settings: Settings, closing: ExitStack) -> MakeBackend:
    from stablequeue_core.backends.forge import ForgeBackend

    if transport is None:
        from stablequeue_core.transport.requests_transport import RequestsTransport

        transport = RequestsTransport()
    carrier = transport
    closing.callback(carrier.close)
    return lambda server: ForgeBackend(server, carrier, settings)
