"""Times as Civitai writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(when: datetime | None) -> str | None:
    """A time as Civitai writes it."""
    if when is None:
        return None
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
