"""Where a job stands, in SQLite: the column ``place`` of others is a thing of two columns here."""

from __future__ import annotations

from stablequeue_core.storage.rows import jobs

PLACE = "coalesce(turn, number)"
"""Its number, unless it was given another turn."""

ALL = tuple(PLACE if name == "place" else name for name in jobs.ALL)
"""As :data:`~stablequeue_core.storage.rows.jobs.ALL`."""

CANDIDATE = tuple(f"{PLACE} AS place" if name == "place" else name for name in jobs.CANDIDATE)
"""As :data:`~stablequeue_core.storage.rows.jobs.CANDIDATE`."""
