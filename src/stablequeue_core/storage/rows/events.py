"""An event of the log as a row, and back."""

from __future__ import annotations

from typing import Any

from stablequeue_core.events import Event, EventKind
from stablequeue_core.serialization import from_millis
from stablequeue_core.storage.rows.text import from_json

Row = tuple[Any, ...]

COLUMNS = "sequence, kind, at, job_id, server, data"


_KINDS = {kind.value: kind for kind in EventKind}


def kind_of(text: str) -> EventKind:
    """The kind of a written event; a newer version that works beside us may know more of them."""
    return _KINDS.get(text, EventKind.UNKNOWN)


def event_of(row: Row) -> Event:
    """The event of a row with the columns :data:`COLUMNS`."""
    sequence, kind, at, job_id, server, data = row
    return Event(
        sequence=sequence,
        kind=kind_of(kind),
        at=from_millis(at),
        job_id=job_id,
        server=server,
        data=from_json(data),
    )
