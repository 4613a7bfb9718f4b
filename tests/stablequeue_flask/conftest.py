"""A queue without a dispatcher, a client for it, and handles that play the part of a lane."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.worlds import CHECKPOINTS, LORAS, World, model_world, with_settings

from stablequeue_core import EventKind, Job, Settings, StableQueue
from stablequeue_core.clock import SystemClock
from stablequeue_core.jobs import JobFailure, JobResult, Lease, event_of
from stablequeue_core.storage.base import Storage
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiSimulator,
    SimulatedCivitai,
)
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge
from stablequeue_flask import create_app

Change = Callable[..., Job]

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00"
    b"\x90wS\xde"
)


@pytest.fixture
def settings() -> Settings:
    return Settings(cancel_wait=0.1)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with MemoryStorage() as storage:
        yield storage


@pytest.fixture
def queue(tmp_path: Path, storage: Storage, settings: Settings) -> Iterator[StableQueue]:
    with StableQueue.open(tmp_path, dispatch=False, storage=storage, settings=settings) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:7860")
        yield queue


@pytest.fixture
def client(queue: StableQueue) -> Any:
    return create_app(queue).test_client()


@pytest.fixture
def submit(client: Any) -> Callable[..., str]:
    """Submits a job over HTTP; its id."""

    def submit(target: str = "Laptop", **params: Any) -> str:
        body = {
            "target_server_alias": target,
            "generation_params": {"positive_prompt": "a cat", **params},
        }
        answer = client.post("/api/v1/generate", json=body)
        assert answer.status_code == 202, answer.json
        return str(answer.json["stablequeue_job_id"])

    return submit


@pytest.fixture
def begin(storage: Storage) -> Change:
    """A lane claims the job."""

    def begin(job_id: str) -> Job:
        now = SystemClock().now()
        job = storage.jobs.get(job_id)
        begun = job.begin(
            server="Laptop",
            lease=Lease(worker="test", until=now + timedelta(minutes=1)),
            task_id=str(uuid.uuid4()),
            seed=1806652750,
            subseed=1,
            now=now,
        )
        return storage.jobs.replace(begun, event_of(EventKind.JOB_STARTED, begun))

    return begin


@pytest.fixture
def complete(storage: Storage, begin: Change) -> Change:
    """A lane runs the job to its end."""

    def complete(job_id: str, **result: Any) -> Job:
        fields: dict[str, Any] = {
            "images": ("88615c9d_1747190448393_00028-1806652750.png",),
            "info": "Job completed and images downloaded by StableQueue backend.",
            "generation_info": {"prompt": "a cat", "seed": 1806652750},
            **result,
        }
        done = begin(job_id).complete(JobResult(**fields), sent={}, now=SystemClock().now())
        return storage.jobs.replace(done, event_of(EventKind.JOB_COMPLETED, done))

    return complete


@pytest.fixture
def fail(storage: Storage, begin: Change) -> Change:
    """A lane runs the job, and its server says no."""

    def fail(job_id: str) -> Job:
        failure = JobFailure(
            code="unknown_sampler", message="It has no such sampler.", details={"wanted": "Oiler"}
        )
        failed = begin(job_id).fail(failure, now=SystemClock().now())
        return storage.jobs.replace(failed, event_of(EventKind.JOB_FAILED, failed))

    return fail


@pytest.fixture
def png() -> bytes:
    return PNG


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[World]:
    """A world with the stock models, all scanned and hashed; nothing is dispatched."""
    world = model_world(tmp_path, dispatch=False)
    world.queue.models.scan(hashes=True)
    yield world
    world.close()


@pytest.fixture
def gallery(shelf: World) -> Any:
    """A client of that world."""
    return create_app(shelf.queue).test_client()


@pytest.fixture(scope="module")
def quiet_gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of such a world, for many tests that change nothing in it."""
    world = model_world(tmp_path_factory.mktemp("quiet"), dispatch=False)
    world.queue.models.scan(hashes=True)
    yield create_app(world.queue).test_client()
    world.close()


@pytest.fixture
def civitai() -> SimulatedCivitai:
    """Civitai with its sample models and pictures."""
    return SimulatedCivitai.with_sample_models()


@pytest.fixture
def harbor(tmp_path: Path, civitai: SimulatedCivitai) -> Iterator[World]:
    """A world with that Civitai, and with folders for checkpoints and LoRAs that are empty.

    Its time passes only while somebody waits for Civitai.
    """
    forge = SimulatedForge.with_sample_models()
    models = tmp_path / "models"
    world = World(
        tmp_path / "queue",
        {"Laptop": forge},
        settings=with_settings(civitai_api_key=GOOD_KEY),
        transport=CivitaiSimulator(
            civitai, elsewhere=ForgeSimulator({"http://laptop:7860": forge})
        ),
        dispatch=False,
        clock=FakeClock(),
        checkpoints=models / CHECKPOINTS,
        loras=models / LORAS,
    )
    for name in (CHECKPOINTS, LORAS):
        (models / name).mkdir(parents=True)
    yield world
    world.close(grace=0)


@pytest.fixture
def sailor(harbor: World) -> Any:
    """A client of that world."""
    return create_app(harbor.queue).test_client()
