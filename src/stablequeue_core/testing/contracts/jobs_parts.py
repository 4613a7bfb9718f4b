"""The promises about jobs that are made in parts, and about the parts."""

from __future__ import annotations

from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import IdempotencyKey, Job, JobQuery, JobStatus, event_of
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import (
    LATER,
    add,
    cancelled,
    changed,
    claimed,
    completed,
    deleted,
    failed,
    in_line,
    pending,
    queue_event,
    retried,
)

KEY = IdempotencyKey(key="order", digest="d")


class PartsContract(StorageCase):
    """The promises of ``parts_of`` and ``in_parts``, and what lists leave out, as tests."""

    def test_parts_are_told_by_number(self, storage: Storage) -> None:
        """Wherever they stand; of no other job."""
        whole, *parts = _in_parts(storage)
        _in_parts(storage, "other")
        done = changed(storage, claimed(storage), completed)
        assert storage.jobs.parts_of(whole.id) == [done, *parts[1:]]
        assert storage.jobs.parts_of(parts[0].id) == []
        assert storage.jobs.parts_of("nobody") == []

    def test_parts_are_claimed_and_the_whole_is_not(self, storage: Storage) -> None:
        """They stand in line like any other job."""
        whole, *parts = _in_parts(storage)
        assert [candidate.id for candidate in in_line(storage)] == [part.id for part in parts]
        running = claimed(storage)
        assert storage.jobs.processing() == [running]
        assert storage.jobs.get(running.id) == running
        assert storage.jobs.open_on("auto") == [whole, running, parts[1]]

    def test_parts_are_neither_listed_nor_counted(self, storage: Storage) -> None:
        """Before, while and after they run, and when they are gone."""
        whole, *parts = _in_parts(storage)
        (other,) = add(storage, pending(9))
        for change in (completed, failed):
            part = claimed(storage)
            _check_lists(storage, [whole, other])
            changed(storage, part, change)
            _check_lists(storage, [whole, other])
        changed(storage, storage.jobs.get(part.id), retried)
        _check_lists(storage, [whole, other])
        for part in (parts[1], parts[0]):
            deleted(storage, storage.jobs.get(part.id))
            _check_lists(storage, [whole, other])

    def test_numbers_of_parts_do_not_confuse_the_counts(self, storage: Storage) -> None:
        """Also when the newest of all jobs is a part, and goes."""
        (first,) = add(storage, pending())
        whole, *parts = _in_parts(storage)
        for part in reversed(parts):
            deleted(storage, part)
            _check_lists(storage, [first, whole])
        deleted(storage, first)
        _check_lists(storage, [whole])
        (new,) = add(storage, pending(9))
        _check_lists(storage, [whole, new])

    def test_open_wholes_are_told_oldest_first(self, storage: Storage) -> None:
        """While they wait and while they run; not once they have ended."""
        assert storage.jobs.in_parts() == []
        add(storage, pending())
        (one, *_), (two, *_) = _in_parts(storage), _in_parts(storage, "two")
        assert storage.jobs.in_parts() == [one, two]
        one = changed(storage, one, _begun)
        assert storage.jobs.in_parts() == [one, two]
        changed(storage, two, cancelled)
        assert storage.jobs.in_parts() == [one]

    def test_a_whole_has_a_position_but_stands_in_nobodys_way(self, storage: Storage) -> None:
        """Its parts do."""
        (before,) = add(storage, pending(target="auto"))
        whole, *parts = _in_parts(storage)
        (after,) = add(storage, pending(target="auto"))
        assert storage.jobs.position(before, now=LATER) == 0
        assert storage.jobs.position(whole, now=LATER) == 1
        assert [storage.jobs.position(part, now=LATER) for part in parts] == [1, 2]
        assert storage.jobs.position(after, now=LATER) == 3

    def test_a_part_that_has_ended_wakes_whoever_joins(self, storage: Storage) -> None:
        """Else the whole would wait for the next glance."""
        _in_parts(storage)
        running = claimed(storage)
        heard = storage.work.rings
        changed(storage, running, completed)
        assert storage.work.rings > heard

    def test_a_whole_that_is_forgotten_takes_its_parts_along(self, storage: Storage) -> None:
        """And the key that led to them."""
        whole, *_ = _in_parts(storage)
        (other,) = add(storage, pending(9))
        done = changed(storage, whole, cancelled)
        assert storage.jobs.forget([done], queue_event(EventKind.QUEUE_TIDIED)) == 1
        assert storage.jobs.parts_of(whole.id) == []
        assert [candidate.id for candidate in in_line(storage)] == [other.id]
        _check_lists(storage, [other])
        new = pending(id="new")
        assert [job.id for job in storage.jobs.add([new], KEY)] == ["new"]


def _in_parts(storage: Storage, name: str = "whole") -> list[Job]:
    """A job that is made in two parts, and these; accepted together."""
    names = (f"{name}-1", f"{name}-2")
    whole = pending(id=name, target="auto", parts=names)
    parts = [pending(id=each, target="auto", part_of=name) for each in names]
    return list(storage.jobs.add([whole, *parts], KEY if name == "whole" else None))


def _begun(whole: Job) -> tuple[Job, Event]:
    begun = whole.begin_in_parts(now=whole.updated_at)
    return begun, event_of(EventKind.JOB_STARTED, begun)


def _check_lists(storage: Storage, expected: list[Job]) -> None:
    """All that lists and counts tell is about these, which are pending."""
    page = storage.jobs.list(JobQuery(newest_first=False))
    assert sorted(job.id for job in page.jobs) == sorted(job.id for job in expected)
    assert page.total == len(expected)
    counts = storage.jobs.counts()
    assert counts == {**dict.fromkeys(JobStatus, 0), JobStatus.PENDING: len(expected)}
    for status in JobStatus:
        of_status = storage.jobs.list(JobQuery(status=status))
        assert of_status.total == counts[status] == len(of_status.jobs)
