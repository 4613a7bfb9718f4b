"""Small copies of previews, made once and kept in a folder of their own."""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

from PIL import Image

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.digests import key_of
from stablequeue_core.models.files.previews import Preview
from stablequeue_core.models.files.safe_files import open_regular, replacing
from stablequeue_core.models.files.stills import (
    LARGEST_PIXELS,
    PictureBroken,
    PictureTooLarge,
    can_code,
    can_open,
    opened_still,
    upright,
)

WIDTHS = (96, 160, 320, 450, 640, 960)
"""Pixels. Others are made up to the next of these, so that a client cannot fill the folder."""

LARGEST_FILE = 128 * 2**20

PATIENCE = 5.0
"""Seconds to wait for thumbnails that are being made before this one."""

_OURS = re.compile(r"[0-9a-f]{40}\.webp|\.[0-9a-f]{16}\.tmp")
_LEFTOVER_SECONDS = 3600  # no writer takes that long: whoever began this file is dead


class Thumbnails:
    """Makes and keeps thumbnails. Safe to use from several threads, and by several processes.

    Args:
        folder: holds nothing else; made when the first thumbnail is kept.
        most: how many are kept; the oldest beyond that are deleted when this is constructed.

    Example::

        small = Thumbnails(Path("queue-data/thumbnails")).of(preview, width=320)
    """

    def __init__(self, folder: Path, *, most: int = 20_000) -> None:
        self._folder = folder
        self._one_at_a_time = threading.Lock()  # a picture of 64 megapixels takes 256 MB
        self._sweep(most)

    def of(self, preview: Preview, width: int) -> Preview | None:
        """A copy of a picture that is as wide as asked, or a little wider, never than the picture.

        It is a WEBP picture, upright, with the transparency of the original, and shows the first
        frame of an animation. It is no higher than four times its width.

        Args:
            preview: of what.
            width: in pixels; brought up to the next of :data:`WIDTHS`.

        Returns:
            the copy; None when there can be none, so that the original has to do: it is a film, or
            has changed meanwhile, the copy cannot be kept, or others take too long before it.

        Raises:
            UnreadableModel: ``preview_too_large``, when it has more pixels than any preview, as
                pictures have that are made to use up memory; ``preview_unreadable``, when it is
                broken.
        """
        if not (can_code("webp") and can_open(preview.media_type)):
            return None
        wide = next((each for each in WIDTHS if each >= width), WIDTHS[-1])
        target = self._folder / f"{key_of(preview.path, preview.size, preview.mtime_ns, wide)}.webp"
        if kept := _kept(target):
            return kept
        if not self._one_at_a_time.acquire(timeout=PATIENCE):
            return None
        try:
            if kept := _kept(target):
                return kept
            small = _shrunk(preview, wide)
            return self._keep(small, target) if small else None
        finally:
            self._one_at_a_time.release()

    def _keep(self, small: Image.Image, target: Path) -> Preview | None:
        """Write it to its place in one step; None when that fails: it is no more than a cache."""
        # On Windows, nobody can replace a file that is being read; then there is one already.
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                small.save(file, "WEBP", quality=82, method=4)
        return _kept(target)

    def _sweep(self, most: int) -> None:
        """Remove what writers left behind, and the oldest thumbnails of too many."""
        found = []
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                if _OURS.fullmatch(entry.name):
                    with suppress(OSError):  # another process sweeps too
                        found.append((entry.stat(follow_symlinks=False).st_mtime, entry.path))
        limit = time.time() - _LEFTOVER_SECONDS
        leftovers = [path for at, path in found if path.endswith(".tmp") and at < limit]
        thumbnails = sorted((at, path) for at, path in found if not path.endswith(".tmp"))
        too_many = [path for _, path in thumbnails[: max(len(thumbnails) - most, 0)]]
        for path in (*leftovers, *too_many):
            with suppress(OSError):
                os.unlink(path)


def _kept(path: Path) -> Preview | None:
    try:
        seen = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(seen.st_mode) or not seen.st_size:
        return None
    return Preview(path=path, media_type="image/webp", size=seen.st_size, mtime_ns=seen.st_mtime_ns)


def _shrunk(preview: Preview, width: int) -> Image.Image | None:
    """The picture made smaller; None when it is not the one that was looked at any more."""
    if preview.size > LARGEST_FILE:
        raise _too_large(preview)
    try:
        with BufferedReader(open_regular(preview.path)) as file:
            seen = os.fstat(file.fileno())
            if (seen.st_size, seen.st_mtime_ns) != (preview.size, preview.mtime_ns):
                return None
            with opened_still(file, preview.media_type) as image:
                return upright(image, width)
    except FileNotFoundError:
        return None
    except PictureTooLarge as error:
        raise _too_large(preview) from error
    except (PictureBroken, OSError) as error:
        raise UnreadableModel(
            "preview_unreadable",
            f"{preview.path.name!r} is a broken picture, so there is no thumbnail of it. Save it "
            "anew, or delete it.",
        ) from error


def _too_large(preview: Preview) -> UnreadableModel:
    return UnreadableModel(
        "preview_too_large",
        f"{preview.path.name!r} has more than {LARGEST_PIXELS // 1_000_000} megapixels or "
        f"{LARGEST_FILE // 2**20} MiB, too much for a preview. Replace it with a smaller picture.",
    )
