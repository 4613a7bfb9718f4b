"""Whether the folders are there, and can be used as they are meant to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stablequeue_core.doctor.diagnosis import Finding, ok, problem, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.errors import StorageError
from stablequeue_core.models import ModelQuery, ModelRoot
from stablequeue_core.quantities import count_text
from stablequeue_core.storage import Storage

DATA, IMAGES = "data folder", "image folder"


def check_folders(premises: Premises) -> Iterator[Finding]:
    """The data folder, the image folder, and each folder with models."""
    if not premises.folder.is_dir():
        there = "is a file" if premises.folder.exists() else "is not there"
        yield problem(
            DATA,
            f"It {there}.",
            "Check --data-dir (STABLEQUEUE_DATA_DIR); the first start makes a new one.",
        )
    else:
        yield from _writable(DATA, premises.folder)
        yield from _of_images(premises.images)
    for root in premises.roots:
        yield from _of_models(root, premises.storage)


def _of_images(folder: Path) -> Iterator[Finding]:
    if folder.is_dir():
        yield from _writable(IMAGES, folder)
    elif not os.path.lexists(folder):
        yield ok(IMAGES, "It is not there yet; the first start makes it.")
    elif folder.exists():
        yield problem(
            IMAGES,
            "It is a file, and no folder: nothing starts.",
            f"Move that file ({folder.name!r}) away; the next start makes a folder.",
        )
    else:
        yield problem(
            IMAGES,
            "It is a link to something that is not there: nothing starts.",
            "If that lies on a disk of its own, mount it; else remove the link: the next start "
            "makes a folder.",
        )


def _writable(subject: str, folder: Path) -> Iterator[Finding]:
    try:
        # Leaves nothing behind: it has no name where the system can do without.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        yield problem(
            subject,
            f"It cannot be written: {error.strerror or type(error).__name__}.",
            "Make it writable for the user that runs StableQueue, or free some space.",
        )
    else:
        yield ok(subject, "It can be written.")


def _of_models(root: ModelRoot, storage: Storage | None) -> Iterator[Finding]:
    subject = f"model folder {label(root)}"
    try:
        with os.scandir(root.folder) as entries:
            is_empty = next(entries, None) is None
    except OSError as error:
        yield problem(
            subject,
            f"It cannot be read: {error.strerror or type(error).__name__}.",
            "If it lies on a disk of its own, mount that; models that were found there are kept.",
        )
        return
    known = _known(root, storage)
    if is_empty and known:
        yield problem(
            subject,
            f"It is empty, but models were found there before ({known:,}).",
            "If it lies on a disk of its own, that one is not mounted.",
        )
    elif is_empty:
        yield warning(subject, "It is empty.", "Check that this is the folder that you mean.")
    elif not os.access(root.folder, os.W_OK):
        yield warning(
            subject,
            "It can be read, but not written: no model can be fetched into it, and nothing be "
            "noted beside those that are there.",
            "Make it writable, if that is not what you want.",
        )
    else:
        yield ok(subject, f"It can be used; {count_text(known, 'model')} in it known.")


def label(root: ModelRoot) -> str:
    """Enough of a folder's path to recognise it by, and no more."""
    return "/".join(root.folder.parts[-2:]).replace("\\", "/").lstrip("/")


def _known(root: ModelRoot, storage: Storage | None) -> int:
    if storage is None:
        return 0
    query = ModelQuery(roots=frozenset({root.name}), missing=True, limit=1)
    try:
        return storage.models.list(query).total
    except StorageError:  # What is wrong with it, the check of the database tells.
        return 0
