"""One file at simulated Civitai, a fetcher that is sent for it, and what becomes of it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from attrs import evolve

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.downloads import Download, DownloadOrigin, Location
from stablequeue_core.downloads.fetching.fetcher import Fetcher
from stablequeue_core.downloads.fetching.part_file import part_path
from stablequeue_core.errors import StableQueueError, TransferAborted
from stablequeue_core.models import Hashes, ModelKind
from stablequeue_core.settings import Settings
from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiSimulator,
    Place,
    SeenRequest,
    SimulatedAccount,
    SimulatedCivitai,
    SimulatedFile,
    SimulatedModel,
    SimulatedVersion,
    generated_model,
)
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.transport import Abort, Transport

MODEL, VERSION, FILE = 600101, 700201, 800301
FILENAME = "harborMixXL_v20.safetensors"
SIZE = 300_000
CONTENT = generated_model(SIZE).read()


class FromCivitai(DownloadOrigin):
    """Asks Civitai for links."""

    def __init__(self, client: CivitaiClient) -> None:
        self._client = client

    def locate(self, download: Download, *, abort: Abort) -> Location:
        return self._client.locate(download.version_id, download.file_id, abort=abort)


class Links(DownloadOrigin):
    """Hands out these, one after the other, and the last one again and again."""

    def __init__(self, *urls: str, public_only: bool = False, **headers: str) -> None:
        self.asked = 0
        self._locations = [
            Location(url=url, public_only=public_only, headers=headers) for url in urls
        ]

    def locate(self, download: Download, *, abort: Abort) -> Location:
        self.asked += 1
        return self._locations[min(self.asked, len(self._locations)) - 1]


def wanted(root: Path, **fields: Any) -> Download:
    """A download that has just begun."""
    now = FakeClock().now()
    given: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "version_id": VERSION,
        "file_id": FILE,
        "kind": ModelKind.CHECKPOINT,
        "root": str(root),
        "folder": "SDXL",
        "filename": FILENAME,
        "created_at": now,
        "updated_at": now,
    }
    return Download(**given | fields).begin(now=now)


class Errand:
    """A download, who fetches it, and what was told on the way.

    Attributes:
        download: as it was noted last.
        told: bytes here and bytes in all, as they were told.
    """

    def __init__(
        self,
        root: Path,
        *,
        content: bytes = CONTENT,
        is_hash_told: bool = True,
        settings: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        self.clock = FakeClock()
        self.civitai = SimulatedCivitai(clock=self.clock)
        self.offer(content)
        sha256 = hashlib.sha256(content).hexdigest()
        told = {"size": len(content), "hashes": Hashes(sha256=sha256 if is_hash_told else None)}
        self.download = wanted(root, **told | fields)
        self.settings = Settings(**{"civitai_api_key": GOOD_KEY, **(settings or {})})
        self.told: list[tuple[int, int | None]] = []
        self.on_bytes: Callable[[int], None] = lambda done: None
        self.restart()

    def restart(self) -> None:
        """A new process: nothing is left of the former but its files and what was noted."""
        transport = CivitaiSimulator(self.civitai)
        client = CivitaiClient(transport, self.settings, clock=self.clock)
        self.fetcher = Fetcher(transport, FromCivitai(client), self.settings, clock=self.clock)

    def offer(self, content: bytes) -> None:
        """From now on this is what Civitai has."""
        file = SimulatedFile(id=FILE, name=FILENAME, content=content, primary=True)
        version = SimulatedVersion(id=VERSION, files=[file])
        self.civitai.world.add(
            SimulatedModel(id=MODEL, name="Harbor Mix XL", type="Checkpoint", versions=[version]),
            SimulatedAccount(key=GOOD_KEY),
        )

    @property
    def part(self) -> Path:
        """What is here of an unfinished file."""
        return part_path(self.download)

    @property
    def names(self) -> Sequence[str]:
        """Everything that lies in the file's folder."""
        folder = self.download.file.parent
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    @property
    def at_storage(self) -> Sequence[SeenRequest]:
        """What the storage was asked."""
        return [each for each in self.civitai.requests if each.place is Place.STORAGE]

    def fetch(self, abort: Abort | None = None) -> Download:
        """Fetch it."""

        def tell(done: int, total: int | None) -> None:
            self.told.append((done, total))
            self.on_bytes(done)

        return self.fetcher.fetch(self.download, abort=abort or Abort(), note=self.note, tell=tell)

    def stop_at(self, count: int) -> None:
        """Fetch it until so many bytes are here, and pull the abort."""
        abort = Abort()
        self.on_bytes = lambda done: abort.pull() if done >= count else None
        try:
            self.fetch(abort)
        except TransferAborted:
            self.on_bytes = lambda done: None
        else:
            raise AssertionError("it was not stopped")

    def note(self, download: Download) -> Download:
        """Keep what was learnt, as a store does."""
        self.download = evolve(download, revision=self.download.revision + 1)
        return self.download

    def failure(self) -> StableQueueError:
        """What fetching it fails with."""
        try:
            self.fetch()
        except StableQueueError as error:
            return error
        raise AssertionError("it was fetched")

    def fetch_stubbornly(self, restarts: Iterable[bool] = ()) -> Download:
        """Fetch it again and again, in a new process whenever the next of ``restarts`` says so."""
        deaths = chain(restarts, repeat(False))
        for _ in range(50):
            try:
                return self.fetch()
            except StableQueueError:
                if next(deaths):
                    self.restart()
        raise AssertionError("it never ends")


def fetcher_of(transport: Transport, origin: DownloadOrigin, **settings: Any) -> Fetcher:
    """A fetcher without Civitai."""
    return Fetcher(transport, origin, Settings(**settings), clock=FakeClock())


def run(fetcher: Fetcher, download: Download) -> Download:
    """Fetch it, and note nothing."""
    return fetcher.fetch(
        download, abort=Abort(), note=lambda each: each, tell=lambda done, total: None
    )
