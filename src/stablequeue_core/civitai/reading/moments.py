"""Moments as Civitai writes them: ISO 8601, and some of its routes forget the ``Z``."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(text: str | None) -> datetime | None:
    """The moment in UTC; without a zone it is meant to be UTC. None for what is none.

    Example:
        >>> moment("2026-03-02T08:15:30.120Z") == moment("2026-03-02T08:15:30.12")
        True
        >>> moment("soon") is None
        True
    """
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
