"""A whole queue is copied from one storage to another, or nothing is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve
from tests.storage.copied_queues import fill, is_empty

from stablequeue_core.errors import StorageBusy, StorageError, StorageMoved, StorageNotEmpty
from stablequeue_core.jobs import IdempotencyKey, Job, JobQuery
from stablequeue_core.models import ModelQuery
from stablequeue_core.storage import Chunk, ChunkKind, Storage
from stablequeue_core.storage.copying import copy, move
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.contracts.samples import ROOT, add, pending

PAIRS = [
    ("memory", "sqlite"),
    ("sqlite", "memory"),
    ("sqlite", "sqlite"),
    ("sqlite", "postgres"),
    ("postgres", "sqlite"),
]
"""From where to where."""

Make = Callable[[str, Path], Storage]
Pair = tuple[Storage, Storage]


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a storage of a kind, for a folder."""

    def made(kind: str, folder: Path) -> Storage:
        if kind == "memory":
            return MemoryStorage()
        if kind == "sqlite":
            return SqliteStorage(folder / "queue.sqlite3")
        schemas = request.getfixturevalue("schemas")
        return PostgresStorage(schemas.url, schema=schemas.of(folder))

    return made


@pytest.fixture(params=PAIRS, ids=" to ".join)
def pair(request: pytest.FixtureRequest, make: Make, tmp_path: Path) -> Iterator[Pair]:
    """A queue, and where it is to be copied."""
    kind, other_kind = request.param
    with (
        closing(make(kind, tmp_path / "source")) as source,
        closing(make(other_kind, tmp_path / "target")) as target,
    ):
        fill(source)
        yield source, target


@pytest.fixture
def source(pair: Pair) -> Storage:
    return pair[0]


@pytest.fixture
def target(pair: Pair) -> Storage:
    return pair[1]


def everything(storage: Storage) -> list[object]:
    return [value for chunk in storage.dump() for value in chunk.values]


def test_everything_arrives(source: Storage, target: Storage) -> None:
    copied = copy(source, target)
    assert copied.counts.keys() == set(ChunkKind)
    assert everything(target) == everything(source)


def test_the_copy_can_be_used_like_the_first(source: Storage, target: Storage) -> None:
    copy(source, target)
    assert target.jobs.list(JobQuery()) == source.jobs.list(JobQuery())
    assert target.jobs.counts() == source.jobs.counts()
    assert target.jobs.paused()
    assert target.servers.get("Laptop").password == "geheim"
    assert target.models.list(ModelQuery()) == source.models.list(ModelQuery())
    assert target.models.fingerprints(ROOT) == source.models.fingerprints(ROOT)
    key = IdempotencyKey(key="order-4711", digest="d")
    again = [pending(100, client_id="räv"), pending(101, held=True)]
    assert target.jobs.add(again, key) == source.jobs.add(again, key)
    numbers = [add(storage, pending())[0].number for storage in (source, target)]
    assert numbers[0] == numbers[1]
    assert target.events.last() == source.events.last()


def test_there_and_back_gives_the_same(source: Storage, target: Storage, tmp_path: Path) -> None:
    there = copy(source, target)
    with SqliteStorage(tmp_path / "third" / "queue.sqlite3") as third:
        back = copy(target, third)
    assert back == there


def test_the_source_stays_as_it_is(source: Storage, target: Storage) -> None:
    before = everything(source)
    copy(source, target)
    assert everything(source) == before


def test_an_empty_queue_can_be_copied(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "queue.sqlite3") as target:
        copied = copy(MemoryStorage(), target)
        assert copied.counts == {ChunkKind.QUEUE: 1}


def test_a_target_that_remembers_something_is_left_alone(source: Storage, target: Storage) -> None:
    (job,) = add(target, pending())
    with pytest.raises(StorageNotEmpty):
        copy(source, target)
    assert [each.id for each in target.jobs.list(JobQuery()).jobs] == [job.id]


@pytest.mark.parametrize("what", ["a lane", "the downloads", "tidying"])
def test_nothing_is_copied_while_another_process_works_on_it(
    source: Storage, target: Storage, what: str
) -> None:
    lock = {
        "a lane": source.lane_lock(source.servers.get("狐").lane),
        "the downloads": source.fetching_lock(),
        "tidying": source.tidying_lock(),
    }[what]
    assert lock.try_acquire()
    with pytest.raises(StorageBusy, match="Stop every process"):
        copy(source, target)
    assert is_empty(target)
    lock.release()
    copy(source, target)


def test_afterwards_others_can_work_on_the_source_again(source: Storage, target: Storage) -> None:
    copy(source, target)
    assert source.lane_lock(source.servers.get("狐").lane).try_acquire()
    assert source.fetching_lock().try_acquire()


class Interrupted(BaseException):
    """Ctrl-C."""


@pytest.mark.parametrize("kind", [ChunkKind.QUEUE, ChunkKind.JOBS, ChunkKind.EVENTS])
def test_a_copy_that_breaks_off_leaves_the_target_empty(
    source: Storage, target: Storage, kind: ChunkKind
) -> None:
    def told(seen: ChunkKind, count: int) -> None:
        if seen is kind:
            raise Interrupted

    with pytest.raises(Interrupted):
        copy(source, target, told=told)
    assert is_empty(target)
    copy(source, target)


