"""Numbers are given in the order in which changes can be seen, whoever makes them at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.storage.real_postgres import Schemas

from stablequeue_core.errors import StaleJob
from stablequeue_core.events import Event
from stablequeue_core.jobs import Candidate, IdempotencyKey, Job, JobQuery, JobStatus, Line
from stablequeue_core.storage import Storage
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.testing.contracts.samples import (
    add,
    claim,
    completed,
    models_event,
    pending,
    queue_event,
)

Writing = Callable[[Storage, int], object]


@pytest.fixture
def storages(schemas: Schemas) -> Iterator[tuple[Storage, Storage]]:
    """The same queue, opened twice, as two processes would."""
    name = schemas.new()
    with (
        PostgresStorage(schemas.url, schema=name) as one,
        PostgresStorage(schemas.url, schema=name) as other,
    ):
        yield one, other


def work(storage: Storage, _: int) -> None:
    job = claim(storage)
    if job is not None:
        storage.jobs.replace(*completed(job))


WRITINGS: list[Writing] = [
    lambda storage, _: add(storage, pending()),
    lambda storage, _: add(storage, pending(), pending(), pending()),
    lambda storage, n: storage.jobs.add([pending()], IdempotencyKey(key=f"k{n}", digest="d")),
    lambda storage, n: storage.jobs.add([pending(client_id=f"c{n % 2}")], fair=True),
    lambda storage, _: storage.jobs.set_paused(True, queue_event()),
    lambda storage, _: storage.models.record(models_event()),
    work,
]


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.lists(st.sampled_from(WRITINGS), min_size=2, max_size=6), min_size=4, max_size=6)
)
def test_who_follows_the_log_misses_nothing(
    storages: tuple[Storage, Storage], plans: list[list[Writing]]
) -> None:
    """A number that could be seen late would be read over: the reader is past it already."""
    storage, other = storages
    start = storage.events.last()
    gate = threading.Barrier(len(plans) + 1)
    is_done = threading.Event()

    def write(turn: int) -> None:
        gate.wait(60)
        for step, writing in enumerate(plans[turn]):
            writing(storages[turn % 2], start + turn * 100 + step)

    def follow() -> list[Event]:
        heard: list[Event] = []
        gate.wait(60)
        while True:
            ends = is_done.is_set()
            new = other.events.read(after=heard[-1].sequence or 0 if heard else start)
            heard += new
            if ends and not new:
                return heard

    with ThreadPoolExecutor(len(plans) + 1) as pool:
        follower = pool.submit(follow)
        list(pool.map(write, range(len(plans))))
        is_done.set()
        heard = follower.result(60)
    assert [event.sequence for event in heard] == list(range(start + 1, storage.events.last() + 1))
    assert heard == list(storage.events.read(after=start))


def test_a_job_that_was_accepted_later_has_a_higher_number(
    storages: tuple[Storage, Storage],
) -> None:
    """Also than those that others were accepting at the same time."""

    def add_some(turn: int) -> None:
        for n in range(10):
            before = max((job.number for job in newest(storages[turn % 2])), default=0)
            jobs = add(storages[turn % 2], *(pending() for _ in range(1 + n % 2)))
            assert before < jobs[0].number
            assert [job.number for job in jobs] == list(
                range(jobs[0].number, jobs[0].number + len(jobs))
            )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add_some, range(6)))
    assert storages[0].jobs.list(JobQuery(limit=0)).total == 90


def test_clients_take_turns_however_many_processes_accept_their_jobs(
    storages: tuple[Storage, Storage],
) -> None:
    """No two jobs of one client get the same place."""

    def add_fairly(turn: int) -> list[int]:
        jobs = [
            *storages[turn % 2].jobs.add([pending(client_id="Ann")], fair=True),
            *storages[turn % 2].jobs.add([pending(client_id="Ann")], fair=True),
        ]
        return [job.place for job in jobs]

    with ThreadPoolExecutor(6) as pool:
        places = sorted(place for each in pool.map(add_fairly, range(6)) for place in each)
    assert len(set(places)) == 12


def test_the_counters_agree_with_the_jobs_however_many_change_the_same_ones(
    storages: tuple[Storage, Storage],
) -> None:
    """Of those who end one job at once, one is kept, and it is counted once."""
    kept = add(storages[0], *(pending() for _ in range(12)))
    begun = [job for job in (claim(storages[0]) for _ in kept) if job is not None]
    gate = threading.Barrier(4)

    def end(turn: int) -> int:
        gate.wait(60)
        ended = 0
        for job in begun:
            with contextlib.suppress(StaleJob):
                storages[turn % 2].jobs.replace(*completed(job))
                ended += 1
        return ended

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(end, range(4))) == len(kept)
    assert storages[0].jobs.counts()[JobStatus.COMPLETED] == len(kept)
    assert list(storages[1].examine()) == []


@pytest.mark.parametrize("place", [0, 1])
def test_who_chose_a_job_that_another_process_has_just_taken_chooses_again(
    storages: tuple[Storage, Storage], place: int
) -> None:
    """Whether it stood at the head of the line or behind it."""
    here, there = storages
    jobs = add(here, *(pending() for _ in range(3)))
    taken: list[Job | None] = []

    def choose(line: Line) -> Candidate | None:
        shown = list(line.in_order())
        if not taken:
            taken.append(claim(there, choose=lambda line: list(line.in_order())[place]))
            return shown[place]
        return shown[0]

    claimed = claim(here, choose=choose)
    assert [job.id for job in taken if job] == [jobs[place].id]
    assert claimed is not None
    assert claimed.id == jobs[1 - place].id


@pytest.mark.parametrize("reads_on", [False, True])
def test_the_line_is_shown_as_it_was_in_one_moment(
    storages: tuple[Storage, Storage], reads_on: bool
) -> None:
    """If it has moved before all of it was read, the choice begins anew."""
    here, there = storages
    add(here, *(pending() for _ in range(20)))
    if reads_on:
        claim(here, choose=read_on)  # it expects as much of the next choice
    seen: list[tuple[list[str], int]] = []

    def choose(line: Line) -> Candidate | None:
        first = next(line.in_order())
        if not seen:
            claim(there)
        seen.append(([], 0))
        shown = [candidate.id for candidate in line.in_order()]
        (waiting,) = line.backlogs(0)
        seen[-1] = (shown, waiting.count)
        return first

    job = claim(here, choose=choose)
    assert job is not None
    shown, count = seen[-1]
    assert len(shown) == count
    assert job.id in shown


def read_on(line: Line) -> Candidate | None:
    line.backlogs(0)
    return None


def newest(storage: Storage) -> list[Job]:
    return list(storage.jobs.list(JobQuery(limit=1000)).jobs)
