"""What a lane tells the other processes of its server: enough, and not too much."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest
from attrs import evolve

from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.errors import StorageBusy
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import Phase, Progress
from stablequeue_core.servers import (
    HealthBoard,
    ReportBoard,
    ReportStore,
    ServerHealth,
    ServerReport,
    ServerStatus,
)
from stablequeue_core.testing.clock import FakeClock

ONLINE = ServerHealth(status=ServerStatus.ONLINE)
OFFLINE = ServerHealth(status=ServerStatus.OFFLINE, last_error="It is gone.")


class Notebook(ReportStore):
    """Keeps everything that was ever told; fails when it is told to."""

    def __init__(self) -> None:
        self.reports: list[ServerReport] = []
        self.events: list[Event] = []
        self.is_busy = False

    def put(self, report: ServerReport, event: Event | None = None) -> None:
        if self.is_busy:
            raise StorageBusy("Somebody else writes.")
        self.reports.append(report)
        if event is not None:
            self.events.append(event)

    def all(self) -> Mapping[str, ServerReport]:
        return {report.alias: report for report in self.reports}

    def beat(self, worker: str, at: datetime) -> None:
        """Lanes do not say that they live; their process does."""

    def heard(self) -> Mapping[str, datetime]:
        return {}

    def leave(self, worker: str) -> None:
        """As above."""


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


def reporter(notebook: Notebook, health: HealthBoard | None = None) -> Reporter:
    """Of a process that has just got the lane."""
    clock = FakeClock()
    made = Reporter(
        "Laptop",
        notebook,
        ReportBoard(notebook, clock),
        health or HealthBoard(),
        worker="host:1:a",
        clock=clock,
    )
    made.begin()
    return made


def at(fraction: float) -> Progress:
    return Progress(fraction=fraction, phase=Phase.SAMPLING)


def test_only_a_change_of_status_is_worth_an_event(notebook: Notebook) -> None:
    lane = reporter(notebook)
    for health in (OFFLINE, OFFLINE, ONLINE, ONLINE, OFFLINE):
        lane.feels(health)

    assert [e.data["status"] for e in notebook.events] == ["offline", "online", "offline"]
    assert notebook.events[0].kind is EventKind.SERVER_HEALTH
    assert notebook.events[0].data["last_error"] == "It is gone."
    assert len(notebook.reports) == 5


def test_whoever_takes_the_lane_over_does_not_tell_old_news(notebook: Notebook) -> None:
    reporter(notebook).feels(ONLINE)
    reporter(notebook).feels(ONLINE)

    assert len(notebook.events) == 1


def test_whoever_takes_the_lane_over_says_so_before_the_server_has_answered(
    notebook: Notebook,
) -> None:
    """Else the process before it, which is gone, would be taken for one that is stopped."""
    gone = ServerReport(
        alias="Laptop", health=ONLINE, worker="host:0:z", at=FakeClock().now(), job_id="its job"
    )
    notebook.put(gone)
    reporter(notebook)
    assert notebook.reports == [gone, evolve(gone, worker="host:1:a", job_id=None)]


def test_a_status_that_could_not_be_told_is_told_with_the_next_report(notebook: Notebook) -> None:
    lane = reporter(notebook)
    notebook.is_busy = True
    lane.feels(ONLINE)
    notebook.is_busy = False
    lane.feels(ONLINE)

    assert len(notebook.events) == 1


def test_a_job_is_told_of_when_it_begins_and_its_progress_only_now_and_then(
    notebook: Notebook,
) -> None:
    lane = reporter(notebook)
    for hundredths in range(50):
        lane.works("the job", at(hundredths / 100))
    assert [report.job_id for report in notebook.reports] == ["the job"]

    lane.rests()
    lane.rests()
    assert [report.job_id for report in notebook.reports] == ["the job", None]


def test_a_job_that_is_over_is_told_of_no_more_though_short_ones_follow_it(
    notebook: Notebook,
) -> None:
    lane = reporter(notebook)
    lane.works("the job", at(0.5))
    lane.ends()
    lane.feels(ONLINE)

    assert (notebook.reports[-1].job_id, notebook.reports[-1].progress) == (None, None)


def test_that_a_server_does_not_answer_is_told_with_its_job_until_it_is_heard(
    notebook: Notebook,
) -> None:
    lane = reporter(notebook)
    lane.feels(evolve(ONLINE, last_error="It is short of memory."))
    lane.works("the job", at(0.5))
    since = FakeClock().now()
    for _ in range(3):
        lane.misses(since, "It is silent.")
    silent = notebook.reports[-1]
    lane.heard()

    assert (silent.job_id, silent.progress) == ("the job", at(0.5))
    assert (silent.health.last_error, silent.health.unanswered_since) == ("It is silent.", since)
    assert notebook.reports[-1].health.last_error == "It is short of memory."
    assert [e.data["status"] for e in notebook.events] == ["online", "unknown", "online"]


def test_what_is_heard_all_the_time_is_written_down_only_now_and_then(notebook: Notebook) -> None:
    health = HealthBoard()
    lane = reporter(notebook, health)
    lane.feels(ONLINE)
    for _ in range(50):
        lane.heard()

    assert len(notebook.reports) == 1
    assert health.of("Laptop").checked_at == FakeClock().now()


def test_who_does_not_hold_the_lane_tells_nothing(notebook: Notebook) -> None:
    health = HealthBoard()
    lane = reporter(notebook, health)
    lane.feels(ONLINE)
    lane.end()
    lane.feels(OFFLINE)
    lane.works("the job", None)

    assert len(notebook.reports) == 1
    assert health.of("Laptop").status is ServerStatus.UNKNOWN, "what others tell counts now"


def test_who_lets_go_of_the_lane_says_so_and_waits_for_nobody(notebook: Notebook) -> None:
    board = ReportBoard(notebook, FakeClock())
    lane = reporter(notebook)
    lane.feels(ONLINE)
    lane.works("the job", None)
    assert board.is_good(notebook.reports[-1])
    lane.leave()

    last = notebook.reports[-1]
    assert not board.is_good(last)
    assert (last.job_id, last.health.status) == (None, ServerStatus.ONLINE)
    assert len(notebook.events) == 1, "the server feels as before"
