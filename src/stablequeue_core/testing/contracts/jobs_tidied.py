"""The promises about ended jobs that need not be kept for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from attrs import evolve

from stablequeue_core.errors import JobNotFound
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import IdempotencyKey, Job, JobQuery, JobStatus
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import (
    RESULT,
    START,
    add,
    changed,
    claimed,
    completed,
    deleted,
    pending,
    queue_event,
    retried,
)


class TidyingContract(StorageCase):
    """The promises of ``worn_out`` and ``forget``, as tests."""

    def test_jobs_are_worn_out_that_ended_long_ago(self, storage: Storage) -> None:
        """Those that ended first first; neither open ones nor those that ended just then."""
        third, first, second = _ended(storage, 3, 1, 2)
        add(storage, pending(created_at=START - timedelta(days=99)))
        assert _worn_out(storage, ended_before=_at(2)) == [first]
        assert _worn_out(storage, ended_before=_at(9)) == [first, second, third]
        assert _worn_out(storage, ended_before=_at(0)) == []

    def test_jobs_are_worn_out_that_are_too_many(self, storage: Storage) -> None:
        """The newest stay; open ones do not count."""
        third, first, second = _ended(storage, 3, 1, 2)
        add(storage, *(pending() for _ in range(5)))
        assert _worn_out(storage, keep=3) == []
        assert _worn_out(storage, keep=1) == [first, second]
        assert _worn_out(storage, keep=0) == [first, second, third]

    def test_either_reason_is_enough(self, storage: Storage) -> None:
        """None given is no reason."""
        jobs = _ended(storage, 1, 2, 3, 4)
        assert _worn_out(storage) == []
        assert _worn_out(storage, keep=3, ended_before=_at(3)) == jobs[:2]
        assert _worn_out(storage, keep=1, ended_before=_at(2)) == jobs[:3]

    def test_no_more_are_told_than_were_asked_for(self, storage: Storage) -> None:
        """So that they can be removed in small steps."""
        jobs = _ended(storage, 1, 2, 3, 4)
        assert _worn_out(storage, keep=0, limit=2) == jobs[:2]
        assert _worn_out(storage, ended_before=_at(4), limit=2) == jobs[:2]
        assert _worn_out(storage, keep=0, limit=0) == []

    def test_a_job_that_is_tried_again_is_not_worn_out(self, storage: Storage) -> None:
        """Nor counted among the ended ones."""
        jobs = _ended(storage, 1, 2, 3, failing=True)
        changed(storage, jobs[0], retried)
        assert _worn_out(storage, keep=1) == [jobs[1]]
        deleted(storage, jobs[1])
        assert _worn_out(storage, keep=0) == [jobs[2]]

    def test_parts_are_not_worn_out(self, storage: Storage) -> None:
        """They go with the job that they are parts of."""
        add(storage, pending(part_of="whole"))
        changed(storage, claimed(storage), completed)
        assert _worn_out(storage, keep=0) == []

    def test_forgotten_jobs_are_gone(self, storage: Storage) -> None:
        """From every list and every count; the others stay."""
        jobs = _ended(storage, 1, 2, 3)
        assert storage.jobs.forget(jobs[:2], _tidied()) == 2
        for job in jobs[:2]:
            with pytest.raises(JobNotFound):
                storage.jobs.get(job.id)
        assert storage.jobs.list(JobQuery()).jobs == (jobs[2],)
        assert storage.jobs.counts()[JobStatus.COMPLETED] == 1
        assert _worn_out(storage, keep=0) == [jobs[2]]

    def test_one_event_tells_of_all_that_were_forgotten(self, storage: Storage) -> None:
        """And none of nothing."""
        jobs = _ended(storage, 1, 2)
        written = storage.events.last()
        assert storage.jobs.forget(jobs, _tidied()) == 2
        assert storage.events.last() == written + 1
        assert storage.events.read()[-1].kind is EventKind.QUEUE_TIDIED
        assert storage.jobs.forget(jobs, _tidied()) == 0
        assert storage.jobs.forget([], _tidied()) == 0
        assert storage.events.last() == written + 1

    def test_a_job_that_was_changed_meanwhile_is_not_forgotten(self, storage: Storage) -> None:
        """The user may have tried it again; nor is one that has not ended."""
        stale, old = _ended(storage, 1, 2, failing=True)
        again = changed(storage, stale, retried)
        assert storage.jobs.forget([stale, again, old], _tidied()) == 1
        assert storage.jobs.list(JobQuery()).jobs == (again,)

    def test_keys_are_forgotten_with_the_jobs_they_led_to(self, storage: Storage) -> None:
        """Then the same request is a new one."""
        key = IdempotencyKey(key="order", digest="d")
        (first,) = storage.jobs.add([pending()], key)
        done = changed(storage, claimed(storage), completed)
        assert done.id == first.id
        storage.jobs.forget([done], _tidied())
        (second,) = storage.jobs.add([pending()], key)
        assert second.id != first.id

    def test_numbers_go_on_after_jobs_were_forgotten(self, storage: Storage) -> None:
        """Counts stay right, whichever were forgotten."""
        jobs = _ended(storage, 1, 2, 3)
        add(storage, pending())
        storage.jobs.forget([jobs[0], jobs[2]], _tidied())
        (new,) = add(storage, pending())
        assert new.number > jobs[2].number
        assert storage.jobs.counts()[JobStatus.PENDING] == 2
        assert storage.jobs.counts()[JobStatus.COMPLETED] == 1


def _at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def _ended(storage: Storage, *hours: float, failing: bool = False) -> list[Job]:
    """Jobs that ended so many hours after :data:`START`."""
    jobs = [pending() for _ in hours]
    ended = [
        evolve(
            job,
            status=JobStatus.FAILED if failing else JobStatus.COMPLETED,
            result=None if failing else RESULT,
            ended_at=_at(after),
        )
        for job, after in zip(jobs, hours, strict=True)
    ]
    return list(storage.jobs.add(ended))


def _worn_out(
    storage: Storage,
    *,
    ended_before: datetime | None = None,
    keep: int | None = None,
    limit: int = 100,
) -> list[Job]:
    return list(storage.jobs.worn_out(ended_before=ended_before, keep=keep, limit=limit))


def _tidied() -> Event:
    return queue_event(EventKind.QUEUE_TIDIED)
