"""Scans and hashing go on behind whoever uses the queue, and stop when they are told to."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest
from tests.models.catalog.conftest import Library
from tests.worlds import with_settings

from stablequeue_core import Event
from stablequeue_core.errors import StableQueueError
from stablequeue_core.models import ScanPhase

SLOWLY = with_settings(hash_rate=1.0)
"""A byte a second: nothing is ever hashed to its end unless somebody is in a hurry."""


class Ear:
    """Hears events, and can be waited on."""

    def __init__(self) -> None:
        self._heard: list[Event] = []
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self._heard.append(event)
            self._changed.notify_all()

    def until(self, kind: str, **data: object) -> Event:
        def fitting() -> Event | None:
            for event in self._heard:
                if event.kind.value == kind and data.items() <= event.data.items():
                    return event
            return None

        with self._changed:
            assert self._changed.wait_for(fitting, timeout=10)
            found = fitting()
            assert found
            return found


def test_a_scan_is_told_from_its_start_to_its_end(library: Library) -> None:
    library.checkpoint("a.safetensors")
    ear = Ear()
    with library.queue.subscribe(ear):
        library.queue.models.scan()
        ear.until("models.scan_started")
        assert ear.until("models.scan_finished").data["added"] == 1
        ear.until("models.scan_progress", phase="listing")


def test_a_scan_does_not_wait_for_a_file_that_is_being_hashed(library: Library) -> None:
    library.close()
    library.checkpoint("a.safetensors")
    ear = Ear()
    with library.open(settings=SLOWLY) as queue, queue.subscribe(ear):
        queue.models.scan()
        ear.until("models.scan_progress", phase="hashing")
        library.checkpoint("b.safetensors")
        assert queue.models.scan().added == 1


def test_whoever_is_in_a_hurry_lifts_the_throttle(library: Library) -> None:
    """Also of a file that is half read already: it is read on from there."""
    library.close()
    library.checkpoint("a.safetensors")
    ear = Ear()
    with library.open(settings=SLOWLY) as queue, queue.subscribe(ear):
        queue.models.scan()
        ear.until("models.scan_progress", phase="hashing")
        queue.models.scan(hashes=True)
        assert queue.models.find().models[0].hashes.sha256
        assert queue.models.status().phase is ScanPhase.IDLE


def test_a_queue_closes_while_a_file_is_being_hashed(library: Library) -> None:
    """The next one begins that file anew."""
    library.close()
    library.checkpoint("a.safetensors")
    ear = Ear()
    with library.open(settings=SLOWLY) as queue, queue.subscribe(ear):
        ear.until("models.scan_progress", phase="hashing")
    library.queue.models.scan(hashes=True)
    assert library.models()[0].hashes.sha256


def test_a_file_that_cannot_be_hashed_does_not_hold_up_the_others(library: Library) -> None:
    """It vanished since it was found."""
    library.close()
    gone = library.checkpoint("a.safetensors")
    library.checkpoint("b.safetensors", fill=b"b")
    with library.open(settings=SLOWLY) as queue:
        queue.models.scan()
        gone.unlink()
        queue.models.scan(hashes=True)
        (b,) = queue.models.find().models
        assert b.hashes.sha256


def test_a_scan_can_be_begun_without_waiting_for_it(library: Library) -> None:
    library.checkpoint("a.safetensors")
    ear = Ear()
    with library.queue.subscribe(ear):
        library.queue.models.start_scan()
        assert ear.until("models.scan_finished").data["files"] == 1
    last = library.queue.models.status().last
    assert last is not None
    assert last.files == 1


def test_what_breaks_a_scan_is_told_to_who_waits_and_the_next_one_runs(library: Library) -> None:
    library.checkpoint("a.safetensors")
    library.queue.models.scan()
    with closing(sqlite3.connect(library.data / "queue.sqlite3")) as database:
        database.execute("ALTER TABLE models RENAME TO elsewhere")
        with pytest.raises(StableQueueError):
            library.queue.models.scan()
        assert library.queue.models.status().error
        database.execute("ALTER TABLE elsewhere RENAME TO models")
    assert library.queue.models.scan().files == 1
    assert library.queue.models.status().error is None
