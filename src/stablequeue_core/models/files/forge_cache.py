"""Reads the hashes that a Forge on this machine has computed already, so that we need not.

As in Forge dfdcbab6: `modules/cache.py` keeps them with diskcache 5, an SQLite file whose values
are pickles; older versions wrote `cache.json`. `modules/hashes.py` and `modules/sd_models.py` say
what the keys are. Nothing of Forge's is locked or changed, and nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickletools
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path, PurePath

from stablequeue_core.models.digests import is_hash_of_nothing, is_sha256
from stablequeue_core.models.model import ModelKind
from stablequeue_core.models.paths import filename_of

MAX_FILE_BYTES = 16 * 1024 * 1024
"""A larger file of hashes is left alone: it would be of some 50,000 models."""

_MAX_ENTRY_BYTES = 4096
_LOOK_UP = 4  # <forge>/models/Stable-diffusion/one/more
_DATABASE = PurePath("cache", "hashes", "cache.db")
_OLD_FILE = PurePath("cache.json")
_PICKLED = 4  # diskcache's word for how a value is kept
_SAME_TIME = 0.002  # seconds; some file systems and tools round


class ForgeCache:
    """What the Forge that a model folder belongs to knows of its files.

    It is read when something is first asked for, and only once: make a new one for each scan.

    Args:
        home: Forge's folder, or the one given to it as ``--data-dir``.
        prefix: from Forge's folder of checkpoints to ours, with forward slashes; empty when they
            are the same.
    """

    def __init__(self, home: Path, prefix: str = "") -> None:
        self._home = home
        self._prefix = f"{prefix}/" if prefix else ""

    @classmethod
    def near(cls, folder: Path) -> ForgeCache | None:
        """The cache of the Forge that ``folder`` belongs to; None when there is none.

        Args:
            folder: with models, absolute: ``<forge>/models/Stable-diffusion``, or below it.
        """
        for home in folder.parents[:_LOOK_UP]:
            if any(os.path.isfile(home / name) for name in (_DATABASE, _OLD_FILE)):
                models, *below = folder.relative_to(home).parts
                if models.lower() == "models" and below:
                    return cls(home, "/".join(below[1:]))
        return None

    def sha256_of(self, kind: ModelKind, path: str, mtime_ns: int) -> str | None:
        """The SHA-256 of a checkpoint, if Forge has hashed it as it is now.

        Believed only when the time of the file is the one that Forge wrote down. Forge itself is
        content with a file that is *older*; but that is what somebody gets who puts another
        version in the place of the first one. Not believed is the SHA-256 of the file's *name*,
        which Forge wrote there from summer 2024 until spring 2025.

        Other kinds are not looked up. Forge's cache calls a LoRA by its stem alone, and depending
        on the version, what it holds is of the tensors, of the whole file or of its name; all VAEs
        share one entry.

        Args:
            kind: of the file.
            path: below the folder, with forward slashes.
            mtime_ns: of the file.
        """
        if kind is not ModelKind.CHECKPOINT:
            return None
        entry = self._entry(f"{kind.value}/{self._prefix}{path}")
        mtime, digits = entry.get("mtime"), entry.get("sha256")
        if not isinstance(mtime, float) or not isinstance(digits, str):
            return None
        sha256 = digits.lower()
        if not abs(mtime - mtime_ns / 1e9) <= _SAME_TIME or not is_sha256(sha256):
            return None
        name = filename_of(path).encode("utf-8", "surrogateescape")
        is_of_name = sha256 == hashlib.sha256(name).hexdigest()
        return None if is_of_name or is_hash_of_nothing(sha256) else sha256

    def _entry(self, key: str) -> Mapping[str, object]:
        entry = self._entries.get(key)
        return read_pickled_dict(entry) if isinstance(entry, bytes) else entry or {}

    @cached_property
    def _entries(self) -> Mapping[str, bytes | Mapping[str, object]]:
        """By Forge's keys, though with forward slashes."""
        database = self._home / _DATABASE
        found = (
            _rows(database) if os.path.isfile(database) else _old_entries(self._home / _OLD_FILE)
        )
        return {key.replace("\\", "/"): entry for key, entry in found.items()}


