"""Many threads add at once, and one of them writes for all: what may go wrong for one of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stablequeue_core.errors import IdempotencyKeyReused, StorageError, StorageFull
from stablequeue_core.jobs import IdempotencyKey, Job, JobQuery
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.contracts.samples import pending


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    with SqliteStorage(tmp_path / "queue.sqlite3") as opened:
        yield opened


class HeldUp:
    """Keeps the one writer busy inside the block, so that those who add queue up behind it."""

    def __init__(self, storage: SqliteStorage) -> None:
        self._write = storage.database.write()

    def __enter__(self) -> None:
        self._write.__enter__()

    def __exit__(self, *exc_info: object) -> None:
        self._write.__exit__(None, None, None)


def add_all(
    storage: SqliteStorage, calls: Sequence[tuple[Sequence[Job], IdempotencyKey | None]]
) -> list[Sequence[Job] | Exception]:
    """Add from as many threads while the writer is held up; what each was told."""
    started = threading.Barrier(len(calls) + 1)

    def add(call: tuple[Sequence[Job], IdempotencyKey | None]) -> Sequence[Job] | Exception:
        started.wait()
        try:
            return storage.jobs.add(*call)
        except Exception as error:  # noqa: BLE001 (it is what the test looks at)
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        with HeldUp(storage):
            told = [threads.submit(add, call) for call in calls]
            started.wait()
        return [each.result(timeout=10) for each in told]


def test_jobs_that_were_added_together_have_numbers_of_their_own(storage: SqliteStorage) -> None:
    jobs = [pending() for _ in range(100)]
    told = add_all(storage, [([job], None) for job in jobs])

    kept = [each[0] for each in told if not isinstance(each, Exception)]
    assert [job.id for job in kept] == [job.id for job in jobs]
    assert {job.number for job in kept} == set(range(1, 101))
    assert all(storage.jobs.get(job.id) == job for job in kept)


def test_one_that_cannot_be_stored_fails_alone(storage: SqliteStorage) -> None:
    too_large = pending(priority=2**70)
    jobs = [pending(), too_large, pending()]
    told = add_all(storage, [([job], None) for job in jobs])

    assert [isinstance(each, Exception) for each in told] == [False, True, False]
    assert storage.jobs.list(JobQuery()).total == 2


def test_calls_of_every_kind_mix(storage: SqliteStorage) -> None:
    key = IdempotencyKey(key="k", digest="d")
    calls: list[tuple[Sequence[Job], IdempotencyKey | None]] = [
        ([pending()], None),
        ([pending() for _ in range(200)], None),
        ([pending()], key),
        ([], None),
        ([pending()], key),
        ([pending()], IdempotencyKey(key="k", digest="another")),
        ([pending()], None),
    ]
    told = add_all(storage, calls)

    refused = [each for each in told if isinstance(each, Exception)]
    assert all(isinstance(each, IdempotencyKeyReused) for each in refused)
    of_key = [
        each[0].id
        for (_, call_key), each in zip(calls, told, strict=True)
        if call_key is not None and not isinstance(each, Exception)
    ]
    assert len(set(of_key)) == 1
    assert storage.jobs.list(JobQuery()).total == 203


def test_a_full_disk_is_told_to_each_and_the_next_ones_are_kept(storage: SqliteStorage) -> None:
    with storage.database.write() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    with storage.database._one_writer() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages}")
    large = {"positive_prompt": "x" * 200_000}
    told = add_all(storage, [([pending(params=large)], None) for _ in range(8)])
    with storage.database._one_writer() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")

    assert all(isinstance(each, StorageFull) for each in told)
    assert storage.jobs.list(JobQuery()).total == 0
    assert len(storage.jobs.add([pending()])) == 1


def test_an_interrupt_of_the_one_who_writes_leaves_nobody_waiting(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python can raise KeyboardInterrupt anywhere in the main thread."""

    def interrupted(*args: object) -> int:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(storage.database, "write_at_once", interrupted)
    with pytest.raises(KeyboardInterrupt):
        storage.jobs.add([pending()])

    told = add_all(storage, [([pending()], None) for _ in range(4)])
    assert not any(isinstance(each, StorageError) for each in told)
