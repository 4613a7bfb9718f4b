"""What is written anew in the rows of jobs when a server is renamed."""

from __future__ import annotations

from collections.abc import Iterable

from stablequeue_core.errors import UnreadableJob
from stablequeue_core.jobs import with_server_renamed
from stablequeue_core.storage.rows.jobs import Row, job_of
from stablequeue_core.storage.rows.text import to_json


def renamed(begun: Iterable[Row], old: str, new: str) -> list[Row]:
    """What those that name the server are to say instead.

    Args:
        begun: rows of open jobs that have a ledger, with the columns ``ALL``. One that cannot be
            read is passed over: nobody runs it.
        old: what the server was called.
        new: what it is called now.

    Returns:
        their new ``target``, ``attempts`` and ``avoids``, and their number.
    """
    rows: list[Row] = []
    for row in begun:
        try:
            job = job_of(row)
        except UnreadableJob:
            continue
        changed = with_server_renamed(job, old, new)
        if changed != job:
            avoids = to_json(changed.avoids) if changed.avoids else None
            rows.append((changed.target, to_json(changed.attempts), avoids, job.number))
    return rows