def read_pickled_dict(data: bytes) -> dict[str, object]:
    """A flat dict of texts and numbers, read from a pickle without running it.

    A pickle is a program. Only the few of its instructions that such a dict needs are understood,
    and none of them can import or call anything; whatever else is in it, nothing is read.

    Args:
        data: written by ``pickle.dumps`` with protocol 2 or later.

    Returns:
        the dict; an empty one for any other pickle, and for what is none.

    Example:
        >>> import pickle
        >>> read_pickled_dict(pickle.dumps({"mtime": 1.5, "sha256": None}))
        {'mtime': 1.5, 'sha256': None}
        >>> read_pickled_dict(pickle.dumps(print))
        {}
    """
    said: list[object] = []  # the dict itself, then keys and values in turns
    memo: dict[object, object] = {}
    try:
        for opcode, argument, _ in pickletools.genops(data):
            match opcode.name:
                case "EMPTY_DICT":
                    said.append(_DICT)
                case name if name in _SCALARS:
                    said.append(argument)
                case "MEMOIZE":
                    memo[len(memo)] = said[-1]
                case "BINPUT" | "LONG_BINPUT":
                    memo[argument] = said[-1]
                case "BINGET" | "LONG_BINGET":
                    said.append(memo[argument])
                case name if name not in _FRAMING:
                    return {}
        first, *flat = said
        if first is not _DICT or _DICT in flat or not all(isinstance(k, str) for k in flat[::2]):
            return {}
        return {str(key): value for key, value in zip(flat[::2], flat[1::2], strict=True)}
    except (ValueError, LookupError):
        return {}


_DICT = object()
_SCALARS = frozenset(
    {"SHORT_BINUNICODE", "BINUNICODE", "BINFLOAT", "NONE"}
    | {"BININT", "BININT1", "BININT2", "LONG1"}
)
_FRAMING = frozenset({"PROTO", "FRAME", "MARK", "SETITEM", "SETITEMS", "STOP"})
"""They say where an item ends, which is plain without them."""


def _rows(database: Path) -> Mapping[str, bytes]:
    """The entries of diskcache's table, by key; none when it cannot be read.

    It is copied, with the log beside it, and the copy is opened. Opened in its place, even for
    reading only, SQLite would leave two files there; and told not to, it would miss the log, which
    holds everything until Forge has ended in good order. What Forge writes between our copying the
    one and the other is missed; no row is ever half of each.
    """
    log = Path(f"{database}-wal")
    try:
        with tempfile.TemporaryDirectory(
            prefix="stablequeue-", ignore_cleanup_errors=True
        ) as folder:
            for file in (database, log) if os.path.isfile(log) else (database,):
                if file.stat().st_size > MAX_FILE_BYTES:
                    return {}
                shutil.copyfile(file, Path(folder, file.name))
            with closing(sqlite3.connect(Path(folder, database.name))) as copy:
                return dict(copy.execute(_ENTRIES, (_PICKLED, _MAX_ENTRY_BYTES)))
    except (OSError, sqlite3.Error):
        return {}


_ENTRIES = (
    "SELECT key, value FROM Cache WHERE mode = ? AND length(value) <= ? "
    "AND typeof(key) = 'text' AND typeof(value) = 'blob'"
)


def _old_entries(file: Path) -> Mapping[str, Mapping[str, object]]:
    """The same from `cache.json`."""
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            return {}
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    hashes = content.get("hashes") if isinstance(content, dict) else None
    if not isinstance(hashes, dict):
        return {}
    return {key: entry for key, entry in hashes.items() if isinstance(entry, dict)}
