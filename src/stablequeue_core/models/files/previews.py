"""Previews, the pictures and films beside a model: which, best first, and what they really are."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from io import BufferedReader
from pathlib import Path

from attrs import frozen

from stablequeue_core.models.digests import key_of
from stablequeue_core.models.files.picture_types import HEAD_BYTES, media_type_of
from stablequeue_core.models.files.safe_files import open_regular
from stablequeue_core.models.files.sidecars.names import in_any_case

_FORGES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_FILMS = (".mp4", ".webm")
_EXTENSIONS = (*_FORGES, ".avif", *_FILMS)
_THUMBS = (".thumb.jpg", ".thumb.jpeg", ".thumb.png", ".thumb.webp")
_MARKS = frozenset({"preview", "thumb"})
_SAMPLE = re.compile(r"_([0-9]{1,9})(\.[a-z0-9]+)")


def _named_in_order() -> Iterator[str]:
    for extension in (*_FORGES, ".avif"):
        yield extension
        yield f".preview{extension}"
    yield from _THUMBS


_STILLS = {suffix: rank for rank, suffix in enumerate(_named_in_order())}
_SAMPLE_RANK = len(_STILLS)
_FILM_RANKS = {
    suffix: _SAMPLE_RANK + 1 + rank
    for rank, suffix in enumerate(f"{mark}{film}" for film in _FILMS for mark in ("", ".preview"))
}
_RANKS = _STILLS | _FILM_RANKS
_FILM_SAMPLE_RANK = len(_RANKS) + 1

PREVIEW_SUFFIXES = tuple(_RANKS)
"""What follows a model's stem in the names of its previews, best first; samples have numbers."""


def preview_stem(name: str) -> str | None:
    """The stem of the model that a picture or film shows, by its name; None for other files.

    It costs the same for every name. A picture that no model has by this stem may be a sample of
    another one: see :func:`sample_stem`.

    Example:
        >>> preview_stem("x.v2.preview.png"), preview_stem("x_1.JPG"), preview_stem("x.json")
        ('x.v2', 'x_1', None)
    """
    head, dot, last = name.rpartition(".")
    if not head or f"{dot}{last.lower()}" not in _EXTENSIONS:
        return None
    inner, _, mark = head.rpartition(".")
    return inner if inner and mark.lower() in _MARKS else head


def sample_stem(name: str) -> str | None:
    """The stem of the model that a numbered picture would be a sample of, by its name.

    Civitai browser+ saves samples as ``<stem>_0.jpg``, ``<stem>_1.jpg`` ... Many models have names
    that end in a number, so ask :func:`preview_stem` first.

    Example:
        >>> sample_stem("style_10.png"), sample_stem("style.png")
        ('style', None)
    """
    head, _, last = name.rpartition(".")
    stem, underscore, number = head.rpartition("_")
    if not stem or f".{last.lower()}" not in _EXTENSIONS:
        return None
    return stem if underscore and _SAMPLE.fullmatch(f"_{number}.png") else None


def preview_names(stem: str, names: Collection[str]) -> tuple[str, ...]:
    """Which of ``names`` show the model, best first.

    As Forge looks for them (dfdcbab6 ``ui_extra_networks.py``): by extension png, jpg, jpeg, webp,
    gif, and ``<stem>.<ext>`` before ``<stem>.preview.<ext>``, in any case. Forge keeps extensions
    in a set, so that its own order differs between runs; ours does not. Then come pictures that
    only other tools look for, then samples by number, then films: only of a still picture can
    there be a thumbnail.

    Example:
        >>> preview_names("x", ["x.mp4", "x_0.jpg", "x.preview.png", "x.webp", "y.png"])
        ('x.preview.png', 'x.webp', 'x_0.jpg', 'x.mp4')
    """
    folded_stem = in_any_case(stem)
    found = []
    for name in names:
        folded = in_any_case(name)
        if folded.startswith(folded_stem):
            place = _place(folded[len(folded_stem) :])
            if place is not None:
                found.append((*place, not name.startswith(stem), name))
    return tuple(name for *_, name in sorted(found))


@frozen(kw_only=True)
class Preview:
    """A picture or film, as it is at this moment.

    Attributes:
        path: where it lies, with links resolved.
        media_type: by its bytes: an MP4 film that is called ``x.png`` is ``video/mp4``.
        size: in bytes.
        mtime_ns: when it was last written, in nanoseconds since 1970.
    """

    path: Path
    media_type: str
    size: int
    mtime_ns: int

    @property
    def etag(self) -> str:
        """Changes whenever the file does; for an HTTP ``ETag``, without its quotes."""
        return key_of(self.path.name, self.size, self.mtime_ns)[:20]


def open_preview(path: Path, root: Path) -> Preview | None:
    """Look at a picture or film.

    Args:
        path: where it lies.
        root: a folder that it must lie in, below any depth; a link that leads out is not followed.

    Returns:
        what it is; None when it is not there, is no regular file, cannot be read, or is neither a
        picture nor a film.
    """
    try:
        real = os.path.realpath(path, strict=True)
        if not Path(real).is_relative_to(os.path.realpath(root)):
            return None
        with BufferedReader(open_regular(real)) as file:
            seen = os.fstat(file.fileno())
            head = file.read(HEAD_BYTES)
    except (OSError, ValueError):  # ValueError: no name of a file, such as one with a zero byte
        return None
    media_type = media_type_of(head)
    if media_type is None:
        return None
    return Preview(
        path=Path(real), media_type=media_type, size=seen.st_size, mtime_ns=seen.st_mtime_ns
    )


def _place(suffix: str) -> tuple[int, int] | None:
    """What comes first is the smaller one; None for what is no preview."""
    rank = _RANKS.get(suffix)
    if rank is not None:
        return rank, 0
    sample = _SAMPLE.fullmatch(suffix)
    if sample is None or sample[2] not in _EXTENSIONS:
        return None
    return _FILM_SAMPLE_RANK if sample[2] in _FILMS else _SAMPLE_RANK, int(sample[1])
