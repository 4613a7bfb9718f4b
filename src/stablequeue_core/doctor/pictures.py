"""Whether there is room for the next pictures, and whether the last ones are there."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stablequeue_core.doctor.diagnosis import Finding, ok, problem, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.errors import StorageError
from stablequeue_core.images.names import is_picture_name
from stablequeue_core.jobs import JobQuery, JobStatus
from stablequeue_core.quantities import size_text

ROOM, IMAGES = "disk space", "pictures"

LEAST_ROOM = 1_000_000_000
FEW_DAYS = 7
"""So long the room should last at the rate of so many last days."""

MANY_DAYS = 1000

NEWEST_JOBS = 100
_DAY = 86400.0
_MADE_AT = re.compile(r"[0-9a-f]{8}_([0-9]+)_")


def check_pictures(premises: Premises) -> Iterator[Finding]:
    """The room that is left beside the rate at which pictures come, and the newest of them."""
    folder = _nearest(premises.images)
    try:
        free = shutil.disk_usage(folder).free
        weekly = _bytes_since(premises.images, premises.clock.now().timestamp() - FEW_DAYS * _DAY)
    except OSError as error:
        yield problem(
            ROOM,
            f"It cannot be told how much is left: {error.strerror or type(error).__name__}.",
            "Check the disk of the data folder.",
        )
        return
    yield _of_room(free, weekly / FEW_DAYS)
    yield from _of_newest(premises)


def _of_room(free: int, daily: float) -> Finding:
    left = f"{size_text(free)} are free"
    days = free / daily if daily else None
    if days is not None:
        enough = f"{days:.0f} days" if days < MANY_DAYS else "years"
        left += f", enough for {enough} at the rate of the last week"
    if free < LEAST_ROOM:
        return problem(
            ROOM,
            f"Only {left}.",
            "Free some: jobs fail whose pictures cannot be saved. The settings keep_days and "
            "keep_images let old ones go by themselves.",
        )
    if days is not None and days < FEW_DAYS:
        return warning(
            ROOM,
            f"{left}.",
            "Free some soon; the settings keep_days and keep_images let old pictures go by "
            "themselves.",
        )
    return ok(ROOM, f"{left}.")


def _bytes_since(folder: Path, since: float) -> int:
    """Of the pictures that were begun since then, as their names tell."""
    total = 0
    if not folder.is_dir():
        return total
    with os.scandir(folder) as entries:
        for entry in entries:
            begun = _MADE_AT.match(entry.name)
            if begun and int(begun[1]) / 1000 >= since and is_picture_name(entry.name):
                # One that is tidied away meanwhile takes no room.
                with suppress(FileNotFoundError):
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def _of_newest(premises: Premises) -> Iterator[Finding]:
    if premises.storage is None:
        return
    query = JobQuery(status=JobStatus.COMPLETED, limit=NEWEST_JOBS)
    try:
        jobs = premises.storage.jobs.list(query).jobs
    except StorageError:  # What is wrong with it, the check of the database tells.
        return
    names = [name for job in jobs if job.result for name in job.result.images]
    missing = sum(not (premises.images / name).exists() for name in names)
    if missing:
        yield warning(
            IMAGES,
            f"{missing:,} of the newest {len(names):,} are not in the image folder.",
            "If several computers make pictures, let them share that folder; else somebody has "
            "removed them.",
        )
    elif names:
        yield ok(IMAGES, f"The newest {len(names):,} are there.")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that exists: it is on the same disk."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)
