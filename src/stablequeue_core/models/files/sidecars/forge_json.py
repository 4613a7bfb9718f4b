"""Writes Forge's ``<stem>.json``, the one sidecar that we change."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from stablequeue_core.errors import SidecarNotWritten
from stablequeue_core.models.digests import key_of
from stablequeue_core.models.files.safe_files import replacing
from stablequeue_core.models.files.sidecars.json_file import BrokenFile, json_object, read_bounded
from stablequeue_core.models.files.sidecars.names import FORGE_JSON

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_forge_json(
    model_file: Path, changes: Mapping[str, object], locks: Path, *, patience: float = 10.0
) -> None:
    """Change some keys of the JSON that Forge keeps beside a model, and nothing else in it.

    As Forge itself does (dfdcbab6 ``ui_extra_networks_user_metadata.py``): all other keys stay, in
    their order, and the file is UTF-8 with an indent of 4. Unlike Forge, we replace it at once, so
    that nobody ever reads half of it, and one writer waits for the other. A file that would not
    change is left alone.

    Args:
        model_file: the model; its ``<stem>.json`` is written.
        changes: new values by key; None removes the key.
        locks: a folder for lock files, the same for all processes that may write; made if it is
            not there. The model's own folder stays clean.
        patience: seconds to wait for another writer; each is done in milliseconds.

    Raises:
        SidecarNotWritten: the file is as it was before.

    Example::

        write_forge_json(Path("loras/inkWash_v3.safetensors"),
                         {"activation text": "inkwash style", "preferred weight": 0.8},
                         Path("queue-data/locks"))
    """
    target = model_file.with_name(model_file.stem + FORGE_JSON)
    with _explained(target.name), _locked(target, locks, patience):
        if os.path.islink(target):
            raise SidecarNotWritten(
                f"{target.name!r} is a link, and was left as it is. Replace it with a file of its "
                "own, or edit the file that it leads to."
            )
        old = _content(target)
        wanted = {**old, **changes}
        removed = [key for key, value in changes.items() if value is None]
        text = _text({key: value for key, value in wanted.items() if key not in removed})
        if text != _text(old):
            with replacing(target) as file:
                file.write(text)


def _content(target: Path) -> dict[str, object]:
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


def _text(values: Mapping[str, object]) -> bytes:
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


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn errors of the file system into ours; their text holds no path of the machine."""
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
