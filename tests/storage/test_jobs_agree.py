"""Law: whatever is done with jobs, both storages answer the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from stablequeue_core.errors import IllegalTransition, JobNotFound, JobNotPending, StaleJob
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import Candidate, Job, JobQuery, JobStatus, Line, event_of
from stablequeue_core.storage import Storage
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.contracts.samples import (
    START,
    cancelled,
    claim,
    completed,
    failed,
    finish,
    given_back,
    in_line,
    laptop,
    pending,
    queue_event,
    retried,
    server_event,
)

Step = Callable[[Storage], object]

TARGETS = ("Laptop", "auto", "auto:studio")
CHECKPOINTS = (None, "a", "b", "B")
MOMENTS = (START, START + timedelta(hours=2))


def held(job: Job) -> tuple[Job, Event]:
    changed = job.hold(now=START)
    return changed, event_of(EventKind.JOB_HELD, changed)


def released(job: Job) -> tuple[Job, Event]:
    changed = job.release(now=START)
    return changed, event_of(EventKind.JOB_RELEASED, changed)


def in_another_hour(job: Job) -> tuple[Job, Event]:
    return given_back(job, not_before=START + timedelta(hours=2))


CHANGES = (cancelled, completed, given_back, held, in_another_hour, released, retried)

moments = st.integers(0, 3).map(lambda hours: START + timedelta(hours=hours))
new_jobs = st.builds(
    pending,
    st.integers(0, 3),
    target=st.sampled_from(TARGETS),
    checkpoint=st.sampled_from(CHECKPOINTS),
    priority=st.integers(0, 1),
    effort=st.sampled_from([0.0, 0.5, 2.0]),
    client_id=st.sampled_from([None, "Ann", "Bob"]),
    not_before=st.none() | st.none() | moments,
    held=st.sampled_from([False, False, True]),
    waits_for=st.sampled_from([(), (), ("download-1",)]),
    part_of=st.sampled_from([None, None, None, "whole"]),
    parts=st.sampled_from([(), (), (), ("part",)]),
)


def adding(new: list[Job], fair: bool) -> Step:
    def add(storage: Storage) -> object:
        fresh = [evolve(job, id=f"{job.id}-{storage.events.last()}") for job in new]
        return storage.jobs.add(fresh, fair=fair)

    return add


def with_one(place: int, do: Callable[[Storage, Job], object], *, stale: bool = False) -> Step:
    """Do something with one of those that are there; perhaps with an old copy of it."""

    def try_it(storage: Storage) -> object:
        known = everybody(storage)
        if not known:
            return None
        chosen = known[place % len(known)]
        try:
            return do(storage, evolve(chosen, revision=99) if stale else chosen)
        except (StaleJob, IllegalTransition, JobNotPending, JobNotFound) as error:
            return error.code

    return try_it


def everybody(storage: Storage) -> list[Job]:
    listed = storage.jobs.list(JobQuery(limit=100, newest_first=False)).jobs
    return [*listed, *storage.jobs.parts_of("whole")]


def following(
    change: Callable[[Job], tuple[Job, Event]], targets: list[str], now: datetime
) -> Callable[[Storage, Job], object]:
    """The end of a job, and the next claim."""

    def follow(storage: Storage, job: Job) -> object:
        return finish(storage, job, change, targets=targets, now=now)

    return follow


def deleting(storage: Storage, job: Job) -> object:
    """Not the newest one: whether its number is given out again is not promised."""
    if not is_newest(storage, job):
        storage.jobs.delete(job, event_of(EventKind.JOB_DELETED, job))
    return job


def forgetting(keep: int) -> Step:
    def forget(storage: Storage) -> object:
        worn_out = storage.jobs.worn_out(ended_before=None, keep=keep, limit=2)
        old = [job for job in worn_out if not is_newest(storage, job)]
        return storage.jobs.forget(old, queue_event())

    return forget


def is_newest(storage: Storage, job: Job) -> bool:
    return job.number == max(known.number for known in everybody(storage))


def renaming(storage: Storage) -> object:
    """There and back: what is open follows."""
    for old, new in (("Laptop", "Tower"), ("Tower", "Laptop")):
        storage.servers.replace(laptop(alias=old), laptop(alias=new), server_event())
    return storage.servers.list()


places = st.integers(0, 99)
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(adding, st.lists(new_jobs, min_size=1, max_size=3), st.booleans()),
    st.builds(
        lambda now, targets: lambda storage: claim(storage, now=now, targets=targets),
        moments,
        st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3),
    ),
    st.builds(
        lambda place, change, stale: with_one(
            place, lambda storage, job: storage.jobs.replace(*change(job)), stale=stale
        ),
        places,
        st.sampled_from(CHANGES),
        st.sampled_from([False, False, False, True]),
    ),
    st.builds(
        lambda place, change, now, targets, stale: with_one(
            place, following(change, targets, now), stale=stale
        ),
        places,
        st.sampled_from([cancelled, completed, failed]),
        moments,
        st.lists(st.sampled_from(TARGETS), max_size=3),
        st.sampled_from([False, False, False, True]),
    ),
    st.builds(
        lambda place: with_one(
            place,
            lambda storage, job: storage.jobs.move_to_front(
                job, event_of(EventKind.JOB_MOVED, job)
            ),
        ),
        places,
    ),
    st.builds(lambda place: with_one(place, deleting), places),
    st.builds(forgetting, st.integers(0, 2)),
    st.builds(lambda limit: lambda storage: storage.events.trim(START, limit), st.integers(0, 5)),
    st.just(renaming),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=20))
def test_both_storages_answer_the_same(taken: list[Step]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        SqliteStorage(Path(folder, "queue.db")) as durable,
        MemoryStorage() as plain,
    ):
        for storage in (durable, plain):
            storage.servers.add(laptop(), server_event())
        for step in taken:
            assert step(durable) == step(plain)
        assert everything_found(durable) == everything_found(plain)
        with MemoryStorage() as copy:
            copy.restore(durable.dump())
            assert everything_found(copy) == everything_found(durable)


def everything_found(storage: Storage) -> dict[str, Any]:
    """What the storage answers to all questions."""
    jobs = everybody(storage)
    found: dict[str, Any] = {
        "each": [storage.jobs.get(job.id) for job in jobs],
        "listed": storage.jobs.list(JobQuery(limit=5, offset=1)),
        "of each status": {
            status: storage.jobs.list(JobQuery(status=status)) for status in JobStatus
        },
        "counts": storage.jobs.counts(),
        "processing": storage.jobs.processing(),
        "open": [storage.jobs.open_on(target) for target in TARGETS],
        "waiting": storage.jobs.waiting(),
        "in parts": storage.jobs.in_parts(),
        "due": [storage.jobs.next_due([target, "auto"]) for target in TARGETS],
        "places": [storage.jobs.position(job, now=now) for job in jobs for now in MOMENTS],
        "work": [sums(storage, job, now) for job in (None, *jobs) for now in MOMENTS],
        "worn out": storage.jobs.worn_out(ended_before=START + timedelta(hours=1), keep=1, limit=3),
        "told": storage.events.read(),
    }
    for hours in (0, 3):
        now = START + timedelta(hours=hours)
        for targets in (TARGETS, TARGETS[1:]):
            found[f"line {hours} {targets}"] = in_line(storage, *targets, now=now)
            for priority in (0, 1):
                for checkpoint in CHECKPOINTS:
                    found[f"line {hours} {targets} {priority} {checkpoint}"] = in_line(
                        storage,
                        *targets,
                        now=now,
                        look=of_checkpoint(checkpoint, priority),
                    )
                found[f"backlogs {hours} {targets} {priority}"] = backlogs(
                    storage, targets, now, priority
                )
    return found


def of_checkpoint(checkpoint: str | None, priority: int) -> Callable[[Line], Iterator[Candidate]]:
    return lambda line: line.of_checkpoint(checkpoint, priority)


def sums(storage: Storage, job: Job | None, now: datetime) -> set[Any]:
    return set(storage.jobs.work_before(job, now=now))


def backlogs(storage: Storage, targets: tuple[str, ...], now: datetime, priority: int) -> set[Any]:
    told: set[Any] = set()

    def look(line: Line) -> list[Candidate]:
        told.update(line.backlogs(priority))
        return []

    in_line(storage, *targets, now=now, look=look)
    return told
