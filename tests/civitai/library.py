"""Model folders, and a Civitai that knows what lies in them: what tests of refreshing stand on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from attrs import evolve
from PIL import Image

from stablequeue_core import StableQueue
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.library.refreshing import Refresher
from stablequeue_core.models import NO_HASHES, Identity, Model
from stablequeue_core.settings import Settings
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.civitai_simulator import (
    CivitaiSimulator,
    SimulatedCivitai,
    SimulatedFile,
    SimulatedModel,
    SimulatedPicture,
    SimulatedVersion,
)
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.model_files import sdxl_lora

FILM = b"\0\0\0\x18ftypisom\0\0\2\0isommp42" + b"\0\0\0\x10mdat" + b"filmfilm"
WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\x82\x84webm" + bytes(40)


class Library:
    """One folder with LoRAs, the catalogue that knows them, and who asks an empty Civitai."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "Lora"
        self.folder.mkdir(parents=True)
        self.clock = FakeClock()
        self.civitai = SimulatedCivitai(clock=self.clock)
        self.storage = MemoryStorage()
        self.settings = Settings(answer_timeout=0.5)
        self.transport = CivitaiSimulator(self.civitai)
        self.client = CivitaiClient(self.transport, self.settings, clock=self.clock)
        self.queue = StableQueue.open(
            folder / "data",
            dispatch=False,
            storage=self.storage,
            transport=self.transport,
            settings=self.settings,
            clock=self.clock,
            loras=[self.folder],
            checkpoints=[],
        )
        self.refresher = Refresher(
            self.client,
            self.queue.models,
            self.storage.identities,
            self.settings,
            locks=folder / "data" / "locks",
            clock=self.clock,
        )

    def close(self) -> None:
        self.queue.close()

    def put(self, name: str, content: bytes | None = None) -> Path:
        """A LoRA in the folder, which differs from any other unless its content is given."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(lora(name) if content is None else content)
        return file

    def model(self, name: str, *, hashed: bool = True) -> Model:
        """The model of this name, after a scan."""
        self.queue.models.scan(hashes=hashed)
        return self.queue.models.get(name)

    @staticmethod
    def without_hash(model: Model) -> Model:
        """The model as it is before anybody has hashed it."""
        return evolve(model, hashes=NO_HASHES)

    @property
    def models(self) -> Sequence[Model]:
        """All of them, as the catalogue has them now."""
        return self.queue.models.find(limit=None, missing=True).models

    def read(self, name: str) -> Any:
        """The JSON of a file beside the models."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def write(self, name: str, content: object) -> Path:
        """A file beside the models."""
        file = self.folder / name
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return file

    @property
    def files(self) -> list[str]:
        """The names of all files in the folder, hidden ones included."""
        return sorted(entry.name for entry in self.folder.iterdir())

    def identity(self, model: Model) -> Identity | None:
        """What is remembered of a file."""
        sha256 = model.hashes.sha256 or ""
        return self.storage.identities.of([sha256]).get(sha256)

    @property
    def asked(self) -> list[str]:
        """What Civitai's API was asked for, in order; no pictures."""
        return [
            f"{request.method} {request.path.removeprefix('/api/v1')}"
            for request in self.civitai.requests
            if request.path.startswith("/api/v1")
        ]

    @property
    def pictures_fetched(self) -> int:
        return sum(not each.path.startswith("/api/v1") for each in self.civitai.requests)


def lora(seed: str = "", header: str = "x") -> bytes:
    """The bytes of a LoRA; of one seed the tensors are the same, whatever stands in the header."""
    fill = hashlib.sha256(seed.encode()).digest()
    return sdxl_lora(rank=1, metadata={"ss_output_name": header}).content(fill)


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def at_civitai(
    version_id: int,
    *files: SimulatedFile,
    pictures: Sequence[SimulatedPicture] = (),
    model_id: int | None = None,
    name: str = "Ink Wash",
    **version: Any,
) -> SimulatedModel:
    """A model at Civitai with one version."""
    usual: dict[str, Any] = {"base_model": "Pony", "trained_words": ("ink wash", "sumi-e")}
    return SimulatedModel(
        id=model_id or version_id * 10,
        name=name,
        type="LORA",
        description="<p>Soft <b>ink</b>.</p>",
        tags=("style",),
        versions=[
            SimulatedVersion(id=version_id, files=files, pictures=pictures, **usual | version)
        ],
    )


def a_file(name: str, content: bytes | None = None, **more: Any) -> SimulatedFile:
    """A file at Civitai; the one that :meth:`Library.put` puts into the folder."""
    data = lora(name) if content is None else content
    usual: dict[str, Any] = {"id": int(sha256_of(name.encode() + data)[:6], 16) + 1}
    return SimulatedFile(name=name, content=data, **usual | more)


def painted(colour: str, form: str = "JPEG", size: tuple[int, int] = (60, 90)) -> bytes:
    """A picture."""
    output = BytesIO()
    Image.new("RGB", size, colour).save(output, form)
    return output.getvalue()


def a_picture(picture_id: int, content: bytes | None = None, **more: Any) -> SimulatedPicture:
    """A picture at Civitai."""
    colours = ("teal", "navy", "maroon", "olive", "purple")
    data = painted(colours[picture_id % 5]) if content is None else content
    return SimulatedPicture(id=picture_id, content=data, width=60, height=90, **more)
