"""What follows from a failure, as a function of values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stablequeue_core import Job, Settings
from stablequeue_core.dispatch.links.circuit import Circuit
from stablequeue_core.dispatch.running.failures import Verdict, backoff
from stablequeue_core.dispatch.running.failures import judge as judged
from stablequeue_core.dispatch.running.remedies import Possible
from stablequeue_core.errors import (
    AnswerLost,
    BackendError,
    CheckpointUnreadable,
    DiskFull,
    FieldProblem,
    ForeignInterrupt,
    InvalidParams,
    ModelNotSupplied,
    NotOnServer,
    OutOfMemory,
    ServerPoisoned,
    ServerUnreachable,
    StableQueueError,
    Stalled,
    Unauthorized,
    WrongResult,
)
from stablequeue_core.testing.clock import FakeClock

SETTINGS = Settings(max_attempts=3, backoff_base=2, backoff_cap=10)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(failures: int = 0) -> Job:
    return Job(
        id="0", target="Laptop", params={}, created_at=NOW, updated_at=NOW, failures=failures
    )


def judge(error: StableQueueError, job: Job) -> Verdict:
    """Where there is nothing else to try."""
    return judged(error, job, Possible(), SETTINGS, lambda: 1.0)


@pytest.mark.parametrize(
    "error",
    [
        NotOnServer("checkpoint", "x", [], "Laptop"),
        CheckpointUnreadable("broken"),
        InvalidParams([FieldProblem("steps", "is bad.")]),
        DiskFull(),
        ModelNotSupplied(["x"], "Nobody has it."),
    ],
)
def test_what_trying_again_cannot_help_fails_at_once(error: StableQueueError) -> None:
    assert judge(error, job()).retry_after is None


@pytest.mark.parametrize("error", [ServerUnreachable("gone"), Unauthorized("no")])
def test_an_unreachable_server_costs_no_attempt_and_gets_no_more_jobs(
    error: BackendError,
) -> None:
    verdict = judge(error, job(failures=2))

    assert (verdict.retry_after, verdict.counted, verdict.open_circuit) == (0.0, False, True)


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemory("full"),
        AnswerLost("gone"),
        ForeignInterrupt("stopped"),
        WrongResult("wrong_model", "other", "a", "b"),
    ],
)
def test_a_servers_fault_is_tried_again_until_the_attempts_are_used_up(
    error: BackendError,
) -> None:
    assert judge(error, job(failures=0)).retry_after == 2.0
    assert judge(error, job(failures=1)).retry_after == 4.0
    assert judge(error, job(failures=2)).retry_after is None


@pytest.mark.parametrize("error", [Stalled("slow"), ServerPoisoned("no model")])
def test_a_suspect_server_gets_no_more_jobs_until_it_was_asked(error: BackendError) -> None:
    assert judge(error, job()).open_circuit


def test_backoff_doubles_up_to_its_cap_and_at_least_half_of_it_is_waited() -> None:
    assert [backoff(n, SETTINGS, lambda: 1.0) for n in (1, 2, 3, 4)] == [2, 4, 8, 10]
    assert backoff(1, SETTINGS, lambda: 0.0) == 1.0


def test_a_circuit_opens_for_longer_each_time_and_closes_with_a_success() -> None:
    clock = FakeClock()
    circuit = Circuit(clock, Settings(circuit_base=1, circuit_cap=3))
    waits = []
    for _ in range(4):
        circuit.failed()
        waits.append(circuit.wait)

    assert waits == [1, 2, 3, 3]
    clock.advance(3)
    assert circuit.wait == 0
    circuit.failed()
    circuit.succeeded()
    assert circuit.wait == 0
