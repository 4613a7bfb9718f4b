"""Pictures in one folder of the disk, written so that none is ever half there."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from stablequeue_core.errors import DiskFull, ImageNotFound, ImageStoreError
from stablequeue_core.images.names import attempt_prefix, index_in, is_picture_name
from stablequeue_core.images.store import ImageStore

_WINDOWS = os.name == "nt"
_LEFTOVER_SECONDS = 3600  # no writer takes that long: whoever began this file is dead
_TEMPORARY = re.compile(r"\.(?P<picture>.+)\.[0-9a-f]{16}\.tmp")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_HARD_LINKS = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
)


class FolderImageStore(ImageStore):
    """Keeps pictures in ``folder``, which is made if it is not there.

    Example::

        store = FolderImageStore(Path.home() / "stablequeue" / "images")
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).absolute()
        with _explained("The image folder cannot be used"):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()

    def save_all(self, pictures: Sequence[tuple[str, bytes]]) -> None:
        """Keep pictures, all of them or none; see the port."""
        for name, _ in pictures:
            if not is_picture_name(name):
                raise ValueError(f"{name!r} is not the name of a picture")
        temporary: list[str] = []
        kept: list[str] = []
        with _explained("The picture could not be saved"):
            try:
                for name, data in pictures:
                    temporary.append(self._inside(f".{name}.{os.urandom(8).hex()}.tmp"))
                    _write(temporary[-1], data)
                for (name, _), source in zip(pictures, temporary, strict=True):
                    _rename_to_new(source, self._inside(name))
                    kept.append(self._inside(name))
                self._persist_names()
            except BaseException:
                for path in (*temporary, *kept):
                    with suppress(OSError):
                        os.unlink(path)
                raise

    def path(self, name: str) -> Path:
        """Where the picture lies; see the port."""
        if is_picture_name(name):
            path = self._inside(name)
            with suppress(OSError):
                if stat.S_ISREG(os.lstat(path).st_mode):  # a link may point anywhere
                    return Path(path)
        raise ImageNotFound(name)

    def discard(self, names: Iterable[str]) -> None:
        """Delete these pictures; see the port."""
        with _explained("A picture could not be deleted"):
            for name in filter(is_picture_name, names):
                with suppress(FileNotFoundError):
                    os.unlink(self._inside(name))

    def discard_attempt(
        self, job_id: str, started_at: datetime, pictures: range | None = None
    ) -> int:
        """Delete what an attempt left behind; see the port."""
        prefix = attempt_prefix(job_id, started_at)
        with _explained("The pictures of a broken attempt could not be deleted"):
            entries = os.listdir(self.folder)
            left = [
                name
                for name in entries
                if _picture_in(name).startswith(prefix)
                and (pictures is None or index_in(_picture_in(name)) in pictures)
            ]
            for name in left:
                with suppress(FileNotFoundError):
                    os.unlink(self._inside(name))
        return len(left)

    def _inside(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _persist_names(self) -> None:
        """Make the new names survive a power cut.

        Syncing a file makes its bytes durable, not the name it was given afterwards: without this
        a job could be recorded as completed whose picture is gone after a power cut. It is done
        once for all pictures of a job. Windows cannot sync a folder; NTFS keeps a log of names.
        """
        if _WINDOWS:
            return
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _sweep(self) -> None:
        """Remove what writers left behind that died long ago; younger ones may be alive."""
        limit = time.time() - _LEFTOVER_SECONDS
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if _picture_in(entry.name) in ("", entry.name):
                    continue
                with suppress(OSError):  # another process sweeps too, or has the file open
                    if entry.stat(follow_symlinks=False).st_mtime < limit:
                        os.unlink(entry.path)


def _picture_in(file_name: str) -> str:
    """The picture that a file is, or is about to become; empty for any other file."""
    match = _TEMPORARY.fullmatch(file_name)
    picture = match["picture"] if match else file_name
    return picture if is_picture_name(picture) else ""


def _write(path: str, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _rename_to_new(source: str, target: str) -> None:
    """Rename a file; fail with FileExistsError if the new name is taken."""
    if _WINDOWS:
        os.rename(source, target)  # refuses to overwrite, there
        return
    try:
        os.link(source, target)  # the POSIX rename would overwrite
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # A file system without hard links (FAT, some network shares). Between this look and the
        # renaming only a second writer of the same attempt could take the name.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(source, target)
    else:
        os.unlink(source)


@contextmanager
def _explained(what_failed: str) -> Iterator[None]:
    """Turn errors of the file system into ours; their text holds no path of the machine."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull from error
        if isinstance(error, FileExistsError):
            raise ImageStoreError(
                f"{what_failed}: its name is taken. What lies there was left as it is."
            ) from error
        raise ImageStoreError(
            f"{what_failed}: {error.strerror or type(error).__name__}. "
            "Check that the image folder exists and may be written to."
        ) from error
