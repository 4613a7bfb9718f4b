"""Changes a JSON file beside a model: nobody reads half of it, and what cannot be read is left."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From what a file holds to what it shall hold; empty when there is none yet."""


def rewrite_json(target: Path, change: Change, locks: Path, *, patience: float = 10.0) -> None:
    """Change a JSON object in a file, in one step; one writer waits for the other.

    The file is UTF-8 with an indent of 4, as Forge and Civitai Helper write theirs. One that would
    not change is left alone.

    Args:
        target: the file.
        change: what to make of its content.
        locks: a folder for lock files, the same for all processes that may write; made if it is
            not there. The model's own folder stays clean.
        patience: seconds to wait for another writer; each is done in milliseconds.

    Raises:
        SidecarNotWritten: the file is as it was before.
    """
    with explained(target.name), _locked(target, locks, patience):
        if os.path.islink(target):
            raise SidecarNotWritten(
                f"{target.name!r} is a link, and was left as it is. Replace it with a file of its "
                "own, or edit the file that it leads to."
            )
        old = read_json(target)
        before = _text(old)
        try:
            text = _text(change(old))
        except RecursionError:
            raise SidecarNotWritten(
                f"What belongs into {target.name!r} is nested too deeply, so it was left as it is."
            ) from None
        if len(text) > LARGEST_BYTES:
            raise SidecarNotWritten(
                f"{target.name!r} would have more than {LARGEST_BYTES // 2**20} MiB, too much for "
                "a description, so it was left as it is."
            )
        if text != before:
            with replacing(target) as file:
                file.write(text)


def read_json(target: Path) -> dict[str, Any]:
    """The JSON object in a file, to the letter; an empty one when there is no file.

    Raises:
        SidecarNotWritten: it is broken, so that nobody can change it without losing something.
        OSError: it cannot be read.
    """
    try:
        data, _ = read_bounded(target)
        return json_object(data, exact=True)
    except FileNotFoundError:
        return {}
    except BrokenFile as error:
        raise SidecarNotWritten(
            f"{target.name!r} {error.reason}, so it was left as it is. Repair or delete it, then "
            "try again."
        ) from None


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


def _text(values: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(values, indent=4, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can only hold escaped
        return json.dumps(values, indent=4).encode()


@contextmanager
def _locked(target: Path, locks: Path, patience: float) -> Iterator[None]:
    # A few locks for all files: one lock file for each model would never be deleted.
    name = os.path.normcase(os.path.realpath(target.parent)) + os.path.normcase(target.name)
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"sidecars-{key_of(name)[:2]}.lock", timeout=patience):
        yield