def test_what_others_add_while_a_queue_is_copied_comes_afterwards_or_not_at_all(
    source: Storage, target: Storage
) -> None:
    """A web process holds no lane: it may want to accept a job at any moment."""
    before = {job.id for job in source.jobs.open_on("Laptop")}
    late: list[Future[list[Job]]] = []

    def told(kind: ChunkKind, count: int) -> None:
        if not late:
            late.append(others.submit(add, source, pending()))

    with ThreadPoolExecutor(1) as others:
        copy(source, target, told=told)
    assert {job.id for job in target.jobs.open_on("Laptop")} == before
    assert {job.id for job in source.jobs.open_on("Laptop")} == before | added_by(late)


def added_by(calls: Sequence[Future[list[Job]]]) -> set[str]:
    """The ids of the jobs that were accepted."""
    return {job.id for call in calls if call.exception() is None for job in call.result()}


def test_a_queue_that_was_moved_is_left_for_good(source: Storage, target: Storage) -> None:
    moved = move(source, target)
    with pytest.raises(StorageMoved) as caught:
        add(source, pending())
    assert caught.value.to == target.location()
    assert everything(source) == everything(target)
    assert sum(moved.counts.values()) == len(everything(target))
    add(target, pending())
    with pytest.raises(StorageMoved):
        move(source, MemoryStorage())


def test_a_queue_that_was_moved_goes_on_here_if_that_is_wanted(
    source: Storage, target: Storage
) -> None:
    move(source, target)
    went = source.reopen()
    assert went is not None
    assert went.to == target.location()
    add(source, pending())


def test_a_move_that_breaks_off_leaves_the_source_as_it_was(
    source: Storage, target: Storage
) -> None:
    def told(kind: ChunkKind, count: int) -> None:
        if kind is ChunkKind.EVENTS:
            raise Interrupted

    with pytest.raises(Interrupted):
        move(source, target, told=told)
    assert source.moved() is None
    assert is_empty(target)
    add(source, pending())
    move(source, target)


class UnnamedStorage(MemoryStorage):
    """Breaks down when everything has been copied to it."""

    def location(self) -> str:
        raise StorageBusy("It is away.")


def test_a_queue_that_is_there_twice_because_it_could_not_be_left_says_so() -> None:
    source = MemoryStorage()
    fill(source)
    with pytest.raises(StorageError, match=r"still takes jobs.* It is away\."):
        move(source, UnnamedStorage())
    assert source.moved() is None
    add(source, pending())


class ForgetfulStorage(MemoryStorage):
    """Loses a server of every queue that it is given."""

    def dump(self) -> Iterator[Chunk]:
        for chunk in super().dump():
            values = chunk.values[1:] if chunk.kind is ChunkKind.SERVERS else chunk.values
            yield Chunk(chunk.kind, values)


class AlteringStorage(MemoryStorage):
    """Gives back another password than it was given."""

    def dump(self) -> Iterator[Chunk]:
        for chunk in super().dump():
            values = chunk.values
            if chunk.kind is ChunkKind.SERVERS:
                values = [evolve(value, password="other") for value in values]
            yield Chunk(chunk.kind, values)


@pytest.mark.parametrize("kind", [ForgetfulStorage, AlteringStorage])
def test_what_arrives_otherwise_than_it_was_sent_is_told(kind: type[MemoryStorage]) -> None:
    source = MemoryStorage()
    fill(source)
    with pytest.raises(StorageError, match="is not what was sent"):
        copy(source, kind())


def test_it_is_told_how_far_it_is(source: Storage, target: Storage) -> None:
    told: list[tuple[ChunkKind, int]] = []
    copied = copy(source, target, told=lambda kind, count: told.append((kind, count)))
    assert dict(told) == copied.counts


VICTIM = """
import os, sys
from stablequeue_core.storage.copying import move
from stablequeue_core.storage.sqlite import SqliteStorage
def told(kind, count):
    if kind == sys.argv[3]:
        os._exit(9)
move(SqliteStorage(sys.argv[1]), SqliteStorage(sys.argv[2]), told=told)
"""


@pytest.mark.parametrize("kind", [ChunkKind.SERVERS, ChunkKind.EVENTS])
def test_a_process_that_is_killed_while_it_moves_a_queue_has_changed_nothing(
    tmp_path: Path, kind: ChunkKind
) -> None:
    old, new = tmp_path / "old.sqlite3", tmp_path / "new.sqlite3"
    with SqliteStorage(old) as source:
        fill(source, jobs=1200)
    command = [sys.executable, "-c", VICTIM, str(old), str(new), kind.value]
    assert subprocess.run(command, timeout=60, check=False).returncode == 9
    with SqliteStorage(old) as source, SqliteStorage(new) as target:
        assert is_empty(target)
        assert source.moved() is None
        move(source, target)
