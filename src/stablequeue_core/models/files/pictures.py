"""The previews of a model, wherever they are, in the size that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from stablequeue_core.errors import PreviewNotFound
from stablequeue_core.models.files.covers import Covers
from stablequeue_core.models.files.previews import Preview, open_preview
from stablequeue_core.models.model import Model

if TYPE_CHECKING:
    from stablequeue_core.models.files.thumbnails import Thumbnails


class ModelPictures:
    """Shows models. Safe to use from several threads.

    Args:
        thumbnails: makes what keeps small copies, when the first one is asked for: that loads a
            library for pictures, and looks through what is kept.
        covers: pictures out of the headers of models.
    """

    def __init__(self, thumbnails: Callable[[], Thumbnails], covers: Covers) -> None:
        self._thumbnails = cache(thumbnails)
        self._covers = covers

    def of(self, model: Model, index: int, width: int | None) -> Preview:
        """One preview; see :meth:`~.catalog.ModelCatalog.preview`.

        Raises:
            PreviewNotFound: there is no such one, or it is no picture.
            UnreadableModel: it cannot be made smaller.
        """
        found = self._all(model)
        if not 0 <= index < len(found):
            raise PreviewNotFound(
                model.filename, index, len(found), file=_no_picture(model, index, found)
            )
        preview = found[index]
        return preview if width is None else self._thumbnails().of(preview, width) or preview

    def _all(self, model: Model) -> Sequence[Preview]:
        """Those that are what they are called, stills before films whatever they are called."""
        if not model.previews:
            cover = self._covers.of(model) if model.has_cover else None
            return [cover] if cover else []
        opened = [open_preview(model.beside(name), Path(model.root)) for name in model.previews]
        return sorted(filter(None, opened), key=lambda each: each.media_type.startswith("video/"))


def _no_picture(model: Model, index: int, found: Sequence[Preview]) -> str | None:
    """The name of the file that should be this preview, and is something else."""
    if found or not 0 <= index < len(model.previews):
        return None
    name = model.previews[index]
    return name if model.beside(name).exists() else None
