"""When a process that holds servers counts as silent, and what is said of it."""

from __future__ import annotations

import os
import platform
from datetime import timedelta

from stablequeue_core.servers import NOBODY, ReportBoard, ServerHealth, ServerReport, ServerStatus
from stablequeue_core.servers.silence import Silence
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock

ONLINE = ServerHealth(status=ServerStatus.ONLINE)


class Studio:
    """One server, and what processes have told of it."""

    def __init__(self, worker: str = "studio:42:aa") -> None:
        self.clock = FakeClock()
        self.store = MemoryStorage(clock=self.clock).reports
        self.report = ServerReport(
            alias="Laptop", health=ONLINE, worker=worker, at=self.clock.now()
        )
        self.store.put(self.report)

    @property
    def board(self) -> ReportBoard:
        """Read anew."""
        board = ReportBoard(self.store, self.clock)
        board.all()
        return board

    def silence(self) -> Silence | None:
        """Of the process that told of the server."""
        return self.board.silence(self.report)


def test_a_process_that_says_that_it_lives_is_not_silent_though_nothing_happens() -> None:
    studio = Studio()
    studio.clock.advance(3600)
    studio.store.beat("studio:42:aa", studio.clock.now())
    assert studio.silence() is None


def test_a_process_that_has_said_nothing_is_silent_after_a_while() -> None:
    studio = Studio()
    studio.clock.advance(15)
    assert studio.silence() is None
    studio.clock.advance(15)
    assert studio.silence() == Silence(worker="studio:42:aa", seconds=30, others_live=False)
    patient = studio.board.silence(studio.report, timedelta(minutes=1))
    assert patient is None


def test_only_while_another_process_lives_it_surely_keeps_its_servers() -> None:
    studio = Studio()
    studio.clock.advance(30)
    studio.store.beat("attic:7:bb", studio.clock.now())
    silence = studio.silence()
    assert silence is not None
    assert silence.others_live
    assert "it seems to be stopped" in silence.sentence
    assert "kill -9 42" in silence.advice


def test_a_process_that_has_let_go_of_the_server_owes_nobody_anything() -> None:
    studio = Studio(NOBODY)
    studio.clock.advance(3600)
    assert studio.silence() is None
    assert studio.board.health_of("Laptop").last_error is None


def test_whoever_asks_is_not_stopped() -> None:
    """It may have been a moment ago, like the whole computer."""
    studio = Studio(f"{platform.node()}:{os.getpid()}:aa")
    studio.clock.advance(3600)
    assert studio.silence() is None


def test_a_process_of_which_only_a_name_is_known_is_told_by_that() -> None:
    silence = Silence(worker="somebody", seconds=30, others_live=True)
    assert silence.sentence.startswith("Process 'somebody' has told nothing for 30 s")
    assert silence.advice.startswith("Continue it, or end it: ")
