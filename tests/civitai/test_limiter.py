"""How fast Civitai is asked."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from stablequeue_core.civitai.client.limiter import Limiter, Turn
from stablequeue_core.civitai.client.patience import (
    LONGEST_BELIEVED,
    LONGEST_WAIT,
    pause_after,
    retry_after,
)
from stablequeue_core.errors import CivitaiUnavailable, TransferAborted
from stablequeue_core.testing.clock import NOON, FakeClock
from stablequeue_core.transport import Abort

RATE, BURST = 4.0, 4
A_LITTLE = 1e-6


def limiter(clock: FakeClock) -> Limiter:
    return Limiter(clock, rate=RATE, burst=BURST)


def test_after_a_silence_a_few_go_at_once_and_then_one_after_the_other() -> None:
    clock = FakeClock()
    turns, taken = limiter(clock), []
    for _ in range(BURST + 8):
        turns.take(Abort())
        taken.append(clock.monotonic())
    assert taken[:BURST] == [0.0] * BURST
    assert taken[-1] == pytest.approx(8 / RATE, abs=0.02)


def test_a_complaint_halves_the_rate_and_ends_the_burst() -> None:
    clock = FakeClock()
    turns = limiter(clock)
    turns.slow_down(turns.take(Abort()), None)
    assert turns.rate == RATE / 2
    turns.take(Abort())
    assert clock.monotonic() == pytest.approx(2 / RATE, abs=0.01)


def test_requests_that_were_under_way_together_count_as_one_complaint() -> None:
    turns = limiter(FakeClock())
    together = [turns.take(Abort()) for _ in range(BURST)]
    for turn in together:
        turns.slow_down(turn, None)
    assert turns.rate == RATE / 2


def test_complaint_after_complaint_halves_again_but_never_to_nothing() -> None:
    turns = limiter(FakeClock())
    for _ in range(20):
        turns.slow_down(turns.take(Abort()), None)
    assert turns.rate == RATE / 32


def test_good_answers_let_the_rate_climb_slowly_and_never_higher_than_before() -> None:
    turns = limiter(FakeClock())
    turns.slow_down(turns.take(Abort()), None)
    climbed = []
    for _ in range(100):
        turns.went_well()
        climbed.append(turns.rate)
    assert climbed == sorted(climbed)
    assert climbed[10] < RATE == climbed[-1]


def test_after_a_retry_after_nobody_goes_before_it_and_then_not_all_at_once() -> None:
    clock = FakeClock()
    turns = limiter(clock)
    turns.slow_down(turns.take(Abort()), 7)
    taken = []
    for _ in range(4):
        turns.take(Abort())
        taken.append(clock.monotonic())
    assert taken[0] >= 7
    assert all(later - earlier >= 2 / RATE - A_LITTLE for earlier, later in pairwise(taken))


def test_a_pause_that_is_too_long_to_wait_for_is_told_instead() -> None:
    clock = FakeClock()
    turns = limiter(clock)
    turns.hold(LONGEST_WAIT + 30)
    with pytest.raises(CivitaiUnavailable) as told:
        turns.take(Abort())
    assert told.value.details["retry_after"] == pytest.approx(LONGEST_WAIT + 30)
    assert clock.monotonic() == 0
    clock.advance(31)
    turns.take(Abort())
    assert clock.monotonic() >= LONGEST_WAIT + 30 - A_LITTLE


def test_a_wait_can_be_given_up() -> None:
    class StandingClock(FakeClock):
        """Who waits by it waits, in real time."""

        def wait(self, seconds: float, ended) -> bool:  # type: ignore[no-untyped-def]
            return bool(ended(seconds))

    turns = limiter(StandingClock())
    turns.hold(LONGEST_WAIT - 1)
    abort = Abort()
    threading.Timer(0.05, abort.pull).start()
    with pytest.raises(TransferAborted):
        turns.take(abort)


class NeverFasterThanTheRate(RuleBasedStateMachine):
    """In any stretch of time no more turns than its length allows, and none while held."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.limiter = limiter(self.clock)
        self.taken: list[float] = []
        self.last: Turn | None = None
        self.held_until = 0.0

    @rule(count=st.integers(1, 6))
    def ask(self, count: int) -> None:
        for _ in range(count):
            self.last = self.limiter.take(Abort())
            self.taken.append(self.clock.monotonic())
            assert self.taken[-1] >= self.held_until - A_LITTLE

    @rule(seconds=st.floats(0, 20))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.none() | st.floats(0, 30))
    def complain(self, seconds: float | None) -> None:
        if self.last is not None:
            self.limiter.slow_down(self.last, seconds)
            self.held_until = max(self.held_until, self.clock.monotonic() + (seconds or 0))

    @rule(seconds=st.floats(0, 30))
    def be_busy(self, seconds: float) -> None:
        self.limiter.hold(seconds)
        self.held_until = max(self.held_until, self.clock.monotonic() + seconds)

    @rule(count=st.integers(1, 60))
    def answer_well(self, count: int) -> None:
        for _ in range(count):
            self.limiter.went_well()

    @invariant()
    def no_more_than_the_rate(self) -> None:
        for first, start in enumerate(self.taken[-40:]):
            for number, end in enumerate(self.taken[-40:][first:], start=1):
                assert number <= BURST + RATE * (end - start) + A_LITTLE

    @invariant()
    def the_rate_stays_within_its_bounds(self) -> None:
        assert RATE / 32 <= self.limiter.rate <= RATE


TestNeverFasterThanTheRate = NeverFasterThanTheRate.TestCase
TestNeverFasterThanTheRate.settings = settings(
    max_examples=50, stateful_step_count=20, deadline=None
)


def test_threads_share_the_rate() -> None:
    clock = FakeClock()
    turns, lock, taken = limiter(clock), threading.Lock(), []

    def ask() -> None:
        for _ in range(20):
            turns.take(Abort())
            with lock:
                taken.append(clock.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 160
    # Every waiting thread moves the clock, so it may be later than need be, but never earlier.
    assert clock.monotonic() >= (160 - BURST) / RATE - A_LITTLE


@given(st.integers(1, 1000), st.floats(0, 1))
def test_pauses_double_from_one_second_to_thirty(failures: int, jitter: float) -> None:
    longest = min(30.0, 2.0 ** (failures - 1))
    assert longest / 2 <= pause_after(failures, jitter) <= longest


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("99999999999999999999", LONGEST_BELIEVED),
        ("Wed, 01 Jan 2025 12:00:09 GMT", 9.0),
        ("Wed, 01 Jan 2025 11:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_BELIEVED),
        ("", None),
        ("soon", None),
        ("-7", None),
        ("1.5", None),
        ("٧", None),
        ("Wed, 99 Jan 2025 12:00:09 GMT", None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date_and_never_too_long(
    header: str, seconds: float | None
) -> None:
    assert retry_after({"retry-after": header}, NOON) == seconds


def test_a_date_is_read_by_the_servers_own_clock_where_it_shows_it() -> None:
    headers = {
        "date": "Wed, 01 Jan 2025 10:00:00 GMT",
        "retry-after": "Wed, 01 Jan 2025 10:00:05 GMT",
    }
    assert retry_after(headers, NOON) == 5.0


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_header_is_read_or_left(told: str, date: str) -> None:
    seconds = retry_after({"retry-after": told, "date": date}, NOON)
    assert seconds is None or 0 <= seconds <= LONGEST_BELIEVED
