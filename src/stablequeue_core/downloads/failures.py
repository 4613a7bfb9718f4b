"""What follows from a failure of a download. A function of values."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from stablequeue_core.downloads.download import Download
from stablequeue_core.errors import (
    CivitaiGarbled,
    CivitaiUnavailable,
    LinkExpired,
    PrivateAddress,
    StableQueueError,
    StorageHostFailed,
    TooSlow,
    TransportError,
    WrongFile,
)
from stablequeue_core.settings import Settings

_MAY_HEAL = (
    CivitaiUnavailable,
    CivitaiGarbled,
    TransportError,
    StorageHostFailed,
    TooSlow,
    LinkExpired,
)
_LONGEST_ASKED_FOR = 3600.0  # a host that asks for more patience than this gets no more


@frozen(kw_only=True)
class Verdict:
    """What follows from a failure.

    Attributes:
        retry_after: seconds until the download may go on; None: it has failed for good.
        failures: how often in a row it was tried without getting further, this time included.
    """

    retry_after: float | None
    failures: int


def judge(
    error: StableQueueError,
    download: Download,
    settings: Settings,
    jitter: Callable[[], float],
    *,
    got_further: bool = False,
) -> Verdict:
    """What follows when an attempt at ``download`` ended with ``error``.

    Args:
        error: what happened.
        download: as it was before the attempt.
        settings: how often to try, and how long to wait.
        jitter: a random number from 0 to 1.
        got_further: more of the file is here than before the attempt, so the count of failures
            starts anew: a large file over a bad line needs many attempts.
    """
    failures = (0 if got_further else download.failures) + 1
    if isinstance(error, WrongFile):
        return Verdict(retry_after=_retry_of_wrong(error, download), failures=failures)
    may_heal = isinstance(error, _MAY_HEAL) and not isinstance(error, PrivateAddress)
    if not may_heal or failures >= settings.max_attempts:
        return Verdict(retry_after=None, failures=failures)
    longest = min(settings.backoff_cap, settings.backoff_base * 2.0 ** (failures - 1))
    own = longest * (0.5 + 0.5 * jitter())
    return Verdict(retry_after=max(own, _asked_for(error)), failures=failures)


def _retry_of_wrong(error: WrongFile, download: Download) -> float | None:
    """What is wrong is fetched once more, at once: it may have been damaged on its way.

    Whether a checksum was wrong for the first time is known to who compared it. A login page is
    none of that: somebody has to sign in.
    """
    if error.code == "login_page":
        return None
    is_final = error.details.get("is_final", download.failures > 0)
    return None if is_final else 0.0


def _asked_for(error: StableQueueError) -> float:
    """For how many seconds the host wants to be left alone."""
    seconds = error.details.get("retry_after")
    if isinstance(seconds, int | float) and seconds >= 0:
        return min(float(seconds), _LONGEST_ASKED_FOR)
    return 0.0
