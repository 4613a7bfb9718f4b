"""A Forge's folder with its cache, written as Forge writes it."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
from pathlib import Path

CHECKPOINTS = Path("models", "Stable-diffusion")
PICKLED, RAW = 4, 1

# diskcache 5.6, `diskcache/core.py`
_TABLE = (
    "CREATE TABLE Cache (rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, "
    "expire_time REAL, access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB, "
    "size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0, filename TEXT, value BLOB)"
)
_INDEX = "CREATE UNIQUE INDEX Cache_key_raw ON Cache(key, raw)"
_INSERT = (
    "INSERT INTO Cache (key, raw, store_time, access_time, mode, value) VALUES (?, 1, 1, 1, ?, ?)"
)


class ForgeHome:
    """A Forge's folder.

    Args:
        folder: becomes that.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoints = folder / CHECKPOINTS
        self.checkpoints.mkdir(parents=True)

    def add(self, path: str, *, mtime_ns: int = 1_700_000_000_123_456_789) -> int:
        """A checkpoint, below the folder of checkpoints.

        Returns:
            the time of the file, in nanoseconds.
        """
        file = self.checkpoints / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"tensors")
        os.utime(file, ns=(mtime_ns, mtime_ns))
        return file.stat().st_mtime_ns

    def mtime(self, path: str) -> float:
        """The time of a checkpoint as Forge writes it down: ``os.path.getmtime``."""
        return os.path.getmtime(self.checkpoints / path)

    def remember(self, key: str, entry: object, *, protocol: int = 5) -> None:
        """As Forge does when it has hashed a file."""
        self.write(key, pickle.dumps(entry, protocol=protocol))

    def write(self, key: str, value: object, *, mode: int = PICKLED, cache: str = "hashes") -> None:
        """Any value, in Forge's cache of that name."""
        connection = self.running(cache)
        connection.execute(_INSERT, (key, mode, value))
        connection.close()

    def running(self, cache: str = "hashes") -> sqlite3.Connection:
        """A connection as Forge holds it while it runs: what is written stays in the log."""
        folder = self.folder / "cache" / cache
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(folder / "cache.db", isolation_level=None)
        if is_new:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_TABLE)
            connection.execute(_INDEX)
        return connection

    @property
    def database(self) -> Path:
        return self.folder / "cache" / "hashes" / "cache.db"

    def write_old_file(self, content: object) -> None:
        """``cache.json``, as older versions wrote it."""
        text = content if isinstance(content, str) else json.dumps(content, indent=4)
        (self.folder / "cache.json").write_text(text, encoding="utf-8")


def insert(connection: sqlite3.Connection, key: str, entry: object) -> None:
    """As Forge does while it runs."""
    connection.execute(_INSERT, (key, PICKLED, pickle.dumps(entry, protocol=5)))
