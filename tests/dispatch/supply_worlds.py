"""A world where models can be ordered; their downloads end when a test says so."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.worlds import World

from stablequeue_core import Job, JobStatus, StableQueue
from stablequeue_core.announcer import Announcer
from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.clock import SystemClock
from stablequeue_core.dispatch import Dispatcher
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.downloads import Download, DownloadFailure
from stablequeue_core.downloads.wanted import WantedModel
from stablequeue_core.errors import StableQueueError
from stablequeue_core.events import Event, EventKind
from stablequeue_core.servers import HealthBoard, Inventories, ReportBoard, Server
from stablequeue_core.storage import Storage
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge

INK, FOX = "inkWash_v3", "fox_v1"


class SimulatedOrderer:
    """Puts what is ordered into the store of downloads, where it stays until a test ends it.

    Attributes:
        wants: what was ordered, in order.
        refusals: what is refused, by name, and how.
        folder: below the model folder, where files are put.
        filenames: of those that are called otherwise than by the job.
        on_order: called while an order is under way.
    """

    def __init__(self) -> None:
        self.storage: Storage | None = None
        self.wants: list[WantedModel] = []
        self.refusals: dict[str, StableQueueError] = {}
        self.folder = "styles"
        self.filenames: dict[str, str] = {}
        self.on_order: Callable[[], object] = lambda: None

    def order(self, wanted: WantedModel) -> Download:
        assert self.storage is not None
        self.wants.append(wanted)
        self.on_order()
        if wanted.name in self.refusals:
            raise self.refusals[wanted.name]
        now = datetime.now(UTC)
        stem = self.filenames.get(wanted.name, wanted.name.removesuffix(".safetensors"))
        download = Download(
            id=str(uuid.uuid4()),
            version_id=700201,
            file_id=None,
            kind=wanted.model_kind,
            root="/models",
            folder=self.folder,
            filename=f"{stem}.safetensors",
            title="Ink Wash Style",
            version="v3",
            created_at=now,
            updated_at=now,
        )
        return self.storage.downloads.add(download, _event(EventKind.DOWNLOAD_ADDED))

    @property
    def names(self) -> list[str]:
        """What was ordered."""
        return [wanted.name for wanted in self.wants]


class SupplyWorld(World):
    """Simulated servers, and a queue whose jobs may have models fetched."""

    def __init__(
        self, folder: Path, forges: dict[str, SimulatedForge] | None = None, **given: Any
    ) -> None:
        super().__init__(folder, forges, **given)
        self.orderer: SimulatedOrderer | None = SimulatedOrderer()
        self.storage: Storage | None = None
        self.dispatcher: Dispatcher | None = None
        self.inventories: Inventories | None = None

    def open(self, **opening: Any) -> StableQueue:
        """The queue, with a dispatcher beside it that has an orderer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.storage = storage = SqliteStorage(self.folder / "queue.sqlite3")
        queue = super().open(storage=storage, dispatch=False, **opening)
        transport = ForgeSimulator({self.url(alias): f for alias, f in self.forges.items()})
        clock = SystemClock()

        def connect(server: Server) -> ForgeBackend:
            return ForgeBackend(server, transport, self.settings)

        self.inventories = Inventories(
            storage.servers,
            lambda server: connect(server).inventory(),
            clock=clock,
            max_age=self.settings.inventory_age,
        )
        if self.orderer is not None:
            self.orderer.storage = storage
        self.dispatcher = Dispatcher(
            storage,
            queue.images,
            connect,
            health=HealthBoard(),
            told=ReportBoard(storage.reports, clock),
            inventories=self.inventories,
            costs=CostBook(storage.costs, lambda checkpoint: None, clock=clock),
            announcer=Announcer(storage.events, storage.changes),
            clock=clock,
            settings=self.settings,
            orderer=self.orderer,
        )
        self.dispatcher.start()
        return queue

    def close(self, *, grace: float | None = None) -> None:
        """Close both."""
        if self.dispatcher is not None:
            self.dispatcher.close(5.0 if grace is None else grace)
            self.dispatcher = None
        super().close(grace=grace)

    @property
    def orders(self) -> SimulatedOrderer:
        """The orderer."""
        assert self.orderer is not None
        return self.orderer

    def wanting(self, lora: str = INK, target: str | None = None, **params: Any) -> Job:
        """Submit a job that wants a LoRA, which is to be fetched where it is missing."""
        wish = {"positive_prompt": f"<lora:{lora}:1> a fox", "on_missing_model": "download"}
        return self.submit(target, **{**wish, **params})

    def until_waiting(self, job: Job) -> Job:
        """Wait until the job waits for downloads."""
        self.until(lambda: self.queue.get(job.id).waits_for)
        return self.queue.get(job.id)

    def until_failed(self, job: Job) -> Job:
        """Wait until the job has failed."""
        return self.until_status(job, JobStatus.FAILED)

    def change(self, download_id: str, change: Callable[[Download], Download]) -> Download:
        """Change a download, through the store."""
        assert self.storage is not None
        changed = change(self.storage.downloads.get(download_id))
        return self.storage.downloads.replace(changed, _event(EventKind.DOWNLOAD_COMPLETED))

    def complete(self, download_id: str) -> Download:
        """The file is in its place, and every server was told of it."""
        begun = self.change(download_id, lambda download: download.begin(now=_now()))
        self.doubt_all()
        return self.change(
            begun.id, lambda download: download.complete(notes=(), servers={}, now=_now())
        )

    def doubt_all(self) -> None:
        """What a download does when its file is there: every server has to be asked anew."""
        assert self.inventories is not None
        for server in self.queue.servers.list():
            self.inventories.doubt(server)

    def lose(self, download_id: str, code: str, message: str) -> None:
        """The download fails."""
        failure = DownloadFailure(code=code, message=message)
        self.change(download_id, lambda download: download.begin(now=_now()))
        self.change(download_id, lambda download: download.fail(failure, now=_now()))

    def cancel_download(self, download_id: str) -> None:
        """The user does not want the file any more."""
        self.change(download_id, lambda download: download.cancel(now=_now()))

    def pause_download(self, download_id: str) -> None:
        """The user lets the download wait."""
        self.change(download_id, lambda download: download.pause(now=_now()))

    def nothing_more_happens(self, rounds: int = 3) -> None:
        """Wait until every lane and the dispatcher had their turn a few times."""
        assert self.storage is not None
        for _ in range(rounds):
            self.storage.work.ring()
            threading.Event().wait(2 * self.settings.poll)


def _now() -> datetime:
    return datetime.now(UTC)


def _event(kind: EventKind) -> Event:
    return Event(kind=kind, at=_now())
