"""When files were written, as text, even if they claim a time that no calendar has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stablequeue_core.serialization import to_iso

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)


def written_at(mtime_ns: int) -> str:
    """ISO 8601 in UTC; a time that no calendar has becomes the nearest that one has.

    Args:
        mtime_ns: nanoseconds since 1970, as the system tells.

    Example:
        >>> written_at(1_714_566_645_123_456_789)
        '2024-05-01T12:30:45.123Z'
    """
    try:
        moment = _EPOCH + timedelta(microseconds=mtime_ns // 1000)
    except OverflowError:
        moment = _LATEST if mtime_ns > 0 else _EPOCH
    return to_iso(moment)
