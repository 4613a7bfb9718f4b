"""The one row of the table ``queue``: every queue has it, unless somebody has removed it."""

from __future__ import annotations

from stablequeue_core.errors import StorageCorrupt
from stablequeue_core.storage.postgres.database import Row

_GONE = (
    "The database has lost what is known of the whole queue (the row of the table queue): it is "
    "damaged, or another program has changed it. Stop StableQueue, and put a backup back, or "
    "choose an empty database."
)


def queue_row(row: Row | None) -> Row:
    """What was asked of the row.

    Raises:
        StorageCorrupt: it is not there.
    """
    if row is None:
        raise StorageCorrupt(_GONE)
    return row
