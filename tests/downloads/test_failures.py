"""What follows from a failure of a download."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from tests.downloads.errands import wanted

from stablequeue_core.downloads.failures import judge
from stablequeue_core.errors import (
    Archived,
    CivitaiGarbled,
    CivitaiNotFound,
    CivitaiUnavailable,
    ConnectFailed,
    ConnectionLost,
    EarlyAccess,
    FileNotPlaced,
    InternalError,
    LinkExpired,
    LoginNeeded,
    ModelFileExists,
    NotEnoughSpace,
    PrivateAddress,
    ReadTimedOut,
    StableQueueError,
    StorageHostFailed,
    TooSlow,
    WrongFile,
)
from stablequeue_core.settings import Settings

SETTINGS = Settings(max_attempts=4, backoff_base=2, backoff_cap=10)
DOWNLOAD = wanted(Path("models"))

HEALING = [
    CivitaiUnavailable("…"),
    CivitaiGarbled("…"),
    ConnectFailed("…"),
    ConnectionLost("…"),
    ReadTimedOut("…"),
    StorageHostFailed("…"),
    TooSlow(60, 3),
    LinkExpired(),
]
FINAL = [
    LoginNeeded(key_was_sent=False),
    EarlyAccess(None),
    Archived(),
    CivitaiNotFound("version 7"),
    PrivateAddress("10.0.0.1"),
    NotEnoughSpace(7, 1),
    FileNotPlaced("…"),
    ModelFileExists("x.safetensors", is_same=False),
    InternalError(ValueError()),
]


def named(error: StableQueueError) -> str:
    return type(error).__name__


def after(error: StableQueueError, failures: int = 0, *, got_further: bool = False) -> float | None:
    """Seconds until the next attempt."""
    download = evolve(DOWNLOAD, failures=failures)
    return judge(error, download, SETTINGS, lambda: 1.0, got_further=got_further).retry_after


@pytest.mark.parametrize("error", HEALING, ids=named)
def test_what_may_heal_is_tried_again_with_growing_pauses(error: StableQueueError) -> None:
    assert [after(error, failures) for failures in range(4)] == [2, 4, 8, None]


@pytest.mark.parametrize("error", FINAL, ids=named)
def test_what_cannot_heal_is_final(error: StableQueueError) -> None:
    assert after(error) is None


@pytest.mark.parametrize("error", HEALING, ids=named)
def test_a_failure_after_progress_starts_the_count_anew(error: StableQueueError) -> None:
    assert after(error, 3, got_further=True) == 2
    download = evolve(DOWNLOAD, failures=3)
    assert judge(error, download, SETTINGS, lambda: 1.0, got_further=True).failures == 1


def test_the_pause_is_half_at_random() -> None:
    error = ConnectionLost("…")
    assert judge(error, DOWNLOAD, SETTINGS, lambda: 0.0).retry_after == 1


def test_the_longest_pause_is_capped() -> None:
    settings = evolve(SETTINGS, max_attempts=100)
    download = evolve(DOWNLOAD, failures=50)
    assert judge(TooSlow(60, 3), download, settings, lambda: 1.0).retry_after == 10


def test_a_host_that_asks_for_patience_gets_it() -> None:
    assert after(StorageHostFailed("…", {"retry_after": 90})) == 90
    assert after(StorageHostFailed("…", {"retry_after": 1})) == 2
    assert after(StorageHostFailed("…", {"retry_after": 10**9})) == 3600


def test_a_wrong_file_is_fetched_once_more_at_once() -> None:
    assert after(WrongFile("wrong_checksum", "…", {"is_final": False})) == 0
    assert after(WrongFile("wrong_checksum", "…", {"is_final": True})) is None
    assert after(WrongFile("not_a_model", "…")) == 0
    assert after(WrongFile("not_a_model", "…"), failures=1) is None


def test_a_login_page_waits_for_its_user() -> None:
    assert after(WrongFile("login_page", "…")) is None
