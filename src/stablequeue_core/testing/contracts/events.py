"""What every log of events must do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from attrs import evolve

from stablequeue_core.errors import Conflict, NotFound
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import event_of
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.download_samples import added, altered, dropped, queued
from stablequeue_core.testing.contracts.samples import (
    START,
    add,
    cancelled,
    changed,
    claimed,
    completed,
    deleted,
    laptop,
    pending,
    queue_event,
    server_event,
)
from stablequeue_core.testing.race import begin

Refused = Callable[[Storage], object]

REFUSED: dict[str, Refused] = {
    "a stale change": lambda storage: changed(storage, pending(id="a", revision=99), cancelled),
    "a stale deletion": lambda storage: deleted(storage, pending(id="a", revision=99)),
    "an unknown job": lambda storage: changed(storage, pending(), cancelled),
    "a server twice": lambda storage: storage.servers.add(laptop(), server_event()),
    "a stale download": lambda storage: altered(storage, queued(id="d", revision=99), dropped),
    "an unknown server": lambda storage: storage.servers.remove("Attic", server_event()),
}


class EventLogContract(StorageCase):
    """The promises of :class:`~stablequeue_core.events.EventLog`, as tests."""

    def test_an_empty_log_ends_at_zero(self, storage: Storage) -> None:
        """The number to start from."""
        assert storage.events.last() == 0
        assert list(storage.events.read()) == []

    def test_an_event_comes_back_as_it_was(self, storage: Storage) -> None:
        """With its number; with and without a job and a server."""
        told = [
            Event(
                kind=EventKind.SERVER_ADDED,
                at=START,
                job_id="a",
                server="Türm",
                data={"reason": "狐", "nested": [1, 2.0, {"x": None}], "big": 2**70},
            ),
            Event(kind=EventKind.QUEUE_PAUSED, at=START),
        ]
        storage.servers.add(laptop(), told[0])
        storage.jobs.set_paused(True, told[1])
        heard = list(storage.events.read())
        assert [evolve(event, sequence=None) for event in heard] == told
        assert [event.sequence for event in heard] == [1, 2]

    def test_a_new_job_is_told_of_by_the_store_itself(self, storage: Storage) -> None:
        """As any change of a job is; one that was copied from elsewhere has its past already."""
        (new,) = add(storage, pending(target="Türm"))
        storage.jobs.add([completed(begin(pending(), server="x", worker="w")[0])[0]])
        (heard,) = storage.events.read()
        assert evolve(heard, sequence=None) == event_of(EventKind.JOB_SUBMITTED, new)

    def test_every_change_is_told_in_order(self, storage: Storage) -> None:
        """Jobs, servers and the queue in one log."""
        storage.servers.add(laptop(), server_event())
        add(storage, pending(), pending())
        done = changed(storage, claimed(storage), completed)
        deleted(storage, done)
        storage.jobs.set_paused(True, queue_event())
        assert [event.kind for event in storage.events.read()] == [
            EventKind.SERVER_ADDED,
            EventKind.JOB_SUBMITTED,
            EventKind.JOB_SUBMITTED,
            EventKind.JOB_STARTED,
            EventKind.JOB_COMPLETED,
            EventKind.JOB_DELETED,
            EventKind.QUEUE_PAUSED,
        ]

    def test_the_log_can_be_read_from_any_number(self, storage: Storage) -> None:
        """In pieces of any length, none left out and none told twice."""
        add(storage, *(pending() for _ in range(25)))
        everything = list(storage.events.read())
        pieces: list[Event] = []
        while piece := storage.events.read(after=len(pieces), limit=7):
            assert len(piece) <= 7
            pieces += piece
        assert pieces == everything
        assert storage.events.last() == 25 == everything[-1].sequence
        assert list(storage.events.read(after=25)) == []

    def test_numbers_grow_whoever_writes(self, storage: Storage) -> None:
        """Without a gap, so that a reader knows that it has heard all."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: add(storage, pending()), range(40)))
        assert [event.sequence for event in storage.events.read()] == list(range(1, 41))

    @pytest.mark.parametrize("what", REFUSED)
    def test_what_was_refused_is_not_told(self, storage: Storage, what: str) -> None:
        """A change and its event are kept together or not at all."""
        storage.servers.add(laptop(), server_event())
        add(storage, pending(id="a"))
        added(storage, queued(id="d"))
        written = storage.events.last()
        with pytest.raises((Conflict, NotFound)):
            REFUSED[what](storage)
        assert storage.events.last() == written

    def test_old_events_are_forgotten_oldest_first(self, storage: Storage) -> None:
        """Those that are older than a time, and no more than were asked for."""
        for hours in range(5):
            moment = START + timedelta(hours=hours)
            storage.jobs.set_paused(True, evolve(queue_event(), at=moment))
        before = START + timedelta(hours=3)
        assert storage.events.trim(START, 10) == 0
        assert storage.events.trim(before, 2) == 2
        assert [event.sequence for event in storage.events.read()] == [3, 4, 5]
        assert storage.events.trim(before, 10) == 1
        assert storage.events.trim(before, 10) == 0
        assert [event.sequence for event in storage.events.read()] == [4, 5]

    def test_the_newest_event_stays(self, storage: Storage) -> None:
        """So that numbers are never given out again."""
        add(storage, pending(), pending(), pending())
        assert storage.events.trim(START + timedelta(days=9), 10) == 2
        assert storage.events.trim(START + timedelta(days=9), 10) == 0
        assert [event.sequence for event in storage.events.read()] == [3]
        add(storage, pending())
        assert storage.events.last() == 4

    def test_who_reads_on_misses_nothing_that_is_kept(self, storage: Storage) -> None:
        """Whoever was away for too long goes on with the oldest that is left."""
        add(storage, *(pending() for _ in range(5)))
        storage.events.trim(START + timedelta(days=9), 2)
        for after in (0, 1, 2):
            assert [event.sequence for event in storage.events.read(after, 2)] == [3, 4]
        assert [event.sequence for event in storage.events.read(4)] == [5]
