"""How long it is until something, for people: a date where that is far away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stablequeue_core.serialization import to_iso

FAR = 2 * 24 * 3600.0
"""Seconds; nobody counts the hours until what is farther away."""

TO_THE_MINUTE = len("2025-05-14T02:34")
TO_THE_DAY = len("2025-05-14")


def lead_time(seconds: float, precision: int = TO_THE_DAY) -> str:
    """How long it is until then; the day where that is far away.

    Args:
        seconds: from now on.
        precision: so many characters of a date.
    """
    # What runs jobs is loaded when a queue is opened, not when a command is started.
    from stablequeue_core.dispatch.explaining.telling import about

    if seconds < FAR:
        return about(seconds).removeprefix("about ")
    return to_iso(datetime.now(UTC) + timedelta(seconds=seconds))[:precision]
