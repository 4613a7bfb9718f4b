"""Copies a whole queue from one storage to another, and proves that all of it has arrived."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import PurePath
from typing import Any

from attrs import define, field, fields, frozen, has

from stablequeue_core.errors import StorageBusy, StorageError
from stablequeue_core.serialization import to_iso
from stablequeue_core.storage.base import ProcessLock, Storage
from stablequeue_core.storage.chunks import Chunk, ChunkKind
from stablequeue_core.storage.moves import Move

Told = Callable[[ChunkKind, int], None]
"""Hears how many things of a kind have been read so far."""

_DIGEST_BITS = 256


@frozen(kw_only=True)
class Copied:
    """What was copied.

    Attributes:
        counts: how many things of each kind.
        digest: of all of them, in whatever order: the same text for the same queue.
    """

    counts: Mapping[ChunkKind, int]
    digest: str


def copy(source: Storage, target: Storage, *, told: Told | None = None) -> Copied:
    """Copy everything from ``source`` to ``target``, which must be empty.

    Nobody can change the source meanwhile, in whatever process: changes wait, or raise
    ``StorageBusy``. At the end the target is read back and compared, thing by thing. The source
    stays as it is, and goes on. If the copy breaks off, however suddenly, the target stays empty,
    unless that is while the two are compared.

    Args:
        source: nobody may run its jobs.
        target: remembers nothing yet.
        told: hears how far it is, now and then.

    Raises:
        StorageBusy: a process runs jobs of the source, fetches files or tidies up, or has been
            changing something for too long. Nothing was written.
        StorageMoved: the source was moved already.
        StorageNotEmpty: the target remembers something already; it stays as it is.
        StorageError: one of the two failed, or what arrived is not what was sent.

    Example::

        with SqliteStorage("a/queue.sqlite3") as old, SqliteStorage("b/queue.sqlite3") as new:
            print(copy(old, new).counts)
    """
    with source.fence():
        return _copy(source, target, told)


def move(source: Storage, target: Storage, *, told: Told | None = None) -> Copied:
    """As :func:`copy`; once all has arrived, the source is left for good.

    From then on whoever changes it gets ``StorageMoved``, also in processes that have had it open
    all the time: no job is accepted there that the target does not know of, and none is made
    twice. :meth:`~stablequeue_core.storage.Storage.reopen` takes that back.

    Raises:
        StorageBusy, StorageMoved, StorageNotEmpty: as :func:`copy`.
        StorageError: the same; or all has arrived, but the source could not be marked.
    """
    copied = None
    try:
        with source.fence() as leave:
            copied = _copy(source, target, told)
            leave(Move(to=target.location(), at=source.clock.now()))
    except StorageError as error:
        if copied is None:
            raise
        raise StorageError(
            "Everything was copied, but the queue could not be marked as moved, so it still "
            "takes jobs, and there are two of it now. Empty the copy, and move the queue again. "
            f"{error.message}"
        ) from error
    return copied


def _copy(source: Storage, target: Storage, told: Told | None) -> Copied:
    with ExitStack() as held:
        for lock in (source.fetching_lock(), source.tidying_lock()):
            _hold(lock, held)
        for server in source.servers.list():
            _hold(source.lane_lock(server.lane), held)
        sent = _Tally()
        target.restore(_sent(source, sent, told))
        arrived = _Tally()
        for chunk in target.dump():
            arrived.add(chunk)
        if arrived != sent:
            raise StorageError(
                "What arrived is not what was sent, so the copy cannot be trusted: remove it. "
                "The source is as it was. Please report this."
            )
        return sent.copied()


def _hold(lock: ProcessLock, held: ExitStack) -> None:
    if not lock.try_acquire():
        raise StorageBusy(
            "Another process runs jobs of this queue, or fetches files for it. Stop every process "
            "that uses it, then copy it; nothing was written."
        )
    held.callback(lock.release)


def _sent(source: Storage, sent: _Tally, told: Told | None) -> Iterator[Chunk]:
    """All that the source remembers, counted on its way."""
    for chunk in source.dump():
        sent.add(chunk)
        yield chunk
        if told is not None:
            told(chunk.kind, sent.counts[chunk.kind])


@define
class _Tally:
    """How many things there were, and what they add up to: in any order the same."""

    counts: Counter[ChunkKind] = field(factory=Counter)
    total: int = 0

    def add(self, chunk: Chunk) -> None:
        """Count the things in a chunk."""
        self.counts[chunk.kind] += len(chunk.values)
        for text in _texts(chunk.values):
            digest = hashlib.sha256(f"{chunk.kind} {text}".encode()).digest()
            self.total = (self.total + int.from_bytes(digest)) % (1 << _DIGEST_BITS)

    def copied(self) -> Copied:
        """What it has come to."""
        return Copied(counts=dict(self.counts), digest=f"{self.total:0{_DIGEST_BITS // 4}x}")


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield json.dumps(value, default=_plain, sort_keys=True)


def _plain(value: Any) -> Any:
    """What JSON has no word for, in words that it has."""
    if has(type(value)):
        return {each.name: getattr(value, each.name) for each in fields(type(value))}
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be compared")
