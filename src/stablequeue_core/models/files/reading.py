"""Reads one model file and what lies beside it: all that is known of it without its hash."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from attrs import evolve

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.files.covers import has_cover
from stablequeue_core.models.files.detection import detect, settle
from stablequeue_core.models.files.forge_cache import ForgeCache
from stablequeue_core.models.files.found import FoundFile
from stablequeue_core.models.files.hashing import told_hash
from stablequeue_core.models.files.headers import Header, read_header
from stablequeue_core.models.files.previews import preview_names
from stablequeue_core.models.files.safe_files import open_regular
from stablequeue_core.models.files.sidecars import read_sidecars
from stablequeue_core.models.model import (
    NO_HASHES,
    FileFormat,
    FileProblem,
    Hashes,
    HashSource,
    Model,
    ModelKind,
)
from stablequeue_core.models.paths import file_stem, filename_of, folder_of

READ_AT_ONCE = 64 * 1024
"""Bytes: the header of most LoRAs, and the beginning of any other."""

_NOTHING_TOLD = Header(format=FileFormat.UNKNOWN)

_CALLED: Mapping[ModelKind, str] = {
    ModelKind.CHECKPOINT: "a checkpoint",
    ModelKind.LORA: "a LoRA",
    ModelKind.VAE: "a VAE",
    ModelKind.EMBEDDING: "an embedding",
    ModelKind.UPSCALER: "an upscaler",
    ModelKind.CONTROLNET: "a ControlNet",
}


def read_model(found: FoundFile, cache: ForgeCache | None = None) -> Model:
    """Open the file, read its header, and merge what the files beside it say.

    A file that is broken gives a model too, with a problem that says what it is.

    Args:
        found: where it is.
        cache: hashes that a Forge has computed already.

    Raises:
        FileNotFoundError: it was removed meanwhile.
    """
    header, problems = _NOTHING_TOLD, []
    seen: os.stat_result | None = None
    try:
        # Most headers come with the first read, which counts when the disk is far away.
        opened = open_regular(f"{found.root.name}/{found.path}")
        with BufferedReader(opened, READ_AT_ONCE) as file:
            seen = os.fstat(file.fileno())
            header = read_header(file, seen.st_size)
    except UnreadableModel as error:
        problems.append(FileProblem(code=error.code, message=error.message))
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problems.append(FileProblem(code="unreadable", message=f"It cannot be read: {reason}."))
    detected = detect(header, filename=filename_of(found.path))
    if detected.kind is not None and detected.kind is not found.root.kind:
        problems.append(_misplaced(detected.kind, found.root.kind))
    size, mtime_ns = (seen.st_size, seen.st_mtime_ns) if seen else (found.size, found.mtime_ns)
    model = Model(
        kind=found.root.kind,
        root=found.root.name,
        path=found.path,
        size=size,
        mtime_ns=mtime_ns,
        created_at=_created_at(seen, mtime_ns),
        format=header.format,
        base_model=detected.base_model,
        own_base_model=detected.base_model,
        details=detected.details,
        hashes=_hashes_known(found, header.metadata, cache),
        has_cover=has_cover(header.metadata),
        problems=tuple(problems),
        surroundings=found.surroundings,
    )
    return read_surroundings(model, found) if found.beside else model


def read_surroundings(model: Model, found: FoundFile) -> Model:
    """``model``, which has not changed itself, where ``found`` says, with what lies beside it."""
    beside = read_sidecars(
        Path(found.root.name, folder_of(found.path)),
        file_stem(found.path),
        found.beside,
        size=model.size,
        mtime_ns=model.mtime_ns,
        sha256=model.hashes.sha256,
    )
    hashes = model.hashes
    if beside.sha256 and not hashes.sha256:
        hashes = evolve(hashes, sha256=beside.sha256, source=HashSource.SIDECAR)
    own_problems = [problem for problem in model.problems if problem.file is None]
    return evolve(
        model,
        root=found.root.name,
        path=found.path,
        missing=False,
        card=beside.card,
        base_model=settle(model.own_base_model, beside.card),
        hashes=hashes,
        previews=preview_names(file_stem(found.path), found.beside),
        problems=(*own_problems, *beside.problems),
        surroundings=found.surroundings,
    )


def _hashes_known(
    found: FoundFile, metadata: Mapping[str, str], cache: ForgeCache | None
) -> Hashes:
    """What is known without reading the file to its end."""
    told = told_hash(metadata)
    sha256 = None
    if cache is not None:
        sha256 = cache.sha256_of(found.root.kind, found.path, found.mtime_ns)
    if told is None and sha256 is None:
        return NO_HASHES
    return Hashes(told=told, sha256=sha256, source=HashSource.FORGE_CACHE if sha256 else None)


def _misplaced(is_kind: ModelKind, kind: ModelKind) -> FileProblem:
    """A server finds a file only as what its folder says."""
    message = (
        f"It is {_CALLED[is_kind]}, but lies in a folder for {kind.value} files; "
        "servers will not find it as what it is. Move it."
    )
    return FileProblem(code="wrong_folder", message=message)


def _created_at(seen: os.stat_result | None, mtime_ns: int) -> datetime:
    """When the file came here. Linux does not tell; its two other times are no earlier."""
    seconds = mtime_ns / 1e9
    if seen is not None:
        born: float | None = getattr(seen, "st_birthtime", None)
        seconds = born if born is not None else min(seen.st_mtime, seen.st_ctime)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):  # a time that nobody can have meant
        return datetime.fromtimestamp(0, UTC)
