"""Lists the folders with models: names, sizes and times, without opening a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import define, field

from stablequeue_core.models.paths import joined
from stablequeue_core.models.scanning.report import ScanProblem

Entry = tuple[str, int, int]
"""A file's name, its size in bytes, and when it was last written, in nanoseconds."""


_NO_FILE = "is neither a file nor a folder, but a pipe, a socket or a device; it was left out."


@define
class FolderListing:
    """One folder, as it was found.

    Attributes:
        folder: below the root, with forward slashes; empty for the root itself.
        files: regular files and links to them, as the system lists them.
    """

    folder: str
    files: list[Entry]


@define
class Walk:
    """A walk through one root; iterate over it once, then look what it could not see.

    A link is followed only if it leads to something below the root: whatever lies elsewhere was
    not given to us. Links lead to a folder once, and never upwards, so that a loop of them ends.
    Folders in ``others`` (roots of their own) are left out.

    Attributes:
        root: absolute, links resolved.
        others: further roots, some of which may lie below this one.
        problems: what was left out, and why.
        unseen: folders below the root of which nothing is known now, since they cannot be listed.
    """

    root: Path
    others: Collection[Path] = ()
    problems: list[ScanProblem] = field(factory=list)
    unseen: list[str] = field(factory=list)

    def __iter__(self) -> Iterator[FolderListing]:
        """List every folder.

        Raises:
            OSError: the root itself cannot be listed; it may not be mounted.
        """
        skipped = {str(other) for other in self.others if other != self.root}
        linked: set[str] = set()
        waiting = [(str(self.root), "")]
        while waiting:
            path, folder = waiting.pop()
            if path in skipped:
                continue
            try:
                files, below = self._listed(path, folder, linked)
            except FileNotFoundError:
                if not folder:
                    raise
                continue  # removed while we were on our way
            except OSError as error:
                if not folder:
                    raise
                self._leave_unseen(folder, error)
                continue
            waiting += below
            yield FolderListing(folder, files)

    def only(self, folder: str) -> FolderListing:
        """List one folder, and none below it.

        Raises:
            OSError: it cannot be listed.
        """
        path = os.path.join(self.root, folder) if folder else str(self.root)
        files, _ = self._listed(path, folder, set())
        return FolderListing(folder, files)

    def _listed(
        self, path: str, folder: str, linked: set[str]
    ) -> tuple[list[Entry], list[tuple[str, str]]]:
        """The files of a folder, and the folders in it: where they are, and what we call them."""
        files: list[Entry] = []
        below: list[tuple[str, str]] = []
        with os.scandir(path) as entries:
            for entry in entries:
                try:
                    if entry.is_file(follow_symlinks=False):
                        seen = entry.stat(follow_symlinks=False)
                        files.append((entry.name, seen.st_size, seen.st_mtime_ns))
                    elif entry.is_dir(follow_symlinks=False):
                        below.append((entry.path, joined(folder, entry.name)))
                    elif entry.is_symlink():
                        self._follow(entry, folder, files, below, linked)
                    else:
                        self._report(joined(folder, entry.name), "no_file", _NO_FILE)
                except FileNotFoundError:
                    continue  # removed since it was listed; its folder is still there
        return files, below

    def has_seen(self, folder: str) -> bool:
        """Whether the walk came where ``folder`` would be, so that it is gone if it was not met."""
        return not any(folder == lost or folder.startswith(f"{lost}/") for lost in self.unseen)

    def _follow(
        self,
        entry: os.DirEntry[str],
        folder: str,
        files: list[Entry],
        below: list[tuple[str, str]],
        linked: set[str],
    ) -> None:
        path = joined(folder, entry.name)
        try:
            target = os.path.realpath(entry.path, strict=True)
            seen = os.stat(target)
        except OSError:
            self._report(path, "broken_link", "is a link that leads nowhere; it was left out.")
            return
        if not Path(target).is_relative_to(self.root):
            if not _is_hidden(entry.name):
                message = "is a link that leads out of its model folder; it was not followed."
                self._report(path, "link_leaves_root", message)
        elif stat.S_ISREG(seen.st_mode):
            files.append((entry.name, seen.st_size, seen.st_mtime_ns))
        elif stat.S_ISDIR(seen.st_mode) and not self._leads_up(target, entry.path, linked):
            linked.add(target)
            below.append((entry.path, path))

    def _leads_up(self, target: str, link: str, linked: set[str]) -> bool:
        """Whether following the link would go round in a circle, or was done for another one."""
        is_above = Path(link).parent.resolve().is_relative_to(target)
        return is_above or target in linked

    def _leave_unseen(self, folder: str, error: OSError) -> None:
        self.unseen.append(folder)
        reason = error.strerror or type(error).__name__
        self._report(folder, "folder_unreadable", f"cannot be listed: {reason}.")

    def _report(self, path: str, code: str, what: str) -> None:
        shown = path.encode("utf-8", "backslashreplace").decode()
        self.problems.append(ScanProblem(path=shown, code=code, message=f"{shown!r} {what}"))


def _is_hidden(name: str) -> bool:
    return name.startswith(".")
