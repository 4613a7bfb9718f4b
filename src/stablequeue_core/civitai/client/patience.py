"""How often and how long to wait before asking Civitai again. Pure.

Civitai publishes no limits; its documentation advises to wait from one second to thirty.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

ATTEMPTS = 4
"""Somebody may be waiting for the answer: what takes longer than this to heal, takes long."""

LONGEST_WAIT = 60.0
"""Seconds; whoever is asked to wait longer is told so instead."""

LONGEST_BELIEVED = 3600.0
"""Seconds; no header keeps us away for longer."""

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


def pause_after(failures: int, jitter: float) -> float:
    """Seconds to wait after so many failures in a row: twice as long each time, within a half.

    Args:
        failures: 1 or more.
        jitter: 0 to 1, so that those who failed together do not come back together.

    Example:
        >>> pause_after(1, 1.0), pause_after(3, 1.0), pause_after(9, 0.0)
        (1.0, 4.0, 15.0)
    """
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 30))
    return longest * (1 + jitter) / 2


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a server asks to wait; None where it does not ask.

    Args:
        headers: names in lower case.
        now: the time here, for a server that does not tell its own.

    Example:
        >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        >>> retry_after({"retry-after": "7"}, noon)
        7.0
        >>> retry_after({"retry-after": "Thu, 01 Jan 2026 12:00:09 GMT"}, noon)
        9.0
    """
    told = headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return min(float(told[:9]), LONGEST_BELIEVED)
    until = _http_date(told)
    if until is None:
        return None
    # By the server's own clock where it shows it: ours may be wrong.
    seconds = (until - (_http_date(headers.get("date", "")) or now)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_BELIEVED)


def _http_date(text: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
