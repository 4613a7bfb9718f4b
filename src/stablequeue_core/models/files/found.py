"""A model file, as whoever lists folders hands it to whoever reads files."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from stablequeue_core.models.roots import ModelRoot


@frozen(kw_only=True)
class FoundFile:
    """A model file that a walk has found.

    Attributes:
        root: the folder that it was found in.
        path: below the root, with forward slashes.
        beside: names of the files that belong to it.
        surroundings: how those looked.
    """

    root: ModelRoot
    path: str
    size: int
    mtime_ns: int
    beside: Sequence[str] = ()
    surroundings: str = ""
