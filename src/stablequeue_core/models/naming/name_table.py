"""The names of one server's checkpoints, by each part that a checkpoint may be known by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from stablequeue_core.models.digests import AUTOV2_CHARS
from stablequeue_core.models.paths import bare, comparable, filename_of
from stablequeue_core.servers import ListedCheckpoint

_Index = dict[str, list[ListedCheckpoint]]


class NameTable:
    """Answers each question from a dictionary, however long the list is.

    Paths are asked for in the form of :func:`~stablequeue_core.models.paths.comparable`; ``folded``
    is such a path, case-folded.
    """

    def __init__(self, listed: Iterable[ListedCheckpoint]) -> None:
        self.listed = tuple(listed)
        self._by_path: _Index = {}
        self._by_folded_path: _Index = {}
        self._by_bare_path: _Index = {}
        self._by_model_name: _Index = {}
        self._by_short_hash: _Index = {}
        self._by_file_name: dict[str, list[tuple[str, ListedCheckpoint]]] = {}
        self._by_stem: dict[str, list[tuple[str, ListedCheckpoint]]] = {}
        for checkpoint in self.listed:
            path = comparable(checkpoint.name)
            folded = path.casefold()
            bare_path = bare(folded)
            self._by_path.setdefault(path, []).append(checkpoint)
            self._by_folded_path.setdefault(folded, []).append(checkpoint)
            self._by_bare_path.setdefault(bare_path, []).append(checkpoint)
            self._by_file_name.setdefault(filename_of(folded), []).append((folded, checkpoint))
            self._by_stem.setdefault(filename_of(bare_path), []).append((bare_path, checkpoint))
            model_name = comparable(checkpoint.model_name)
            if model_name:
                self._by_model_name.setdefault(model_name, []).append(checkpoint)
            if checkpoint.digest:
                short = checkpoint.digest[:AUTOV2_CHARS]
                self._by_short_hash.setdefault(short, []).append(checkpoint)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Each name once, without hash, in the order of the alphabet."""
        return tuple(sorted({checkpoint.name for checkpoint in self.listed}))

    def same_path(self, path: str) -> Sequence[ListedCheckpoint]:
        """Those with this very path."""
        return self._by_path.get(path, ())

    def same_folded_path(self, folded: str) -> Sequence[ListedCheckpoint]:
        """Those with this path in any case."""
        return self._by_folded_path.get(folded, ())

    def same_bare_path(self, folded: str) -> Sequence[ListedCheckpoint]:
        """Those with this path without its extension, in any case."""
        return self._by_bare_path.get(folded, ())

    def same_end(self, folded: str) -> Sequence[ListedCheckpoint]:
        """Those whose path ends with all parts of this one, in any case."""
        return _ending(self._by_file_name, folded)

    def same_bare_end(self, folded: str) -> Sequence[ListedCheckpoint]:
        """Those whose path without extension ends with all parts of this one, in any case."""
        return _ending(self._by_stem, folded)

    def same_model_name(self, name: str) -> Sequence[ListedCheckpoint]:
        """Those that the server itself calls so: the path with ``_``, without extension."""
        return self._by_model_name.get(name, ())

    def same_hash(self, digest: str) -> Sequence[ListedCheckpoint]:
        """Those whose SHA-256 begins with these ten or more digits, as far as the server knows."""
        found = self._by_short_hash.get(digest[:AUTOV2_CHARS], ())
        return [checkpoint for checkpoint in found if same_hash(checkpoint.digest, digest)]


def same_hash(one: str | None, other: str | None) -> bool:
    """Whether two hashes, of ten digits or more in lower case, are of one file; None is of none."""
    if not one or not other:
        return False
    return one.startswith(other) or other.startswith(one)


def may_have_same_hash(one: str | None, other: str | None) -> bool:
    """The same; but a hash that is not known yet may be any."""
    return not one or not other or same_hash(one, other)


def _ending(
    by_last_part: dict[str, list[tuple[str, ListedCheckpoint]]], folded: str
) -> Sequence[ListedCheckpoint]:
    ending = "/" + folded
    found = by_last_part.get(filename_of(folded), ())
    return [checkpoint for path, checkpoint in found if f"/{path}".endswith(ending)]
