"""Changes a JSON file beside a model: nobody reads half of it, and what cannot be read is left."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stablequeue_core.errors import SidecarNotWritten
from stablequeue_core.models.digests import key_of
from stablequeue_core.models.files.safe_files import replacing
from stablequeue_core.models.files.sidecars.json_file import (
    LARGEST_BYTES,
    BrokenFile,
    json_object,
    read_bounded,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def locked(model_file: Path, locks: Path, *, patience: float = 10.0) -> Iterator[None]:
    """While no other process, and no other thread, writes the files beside a model.

    Args:
        model_file: the model.
        locks: a folder for lock files, the same for all processes that may write; made if it is
            not there. The model's own folder stays clean.
        patience: seconds to wait for another writer; each is done in milliseconds.

    Raises:
        SidecarNotWritten: somebody else does not finish, or the lock cannot be had.
    """
    # A few locks for all files: one lock file for each model would never be deleted.
    folder = os.path.normcase(os.path.realpath(model_file.parent))
    key = key_of(folder + os.path.normcase(model_file.stem))[:2]
    lock = _lock_at(locks / f"sidecars-{key}.lock")
    with explained(model_file.stem):
        locks.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=patience)
    try:
        yield
    finally:
        lock.release()


@lru_cache(maxsize=1024)
def _lock_at(path: Path) -> FileLock:
    """Each thread that takes it holds it for itself; making one takes longer than taking it."""
    return FileLock(path)


def read_json(target: Path) -> dict[str, Any]:
    """The JSON object in a file, to the letter; an empty one when there is no file.

    Raises:
        SidecarNotWritten: it is broken, so that nobody can change it without losing something; or
            it cannot be read.
    """
    try:
        with explained(target.name):
            try:
                data, _ = read_bounded(target)
            except FileNotFoundError:
                return {}
        return json_object(data, exact=True)
    except BrokenFile as error:
        raise SidecarNotWritten(
            f"{target.name!r} {error.reason}, so it was left as it is. Repair or delete it, then "
            "try again."
        ) from None


def write_json(
    target: Path, content: Mapping[str, Any], old: Mapping[str, Any], *, persist: bool = True
) -> None:
    """Put a JSON object into a file, in one step; one that would not change is left alone.

    It is UTF-8 with an indent of 4, as Forge and Civitai Helper write theirs. A link is never
    written through.

    Args:
        target: the file.
        content: what it shall hold.
        old: what it holds.
        persist: see :func:`.safe_files.replacing`.

    Raises:
        SidecarNotWritten: the file is as it was before.
    """
    if os.path.islink(target):
        raise SidecarNotWritten(
            f"{target.name!r} is a link, and was left as it is. Replace it with a file of its own, "
            "or edit the file that it leads to."
        )
    text = _text(content, target.name)
    if content == old and text == _text(old, target.name):  # 1 equals True
        return
    if len(text) > LARGEST_BYTES:
        raise SidecarNotWritten(
            f"{target.name!r} would have more than {LARGEST_BYTES // 2**20} MiB, too much for a "
            "description, so it was left as it is."
        )
    with explained(target.name), replacing(target, persist=persist) as file:
        file.write(text)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn errors of the file system into ours; their text holds no path of the machine.

    Args:
        name: of the file that is being written.

    Raises:
        SidecarNotWritten: the block could not write it.
    """
    try:
        yield
    except Timeout as error:
        raise SidecarNotWritten(
            f"{name!r} is being written by another process that does not finish. Try again."
        ) from error
    except OSError as error:
        if error.errno in _FULL:
            raise SidecarNotWritten(
                f"{name!r} could not be written: the disk is full. Free some space, then try again."
            ) from error
        reason = error.strerror or type(error).__name__
        raise SidecarNotWritten(
            f"{name!r} could not be written: {reason}. Check that the model folder exists and may "
            "be written to."
        ) from error


def _text(values: Mapping[str, Any], name: str) -> bytes:
    try:
        return json.dumps(values, indent=4, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can only hold escaped
        return json.dumps(values, indent=4).encode()
    except RecursionError:
        raise SidecarNotWritten(
            f"What belongs into {name!r} is nested too deeply, so it was left as it is."
        ) from None
