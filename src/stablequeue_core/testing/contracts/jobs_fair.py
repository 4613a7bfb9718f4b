"""The promises about clients that take turns."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from stablequeue_core.events import EventKind
from stablequeue_core.jobs import IdempotencyKey, Job, JobStatus, event_of
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import (
    START,
    add,
    cancelled,
    changed,
    claimed,
    deleted,
    in_line,
    pending,
    retried,
)


class FairnessContract(StorageCase):
    """The promises of ``add`` with ``fair``, as tests."""

    def test_without_fairness_the_place_is_the_number(self, storage: Storage) -> None:
        """Whoever the client is."""
        jobs = add(storage, *(pending(client_id=name) for name in ("Ann", "Ann", "Bob", None)))
        assert [job.place for job in jobs] == [job.number for job in jobs]

    def test_clients_take_turns(self, storage: Storage) -> None:
        """Bob's few jobs do not wait for all of Ann's many."""
        _take_turns(storage, "Ann", "Ann", "Ann", "Ann", "Bob", "Bob")
        assert _clients(storage) == ["Ann", "Ann", "Bob", "Ann", "Bob", "Ann"]

    def test_places_are_given_by_the_rule(self, storage: Storage) -> None:
        """One behind the last of the client, and at least one behind the first of all."""
        jobs = _take_turns(storage, "Ann", "Ann", "Bob", "Bob", "Bob", "Eve")
        start = jobs[0].number
        assert [job.place - start for job in jobs] == [0, 1, 1, 2, 3, 1]
        assert jobs == [storage.jobs.get(job.id) for job in jobs]

    def test_who_comes_later_does_not_overtake_whose_turn_it_is(self, storage: Storage) -> None:
        """A new client begins where the line is now, not where it began."""
        _take_turns(storage, *["Ann"] * 5)
        for _ in range(3):
            claimed(storage)
        _take_turns(storage, "Bob", "Bob")
        assert _clients(storage) == ["Ann", "Ann", "Bob", "Bob"]

    def test_jobs_of_nobody_are_those_of_one_client(self, storage: Storage) -> None:
        """They take turns with everybody else."""
        _take_turns(storage, None, None, None, "Ann", "Ann")
        assert _clients(storage) == [None, None, "Ann", None, "Ann"]

    def test_turns_are_taken_within_a_priority(self, storage: Storage) -> None:
        """What is urgent goes first, and nobody else pays for it."""
        jobs = [
            pending(client_id=name, priority=level)
            for name, level in (("Ann", 0), ("Ann", 0), ("Ann", 5), ("Bob", 0), ("Ann", 5))
        ]
        storage.jobs.add(jobs, fair=True)
        shown = [(candidate.client_id, candidate.priority) for candidate in in_line(storage)]
        assert shown == [("Ann", 5), ("Ann", 5), ("Ann", 0), ("Ann", 0), ("Bob", 0)]

    def test_those_that_wait_already_have_their_turns(self, storage: Storage) -> None:
        """Fairness may begin on any day: what was added before keeps its order, and counts."""
        add(storage, *(pending(client_id="Ann") for _ in range(3)))
        _take_turns(storage, "Ann", "Bob")
        assert _clients(storage) == ["Ann", "Ann", "Bob", "Ann", "Ann"]
        add(storage, pending(client_id="Ann"))
        _take_turns(storage, "Ann")
        places = [candidate.place for candidate in in_line(storage)]
        assert places[-2:] == [6, 7]

    def test_a_job_that_waits_again_has_its_turn(self, storage: Storage) -> None:
        """As before, and its client's next one stands behind it."""
        one, *_ = add(storage, *(pending(client_id="Ann") for _ in range(2)))
        again = changed(storage, changed(storage, one, cancelled), retried)
        for job in storage.jobs.open_on("Laptop")[1:]:
            deleted(storage, job)
        (new,) = _take_turns(storage, "Ann")
        assert new.place == again.place + 1

    def test_who_was_moved_to_the_front_counts_for_nobody(self, storage: Storage) -> None:
        """Else everybody after him would be at the front, too."""
        first, second = _take_turns(storage, "Ann", "Ann")
        storage.jobs.move_to_front(second, event_of(EventKind.JOB_MOVED, second))
        (new,) = _take_turns(storage, "Ann")
        assert new.place == first.place + 1
        changed(storage, first, cancelled)
        deleted(storage, new)
        (alone,) = _take_turns(storage, "Ann")
        assert alone.place == alone.number

    def test_with_nobody_waiting_turns_begin_anew(self, storage: Storage) -> None:
        """With the number."""
        _take_turns(storage, "Ann", "Bob", "Bob")
        for _ in range(3):
            claimed(storage)
        (job,) = _take_turns(storage, "Bob")
        assert job.place == job.number

    def test_a_key_leads_to_the_same_fair_jobs(self, storage: Storage) -> None:
        """Their turns are not taken again."""
        key = IdempotencyKey(key="k", digest="d")
        order = [pending(client_id="Ann"), pending(client_id="Ann")]
        kept = storage.jobs.add(order, key, fair=True)
        assert storage.jobs.add([pending(client_id="Ann")], key, fair=True) == kept
        assert storage.jobs.counts()[JobStatus.PENDING] == 2

    def test_turns_are_given_once(self, storage: Storage) -> None:
        """Whoever adds at the same time: one client's jobs stand in different places."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: _take_turns(storage, "Ann"), range(24)))
            list(pool.map(lambda _: add(storage, pending(client_id="Ann")), range(8)))
        places = [candidate.place for candidate in in_line(storage)]
        assert places == sorted(set(places))
        assert storage.events.last() == 32


def _take_turns(storage: Storage, *clients: str | None) -> list[Job]:
    """Add a job of each of them, in this order, in one call."""
    jobs = [pending(client_id=client, created_at=START) for client in clients]
    return list(storage.jobs.add(jobs, fair=True))


def _clients(storage: Storage) -> list[str | None]:
    """Whose jobs are in line, in order."""
    return [candidate.client_id for candidate in in_line(storage)]
