"""Brings what is known of the model folders up to date: lists them, reads what has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from attrs import asdict, define, evolve, frozen

from stablequeue_core.clock import Clock
from stablequeue_core.models.files.forge_cache import ForgeCache
from stablequeue_core.models.files.found import FoundFile
from stablequeue_core.models.files.reading import read_model, read_surroundings
from stablequeue_core.models.model import Model
from stablequeue_core.models.paths import filename_of, folder_of
from stablequeue_core.models.roots import ModelRoot
from stablequeue_core.models.scanning.folders import compare, could_not_be_read, fingerprint
from stablequeue_core.models.scanning.report import ScanPhase, ScanProblem, ScanReport
from stablequeue_core.models.scanning.walking import FolderListing, Walk
from stablequeue_core.models.store import ModelQuery, ModelStore

logger = logging.getLogger(__name__)

BATCH = 250
"""Models that are kept in one transaction."""

MOST_PROBLEMS = 1000
"""A report tells of no more: a folder of ten thousand broken links is one mistake."""

NOT_LOOKED_THROUGH = ""
"""The fingerprint of a folder whose models are being read for the first time.

It is kept before them, so that a folder that is gone after a crash is missed.
"""

_SECOND = 10**9
"""Nanoseconds."""


class Tell(Protocol):
    """Hears how far a scan is."""

    def __call__(self, phase: ScanPhase, done: int, total: int, current: str | None, /) -> None:
        """So many files of so many are done; what it raises ends the scan."""


class ScanStopped(Exception):
    """The scan was told to stop; what it had read is kept."""


@frozen
class _Task:
    """A file that has to be looked at, and what is known of it."""

    found: FoundFile
    known: Model | None = None
    resurfaced: bool = False


@define
class _Counts:
    """As in :class:`ScanReport`."""

    files: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    missing: int = 0
    unchanged: int = 0


class Scan:
    """One scan of all roots; run it once.

    Stat first, headers next; whoever runs it sees to the hashes. What the folders' listings do not
    show as changed is not opened. Nothing is ever forgotten: what is not there any more is marked
    as missing, and a file of the same size and time that appears elsewhere is the same one, moved.

    Args:
        store: what is known.
        roots: the folders.
        clock: the time.
        tell: hears how far it is.
        stopping: asked for each file; True ends the scan.
    """

    def __init__(
        self,
        store: ModelStore,
        roots: Sequence[ModelRoot],
        *,
        clock: Clock,
        tell: Tell,
        stopping: Callable[[], bool],
    ) -> None:
        self._store = store
        self._roots = roots
        self._clock = clock
        self._tell = tell
        self._stopping = stopping
        self._counts = _Counts()
        self._problems: list[ScanProblem] = []
        self._tasks: list[_Task] = []
        self._seen_anew: dict[str, dict[str, str]] = {root.name: {} for root in roots}
        self._just_lost: set[tuple[str, str]] = set()

    def run(self) -> ScanReport:
        """Look through all roots.

        Raises:
            ScanStopped: it was told to stop.
            StorageError: what was found cannot be kept.
        """
        started_at = self._clock.now()
        for root in self._roots:
            self._list(root)
        self._read_all()
        return ScanReport(
            started_at=started_at,
            finished_at=self._clock.now(),
            problems=tuple(self._problems[:MOST_PROBLEMS]),
            **asdict(self._counts),
        )

    def _list(self, root: ModelRoot) -> None:
        """Find out what has changed below ``root``."""
        known = self._store.fingerprints(root.name)
        walk = Walk(root.folder, [other.folder for other in self._roots])
        folders: set[str] = set()
        is_empty, missing_before = True, self._counts.missing
        try:
            for listing in walk:
                self._go_on()
                folders.add(listing.folder)
                is_empty = is_empty and not listing.files
                self._hold_against(root, listing, known.get(listing.folder, NOT_LOOKED_THROUGH))
                self._tell(ScanPhase.LISTING, 0, self._counts.files, listing.folder or None)
        except OSError as error:
            self._lose(root, error)
            return
        finally:
            self._problems += walk.problems
        gone = {folder for folder in known if folder not in folders and walk.has_seen(folder)}
        for folder in gone:
            self._lose_files(root, self._present_in(root, folder))
        if gone:
            self._store.keep_fingerprints(root.name, dict.fromkeys(gone))
        if is_empty and self._counts.missing > missing_before:
            what = f"{root.folder.name!r} is empty. If it is on another disk, is that mounted?"
            self._problems.append(_problem(root, "root_empty", what))

    def _hold_against(self, root: ModelRoot, listing: FolderListing, before: str) -> None:
        now = fingerprint(listing, root.kind)
        count, _, looked = before.partition(":")
        if now == looked:
            self._counts.unchanged += int(count)
            self._counts.files += int(count)
            return
        change = compare(root, listing, self._store.in_folder(root.name, listing.folder))
        tasks = [_Task(found) for found in change.new]
        tasks += [_Task(found, known) for found, known in change.changed]
        tasks += [_Task(found, known, resurfaced=True) for found, known in change.resurfaced]
        self._lose_files(root, change.vanished)
        files = len(tasks) + change.unchanged
        self._tasks += tasks
        self._counts.files += files
        self._counts.unchanged += change.unchanged
        self._problems += change.problems
        # A folder with names that cannot be used is looked at each time, so that it is told again.
        anew = NOT_LOOKED_THROUGH if change.problems else f"{files}:{now}"
        self._seen_anew[root.name][listing.folder] = anew

    def _present_in(self, root: ModelRoot, folder: str) -> Sequence[str]:
        return [m.path for m in self._store.in_folder(root.name, folder) if not m.missing]

    def _lose_files(self, root: ModelRoot, paths: Sequence[str]) -> None:
        if paths:
            self._counts.missing += self._store.lose(root.name, paths)
            self._just_lost.update((root.name, path) for path in paths)

    def _lose(self, root: ModelRoot, error: OSError) -> None:
        """The root itself is not there: a disk that is not mounted, more often than not."""
        self._counts.missing += self._store.lose(root.name)
        reason = error.strerror or type(error).__name__
        what = (
            f"The model folder {root.folder.name!r} cannot be listed: {reason}. Its models are "
            "kept as missing; scan again when it is back."
        )
        logger.warning("%s (%s)", what, root.folder)
        self._problems.append(_problem(root, "root_missing", what))

    def _read_all(self) -> None:
        """Read what has changed, and only then believe the folders' listings the next time."""
        for name, folders in self._seen_anew.items():
            self._store.keep_fingerprints(name, dict.fromkeys(folders, NOT_LOOKED_THROUGH))
        caches = {root.name: ForgeCache.near(root.folder) for root in self._roots}
        lost = _Lost(self._store)
        for start in range(0, len(self._tasks), BATCH):
            models = []
            for place, task in enumerate(self._tasks[start : start + BATCH], start):
                self._go_on()
                self._tell(ScanPhase.READING, place, len(self._tasks), task.found.path)
                model = self._read(task, caches[task.found.root.name], lost)
                if model is not None:
                    models.append(model)
            self._store.save(models)
        for name, folders in self._seen_anew.items():
            self._store.keep_fingerprints(name, folders)

    def _read(self, task: _Task, cache: ForgeCache | None, lost: _Lost) -> Model | None:
        found, known = task.found, task.known
        if known is not None and task.resurfaced:
            self._counts.added += known.missing
            self._counts.changed += not known.missing
            return read_surroundings(known, found)
        before = lost.like(found) if known is None else None
        if before is not None:
            self._counts.moved += 1
            self._counts.missing -= (before.root, before.path) in self._just_lost
            if before.filename == filename_of(found.path):
                return read_surroundings(before, found)
            known = before  # its header is read once more, for its name may have hinted at things
        try:
            model = read_model(found, cache)
        except FileNotFoundError:
            # Removed since it was listed.
            self._look_again_at(found)
            self._counts.files -= 1
            return None
        if could_not_be_read(model):
            self._look_again_at(found)
        if known is None:
            self._counts.added += 1
            return model
        self._counts.changed += before is None
        is_same = (known.size, known.mtime_ns) == (model.size, model.mtime_ns)
        return evolve(model, id=known.id, hashes=known.hashes if is_same else model.hashes)

    def _look_again_at(self, found: FoundFile) -> None:
        """Do not believe the folder's listing the next time, whatever it is."""
        self._seen_anew[found.root.name][folder_of(found.path)] = NOT_LOOKED_THROUGH

    def _go_on(self) -> None:
        if self._stopping():
            raise ScanStopped


class _Lost:
    """The missing models, among which a new file may be found again; each of them once."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        with_missing = store.list(ModelQuery(missing=True, limit=0)).total
        self._are_some = with_missing > store.list(ModelQuery(limit=0)).total
        self._found: set[int] = set()

    def like(self, found: FoundFile) -> Model | None:
        """The one that has become ``found``; None when there is none, or no telling which."""
        if not self._are_some:
            return None
        same = [
            model
            for model in self._store.lost(found.size, found.mtime_ns)
            if model.kind is found.root.kind and model.id not in self._found
        ]
        named_so = [model for model in same if model.filename == filename_of(found.path)]
        # Archives and old file systems know whole seconds only, and files of one kind often have
        # one size: under another name, that may be another file. If not, its hash will tell.
        is_exact = found.mtime_ns % _SECOND != 0
        candidates = named_so or (same if is_exact else [])
        if len(candidates) != 1:
            return None
        self._found.add(candidates[0].id)
        return candidates[0]


def _problem(root: ModelRoot, code: str, message: str) -> ScanProblem:
    return ScanProblem(path=root.folder.name, code=code, message=message)
