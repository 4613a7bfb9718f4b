"""A thread that has to wait says so, but does not fill the log."""

from __future__ import annotations

import logging

import pytest

from stablequeue_core.errors import StorageBusy, StorageError, StorageFull
from stablequeue_core.outage import AGAIN_AFTER, Outage
from stablequeue_core.testing.clock import FakeClock

FULL = StorageFull("The disk is full.")
BUSY = StorageBusy("Somebody else writes.")


class Waiting:
    """A thread's outage, and what it has said."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self._caplog = caplog
        self.clock = FakeClock()
        self.outage = Outage(
            logging.getLogger("test"), "It has to wait", "It goes on.", self.clock.monotonic
        )

    def said(self) -> list[str]:
        """What was said since it was last asked."""
        said = [record.getMessage() for record in self._caplog.records]
        self._caplog.clear()
        return said

    def for_a_while(self, error: StorageError) -> None:
        """It tries once a second, until a moment before it would say so again."""
        for _ in range(int(AGAIN_AFTER)):
            self.outage.goes_on(error)
            self.clock.advance(1)


@pytest.fixture
def waiting(caplog: pytest.LogCaptureFixture) -> Waiting:
    return Waiting(caplog)


def test_an_outage_is_told_once_and_its_end_is_told(waiting: Waiting) -> None:
    waiting.for_a_while(FULL)
    assert waiting.said() == ["It has to wait: The disk is full."]
    waiting.outage.is_over()
    assert waiting.said() == ["It goes on."]


def test_a_long_outage_is_told_again_now_and_then(waiting: Waiting) -> None:
    for _ in range(3):
        waiting.for_a_while(FULL)
    assert waiting.said() == ["It has to wait: The disk is full."] * 3


def test_another_reason_is_told_at_once(waiting: Waiting) -> None:
    waiting.outage.goes_on(FULL)
    waiting.outage.goes_on(BUSY)
    waiting.outage.goes_on(BUSY)
    assert waiting.said() == [f"It has to wait: {error.message}" for error in (FULL, BUSY)]


def test_who_does_not_wait_says_nothing(waiting: Waiting) -> None:
    waiting.outage.is_over()
    assert not waiting.said()


def test_the_next_outage_is_told_however_soon_it_comes(waiting: Waiting) -> None:
    for _ in range(2):
        waiting.outage.goes_on(FULL)
        waiting.outage.is_over()
    assert waiting.said() == ["It has to wait: The disk is full.", "It goes on."] * 2
