"""A queue with model folders, and the samples' Civitai: what tests of ordering stand on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stablequeue_core import StableQueue
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.orders.file_finding import FileFinder
from stablequeue_core.civitai.orders.ordering import Orders
from stablequeue_core.civitai.orders.supplying import CivitaiOrderer
from stablequeue_core.downloads import Download
from stablequeue_core.models import Model
from stablequeue_core.settings import Settings
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiSimulator,
    SimulatedCivitai,
    SimulatedFile,
    SimulatedModel,
    SimulatedVersion,
)
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.model_files import sdxl_lora

KINDS = ("checkpoint", "lora", "vae")


class Shop:
    """Folders for some kinds of models, a queue that fetches only when told to, and Civitai.

    Attributes:
        folders: by kind.
        orderer: what orders for jobs.
        client: through which it asks.
    """

    def __init__(self, folder: Path, kinds: tuple[str, ...] = KINDS) -> None:
        self.clock = FakeClock()
        self.civitai = SimulatedCivitai.with_sample_models(clock=self.clock)
        self.storage = MemoryStorage()
        self.folders = {kind: folder / kind for kind in kinds}
        for each in self.folders.values():
            each.mkdir(parents=True)
        transport = CivitaiSimulator(self.civitai)
        settings = Settings(civitai_api_key=GOOD_KEY, answer_timeout=0.5, poll=0.01)
        self.queue = StableQueue.open(
            folder / "data",
            dispatch=False,
            storage=self.storage,
            transport=transport,
            settings=settings,
            clock=self.clock,
            checkpoints=[],
            loras=[],
            model_dirs={kind: [where] for kind, where in self.folders.items()},
        )
        self.client = client = CivitaiClient(transport, settings, clock=self.clock)
        downloads, models = self.storage.downloads, self.storage.models
        finder = FileFinder(client, clock=self.clock)
        orders = Orders(
            finder,
            self.queue.models.roots,
            models,
            downloads,
            self.queue.downloads.add,
            clock=self.clock,
        )
        self.orderer = CivitaiOrderer(
            client, finder, orders, downloads, models, self.queue.models.roots
        )

    def close(self) -> None:
        self.queue.close()

    def order(self, link: int | str, **said: Any) -> Download:
        """Order as a user does."""
        return self.queue.civitai.download(link, **said)

    def fetched(self, link: int | str, **said: Any) -> Download:
        """Order, and wait until the file is there."""
        self.queue.downloads.start()
        return self.queue.downloads.wait(self.order(link, **said).id, timeout=10)

    def put(self, kind: str, path: str, content: bytes, *, hashed: bool = True) -> Model:
        """Put a file into a folder, and find it there."""
        file = self.folders[kind] / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.queue.models.scan(hashes=hashed)
        return self.queue.models.get(path, kind=kind)

    def lose(self, model: Model) -> None:
        """Take the file of a model away; the catalogue remembers what it was."""
        model.file.unlink()
        self.queue.models.scan()

    def content(self, file_id: int) -> bytes:
        """The bytes of a file at Civitai."""
        file = self.civitai.world.file(file_id)
        assert file is not None
        return file.content.read()

    @property
    def asked(self) -> list[str]:
        """What Civitai's API was asked for, in order."""
        return [
            request.path.removeprefix("/api/v1")
            for request in self.civitai.requests
            if request.path.startswith("/api/v1")
        ]


def lora_bytes(seed: bytes) -> bytes:
    """The bytes of a LoRA; others for another seed."""
    return sdxl_lora(rank=1).content(seed)


def model_of(
    version_id: int, *files: SimulatedFile, model_type: str = "LORA", **more: Any
) -> SimulatedModel:
    """A model with one version."""
    return SimulatedModel(
        id=version_id * 10,
        name="Fox",
        type=model_type,
        versions=[SimulatedVersion(id=version_id, files=files, **more)],
    )


def a_file(file_id: int, name: str, content: bytes = b"", **more: Any) -> SimulatedFile:
    """A file at Civitai."""
    return SimulatedFile(
        id=file_id, name=name, content=content or lora_bytes(b"=" + name.encode()), **more
    )
