"""What every store of reports must do."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from stablequeue_core.events import EventKind
from stablequeue_core.generation import Phase, Progress
from stablequeue_core.servers import SILENT_FOR, ServerHealth, ServerReport, ServerStatus
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import LATER, START, laptop, server_event

PLAIN = ServerReport(alias="Laptop", health=ServerHealth(), worker="here:1:a", at=START)
FULL = ServerReport(
    alias="Türm 🗼",
    health=ServerHealth(
        status=ServerStatus.ONLINE,
        loaded_checkpoint="sd/é.safetensors [abc]",
        queue_depth=3,
        last_error="It broke — 狐.",
        checked_at=START,
        unanswered_since=LATER,
    ),
    worker="there:2:b",
    at=LATER,
    job_id="job-1",
    progress=Progress(fraction=0.1 + 0.2, phase=Phase.SAMPLING, step=3, steps=20, eta_seconds=1.5),
    free_bytes=2**40,
)


class ReportStoreContract(StorageCase):
    """The promises of :class:`~stablequeue_core.servers.ReportStore`, as tests."""

    def test_a_report_comes_back_as_it_was(self, storage: Storage) -> None:
        """With and without a job."""
        assert dict(storage.reports.all()) == {}
        storage.reports.put(PLAIN)
        storage.reports.put(FULL)
        assert dict(storage.reports.all()) == {"Laptop": PLAIN, "Türm 🗼": FULL}

    def test_the_newest_report_is_kept(self, storage: Storage) -> None:
        """Of each server."""
        storage.reports.put(FULL)
        newer = evolve(FULL, worker="here:1:a", job_id=None, progress=None)
        storage.reports.put(newer)
        assert dict(storage.reports.all()) == {FULL.alias: newer}

    def test_a_report_rings_no_bell(self, storage: Storage) -> None:
        """Each lane tells one every few seconds."""
        heard = storage.work.rings, storage.changes.rings
        storage.reports.put(PLAIN)
        assert (storage.work.rings, storage.changes.rings) == heard
        assert storage.events.last() == 0

    def test_a_report_that_is_worth_an_event_rings_both(self, storage: Storage) -> None:
        """A server that feels otherwise may give others work, or leave it to them."""
        heard = storage.work.rings, storage.changes.rings
        storage.reports.put(PLAIN, server_event(EventKind.SERVER_HEALTH))
        assert storage.work.rings > heard[0]
        assert storage.changes.rings > heard[1]
        assert storage.events.read()[-1].kind is EventKind.SERVER_HEALTH

    def test_a_renamed_server_keeps_its_report(self, storage: Storage) -> None:
        """By its new name."""
        storage.servers.add(laptop(), server_event())
        storage.reports.put(PLAIN)
        storage.reports.put(evolve(FULL, alias="Tower"))
        storage.servers.replace(laptop(), laptop(alias="Tower"), server_event())
        assert dict(storage.reports.all()) == {"Tower": evolve(PLAIN, alias="Tower")}

    def test_a_removed_server_loses_its_report(self, storage: Storage) -> None:
        """Others keep theirs."""
        storage.servers.add(laptop(), server_event())
        storage.reports.put(PLAIN)
        storage.reports.put(FULL)
        storage.servers.remove("Laptop", server_event())
        assert dict(storage.reports.all()) == {FULL.alias: FULL}

    def test_a_process_says_that_it_lives(self, storage: Storage) -> None:
        """The newest moment counts."""
        assert dict(storage.reports.heard()) == {}
        storage.reports.beat("here:1:a", START)
        storage.reports.beat("there:2:b", START)
        a_moment_later = START + timedelta(seconds=5)
        storage.reports.beat("here:1:a", a_moment_later)
        assert dict(storage.reports.heard()) == {"here:1:a": a_moment_later, "there:2:b": START}

    def test_who_says_so_rings_no_bell(self, storage: Storage) -> None:
        """Each process does so every few seconds."""
        heard = storage.work.rings, storage.changes.rings
        storage.reports.beat("here:1:a", START)
        storage.reports.leave("here:1:a")
        assert (storage.work.rings, storage.changes.rings) == heard
        assert storage.events.last() == 0

    def test_a_process_that_leaves_is_forgotten(self, storage: Storage) -> None:
        """Others are not; nor does it matter whether anything was heard of it."""
        storage.reports.beat("here:1:a", START)
        storage.reports.beat("there:2:b", START)
        for _ in range(2):
            storage.reports.leave("here:1:a")
        assert dict(storage.reports.heard()) == {"there:2:b": START}

    def test_a_process_that_is_silent_for_long_is_forgotten(self, storage: Storage) -> None:
        """It was killed, most likely; the one that speaks stays."""
        storage.reports.beat("here:1:a", START)
        storage.reports.beat("there:2:b", START)
        much_later = START + SILENT_FOR + timedelta(seconds=1)
        storage.reports.beat("there:2:b", much_later)
        assert dict(storage.reports.heard()) == {"there:2:b": much_later}
