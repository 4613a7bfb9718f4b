"""What other processes tell of the servers, and how long that is believed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from stablequeue_core.events import Event
from stablequeue_core.generation import Phase, Progress
from stablequeue_core.servers import (
    NOBODY,
    HealthBoard,
    ReportBoard,
    ReportStore,
    ServerHealth,
    ServerReport,
    ServerStatus,
)
from stablequeue_core.servers.report_board import ALIVE_FOR
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock

ONLINE = ServerHealth(status=ServerStatus.ONLINE)
HALF = Progress(fraction=0.5, phase=Phase.SAMPLING)


class CountedReports(ReportStore):
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def put(self, report: ServerReport, event: Event | None = None) -> None:
        """Nobody tells anything."""

    def all(self) -> Mapping[str, ServerReport]:
        self.reads += 1
        return {}

    def beat(self, worker: str, at: datetime) -> None:
        """Nobody is alive."""

    def heard(self) -> Mapping[str, datetime]:
        return {}

    def leave(self, worker: str) -> None:
        """Nobody was here."""


def board(clock: FakeClock, *reports: ServerReport, beat_at: datetime | None = None) -> ReportBoard:
    """After somebody has told this, and one of them that it was alive then."""
    store = MemoryStorage(clock=clock).reports
    for report in reports:
        store.put(report)
    if beat_at is not None:
        store.beat(reports[0].worker, beat_at)
    return ReportBoard(store, clock)


def told(clock: FakeClock, **more: object) -> ServerReport:
    """A server is well, somebody says now."""
    given = {"alias": "Laptop", "health": ONLINE, "worker": "host:1:a", "at": clock.now()}
    return ServerReport(**{**given, **more})  # type: ignore[arg-type]


def test_a_server_that_nobody_has_told_of_is_unknown() -> None:
    assert board(FakeClock()).health_of("Laptop").status is ServerStatus.UNKNOWN


def test_what_is_told_is_believed_as_long_as_its_process_lives() -> None:
    clock = FakeClock()
    report = told(clock)
    clock.advance(3600)
    reports = board(clock, report, beat_at=clock.now())
    clock.advance(ALIVE_FOR.total_seconds())
    assert reports.health_of("Laptop").status is ServerStatus.ONLINE
    assert reports.alive() == {"host:1:a"}

    clock.advance(1)
    assert reports.health_of("Laptop").status is ServerStatus.UNKNOWN
    assert not reports.alive()


def test_a_process_that_has_just_told_of_a_server_is_alive() -> None:
    clock = FakeClock()
    reports = board(clock, told(clock))
    assert reports.health_of("Laptop").status is ServerStatus.ONLINE
    assert reports.alive() == {"host:1:a"}


def test_a_process_is_alive_though_it_holds_no_server() -> None:
    clock = FakeClock()
    reports = board(clock, told(clock, worker=NOBODY))
    assert not reports.alive()
    reports = board(clock, told(clock, worker="host:2:b"), beat_at=clock.now())
    assert reports.alive() == {"host:2:b"}


def test_who_lives_is_believed_though_the_clock_was_set_back() -> None:
    clock = FakeClock()
    report = told(clock, at=clock.now() + timedelta(hours=5))
    reports = board(clock, report, beat_at=clock.now())
    assert reports.health_of("Laptop").status is ServerStatus.ONLINE


def test_what_was_told_before_the_clock_was_set_back_is_not_believed_for_hours() -> None:
    clock = FakeClock()
    reports = board(clock, told(clock, at=clock.now() + timedelta(hours=5)))

    assert reports.health_of("Laptop").status is ServerStatus.UNKNOWN


def test_how_far_a_job_is_is_known_by_its_id() -> None:
    clock = FakeClock()
    reports = board(clock, told(clock, job_id="the job", progress=HALF))

    assert reports.progress_of("the job") == HALF
    assert reports.progress_of("another") is None


def test_who_asks_for_many_servers_one_by_one_reads_them_once() -> None:
    store = CountedReports()
    reports = ReportBoard(store, FakeClock())
    for number in range(50):
        reports.health_of(f"Forge-{number}")

    assert store.reads <= 2


def test_what_this_process_has_seen_itself_counts_more_than_what_others_tell() -> None:
    clock = FakeClock()
    health = HealthBoard(board(clock, told(clock)).health_of)
    assert health.of("Laptop") == ONLINE

    health.put("Laptop", ServerHealth(status=ServerStatus.OFFLINE))
    assert health.of("Laptop").status is ServerStatus.OFFLINE

    health.forget("Laptop")
    assert health.of("Laptop") == ONLINE
