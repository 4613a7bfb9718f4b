"""A queue in which there is something of every kind, to be copied."""

from __future__ import annotations

from attrs import evolve

from stablequeue_core.downloads import download_event
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import IdempotencyKey, JobStatus
from stablequeue_core.models import CivitaiCandidate, Identity
from stablequeue_core.servers import Cost
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.download_samples import elaborate, queued
from stablequeue_core.testing.contracts.samples import (
    LATER,
    ROOT,
    START,
    add,
    completed,
    laptop,
    model,
    pending,
    server_event,
)
from stablequeue_core.testing.race import begin


def fill(storage: Storage, *, jobs: int = 20) -> None:
    """Remember something of every kind: secrets, odd letters, large numbers, gaps."""
    event = server_event()
    storage.servers.add(laptop(password="geheim", username="räv", tags=("studio",)), event)
    storage.servers.add(laptop(alias="狐", paused=True), server_event(alias="狐"))
    kept = list(storage.jobs.add([pending(n, priority=n % 3) for n in range(jobs)]))
    key = IdempotencyKey(key="order-4711", digest="d")
    storage.jobs.add([pending(100, client_id="räv"), pending(101, held=True)], key)
    running, _ = begin(kept[0], server="Laptop", worker="w")
    running = storage.jobs.replace(running, Event(kind=EventKind.JOB_STARTED, at=LATER))
    storage.jobs.replace(*completed(running))
    storage.jobs.delete(kept[1], Event(kind=EventKind.JOB_DELETED, at=LATER))
    whole = pending(102, id="0" * 8 + "-0000-4000-8000-000000000000")
    part = pending(103, part_of=whole.id)
    add(storage, evolve(whole, parts=(part.id,)), part)
    storage.jobs.set_paused(True, Event(kind=EventKind.QUEUE_PAUSED, at=START, data={"é": [2**60]}))
    storage.models.save([model("a.safetensors"), model("räv/ü.safetensors", size=2**63)])
    storage.models.keep_fingerprints(ROOT, {"": "print", "räv": "other"})
    storage.identities.save(
        [
            Identity(
                sha256="ab" * 32,
                candidates=(CivitaiCandidate(model_id=1, version_id=2),),
                asked_at=START,
            )
        ],
    )
    for download in (queued(), elaborate()):
        storage.downloads.add(download, download_event(EventKind.DOWNLOAD_ADDED, download))
    storage.costs.save(Cost(server="Laptop", family="SDXL", pace=1 / 3, load=15.5, samples=7))


def is_empty(storage: Storage) -> bool:
    """Whether nothing at all is remembered."""
    is_jobless = not any(storage.jobs.counts()[status] for status in JobStatus)
    return is_jobless and not storage.servers.list() and storage.events.last() == 0
