"""Jobs, servers and changes to try a storage with."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import (
    AUTO,
    AttemptOutcome,
    Candidate,
    Choose,
    Claim,
    Job,
    JobFailure,
    JobResult,
    Line,
    event_of,
)
from stablequeue_core.models import Model, ModelKind
from stablequeue_core.servers import Server
from stablequeue_core.storage import Storage
from stablequeue_core.testing.race import TARGETS, begin, first

START = datetime(2025, 5, 14, 2, 34, 48, 985000, tzinfo=UTC)
LATER = START + timedelta(days=1)
FAILURE = JobFailure(
    code="server_fault", message="It broke — 狐.", details={"at": [1, {"é": None}]}
)
RESULT = JobResult(
    images=("a_0.png", "a_1.png"),
    info="2 pictures.",
    generation_info={"all_seeds": [2**63 - 1], "infotexts": ["a räv\nSteps: 5"], "x": {"y": 1.0}},
    proof={"checkpoint": {"asked": "a", "got": "a"}},
    ignored_params=("style_preset",),
)


Look = Callable[[Line], Iterable[Candidate]]
"""What a choice looks at."""


def pending(seconds: float = 0, **fields: Any) -> Job:
    """A new job for ``Laptop``, made so many seconds after :data:`START`."""
    made = START + timedelta(seconds=seconds)
    given: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "target": "Laptop",
        "params": {"positive_prompt": "a lighthouse at dawn"},
        "created_at": made,
        "updated_at": made,
    }
    return Job(**{**given, **fields})


def add(storage: Storage, *jobs: Job) -> list[Job]:
    """Keep new jobs; as they are kept."""
    return list(storage.jobs.add(jobs))


def claim(
    storage: Storage,
    server: str = "Laptop",
    *,
    targets: Sequence[str] = (),
    now: datetime = LATER,
    choose: Choose = first,
    worker: str = "worker",
) -> Job | None:
    """Claim a job for the lane of a server: one of its own, or for any, unless it is told."""
    return storage.jobs.claim(
        Claim(
            targets=targets or (server, AUTO),
            now=now,
            choose=choose,
            begin=partial(begin, server=server, worker=worker),
        )
    )


def in_line(
    storage: Storage,
    *targets: str,
    now: datetime = LATER,
    look: Look = lambda line: line.in_order(),
) -> list[Candidate]:
    """The candidates that a choice is shown, in order; nothing changes."""
    shown: list[Candidate] = []

    def choose(line: Line) -> Candidate | None:
        shown.extend(look(line))
        return None

    wanted = Claim(targets=targets or TARGETS, now=now, choose=choose, begin=begin)
    assert storage.jobs.claim(wanted) is None
    return shown


def claimed(storage: Storage, **how: Any) -> Job:
    """Claim a job that is surely there."""
    job = claim(storage, **how)
    assert job is not None
    return job


def completed(job: Job) -> tuple[Job, Event]:
    """The running job, done."""
    done = job.complete(RESULT, sent={"prompt": "a", "steps": 5}, now=LATER)
    return done, event_of(EventKind.JOB_COMPLETED, done)


def failed(job: Job) -> tuple[Job, Event]:
    """The running job, failed."""
    ended = job.fail(FAILURE, now=LATER)
    return ended, event_of(EventKind.JOB_FAILED, ended)


def cancelled(job: Job) -> tuple[Job, Event]:
    """The job, cancelled."""
    ended = job.cancel(now=LATER)
    return ended, event_of(EventKind.JOB_CANCELLED, ended)


def given_back(
    job: Job, *, not_before: datetime | None = None, failure: JobFailure = FAILURE
) -> tuple[Job, Event]:
    """The running job, to be run again."""
    back = job.give_back(
        outcome=AttemptOutcome.FAILED,
        failure=failure,
        counted=True,
        not_before=not_before,
        now=LATER,
    )
    return back, event_of(EventKind.JOB_REQUEUED, back)


def retried(job: Job) -> tuple[Job, Event]:
    """The ended job, to be tried again."""
    again = job.retry(now=LATER)
    return again, event_of(EventKind.JOB_RETRIED, again)


Change = Callable[[Job], tuple[Job, Event]]


def changed(storage: Storage, job: Job, change: Change) -> Job:
    """Keep the changed job; as it is kept."""
    return storage.jobs.replace(*change(job))


def finish(
    storage: Storage,
    job: Job,
    change: Change = completed,
    *,
    targets: Sequence[str] = TARGETS,
    now: datetime = LATER,
    choose: Choose = first,
) -> tuple[Job, Job | None]:
    """Keep the ended job, and claim the next for the same lane; both as they are kept."""
    wanted = Claim(targets=targets, now=now, choose=choose, begin=begin)
    return storage.jobs.finish_and_claim(*change(job), wanted)


def deleted(storage: Storage, job: Job) -> None:
    """Forget the job."""
    storage.jobs.delete(job, event_of(EventKind.JOB_DELETED, job))


def laptop(**fields: Any) -> Server:
    """A server."""
    return Server(**{"alias": "Laptop", "api_url": "http://127.0.0.1:7860", **fields})


def server_event(kind: EventKind = EventKind.SERVER_ADDED, alias: str = "Laptop") -> Event:
    """An event about a server."""
    return Event(kind=kind, at=START, server=alias)


def queue_event(kind: EventKind = EventKind.QUEUE_PAUSED) -> Event:
    """An event about the whole queue."""
    return Event(kind=kind, at=START)


ROOT = "/models/Stable-diffusion"


def model(path: str = "x.safetensors", **fields: Any) -> Model:
    """A model file that nobody has looked into yet."""
    given: dict[str, Any] = {
        "kind": ModelKind.CHECKPOINT,
        "root": ROOT,
        "path": path,
        "size": 6_938_078_334,
        "mtime_ns": 1_715_654_088_985_000_001,
        "created_at": START,
    }
    return Model(**{**given, **fields})


def save(storage: Storage, *models: Model) -> list[Model]:
    """Keep models; as they are kept."""
    return list(storage.models.save(models))


def models_event(kind: EventKind = EventKind.MODELS_SCAN_STARTED) -> Event:
    """An event about the models."""
    return Event(kind=kind, at=START)
