"""What processes that died have left behind."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from stablequeue_core.doctor.diagnosis import Finding, ok, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.downloads import DownloadQuery, DownloadStatus
from stablequeue_core.downloads.fetching.part_file import part_path
from stablequeue_core.downloads.store import ALL
from stablequeue_core.errors import StorageError
from stablequeue_core.quantities import count_text, size_text
from stablequeue_core.storage import Storage

SUBJECT = "leftovers"

OLD_SECONDS = 3600
"""No writer takes that long: whoever began a file before has died."""

LONGEST_LOOK = 5.0
"""Seconds; folders with models may be large, and lie on slow disks."""

_TEMPORARY = re.compile(r"\.(?:.+\.)?[0-9a-f]{16}\.tmp")
_PART = re.compile(r".+\.[0-9a-f]{8}\.part")

_NEEDS_NO_PART = frozenset({DownloadStatus.COMPLETED, DownloadStatus.CANCELLED})


@define
class _Found:
    """Files of one sort: how many, and how large."""

    count: int = 0
    size: int = 0

    def add(self, entry: os.DirEntry[str]) -> None:
        """Count a file."""
        self.size += entry.stat(follow_symlinks=False).st_size
        self.count += 1


@define
class _Search:
    """Looks for leftovers until its time is up."""

    wanted_parts: Collection[Path] | None
    deadline: float
    temporary: _Found = field(factory=_Found)
    parts: _Found = field(factory=_Found)
    is_complete: bool = True

    def through(self, folder: Path, *, below: bool) -> None:
        """Look through a folder, and perhaps those below it; what cannot be read is left out."""
        oldest = time.time() - OLD_SECONDS
        for parent, folders, _ in os.walk(folder):
            if time.monotonic() > self.deadline:
                self.is_complete = False
                return
            if not below:
                folders.clear()
            try:
                with os.scandir(parent) as entries:
                    for entry in entries:
                        # Who writes one just now gives it its name meanwhile.
                        with suppress(FileNotFoundError):
                            self._judge(entry, oldest)
            except OSError:
                continue  # Whether it can be read is looked at elsewhere.

    def _judge(self, entry: os.DirEntry[str], oldest: float) -> None:
        is_temporary = _TEMPORARY.fullmatch(entry.name)
        is_part = self.wanted_parts is not None and _PART.fullmatch(entry.name)
        if not (is_temporary or is_part) or not entry.is_file(follow_symlinks=False):
            return
        if entry.stat(follow_symlinks=False).st_mtime > oldest:
            return
        if is_temporary:
            self.temporary.add(entry)
        elif self.wanted_parts is not None and Path(entry.path) not in self.wanted_parts:
            self.parts.add(entry)


def check_leftovers(premises: Premises) -> Iterator[Finding]:
    """Temporary files that nobody writes any more, and parts of files that nobody fetches."""
    search = _Search(_wanted_parts(premises.storage), time.monotonic() + LONGEST_LOOK)
    search.through(premises.images, below=False)
    for root in premises.roots:
        search.through(root.folder, below=True)
    if search.temporary.count:
        yield warning(
            SUBJECT,
            f"{_told(search.temporary, 'temporary file')} in the image folder and those with "
            "models, left by a process that died.",
            "Those of pictures go with the next start; remove the others (.*.tmp, older than an "
            "hour) by hand.",
        )
    if search.parts.count:
        yield warning(
            SUBJECT,
            f"{_told(search.parts, 'part')} of model files that no download knows.",
            "Remove them by hand (*.part in the folders with models).",
        )
    if not search.is_complete:
        yield ok(SUBJECT, "Not all folders with models were looked through: that takes too long.")
    elif not search.temporary.count and not search.parts.count:
        yield ok(SUBJECT, "There are none.")


def _wanted_parts(storage: Storage | None) -> Collection[Path] | None:
    """The parts that a download goes on with, now or when it is tried again; None: nobody knows."""
    if storage is None:
        return None
    query = DownloadQuery(statuses=frozenset(DownloadStatus) - _NEEDS_NO_PART, limit=ALL)
    try:
        return {part_path(each) for each in storage.downloads.list(query).downloads}
    except StorageError:  # What is wrong with it, the check of the database tells.
        return None


def _told(found: _Found, what: str) -> str:
    return f"{count_text(found.count, what)} ({size_text(found.size)})"
