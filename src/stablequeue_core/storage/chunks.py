"""What a storage is made of on its way to another one: kinds of pieces, and what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any

from attrs import frozen

CHUNK_VALUES = 500
"""So many values are in a chunk at most."""


class ChunkKind(StrEnum):
    """What a chunk holds. They come in this order, each kind in any number of chunks, or in none.

    Attributes:
        QUEUE: one :class:`QueueState`.
        SERVERS: :class:`~stablequeue_core.servers.Server`, in the order in which they were added.
        JOBS: :class:`~stablequeue_core.jobs.Job`, parts of jobs too, by number.
        KEYS: :class:`UsedKey`.
        MODELS: :class:`~stablequeue_core.models.Model`, by id.
        FOLDERS: :class:`FolderState`.
        IDENTITIES: :class:`~stablequeue_core.models.Identity`.
        DOWNLOADS: :class:`~stablequeue_core.downloads.Download` with their records, by number.
        COSTS: :class:`~stablequeue_core.servers.Cost`.
        EVENTS: :class:`~stablequeue_core.events.Event`, by sequence.
    """

    QUEUE = "queue"
    SERVERS = "servers"
    JOBS = "jobs"
    KEYS = "keys"
    MODELS = "models"
    FOLDERS = "folders"
    IDENTITIES = "identities"
    DOWNLOADS = "downloads"
    COSTS = "costs"
    EVENTS = "events"


@frozen
class Chunk:
    """A piece of a whole storage, on its way to another one.

    Attributes:
        kind: what it holds.
        values: the things themselves, as the stores know them; at most :data:`CHUNK_VALUES`.
    """

    kind: ChunkKind
    values: Sequence[Any]


@frozen(kw_only=True)
class QueueState:
    """What is remembered of the queue as a whole.

    Attributes:
        paused: whether it is.
        last_model: the highest id that a model was ever given: ids are not given twice.
    """

    paused: bool
    last_model: int


@frozen(kw_only=True)
class UsedKey:
    """An idempotency key, and the jobs that it led to: those of one call are numbered in a row.

    Attributes:
        key, digest: as they were given.
        first, last: numbers of the first and the last of the jobs.
    """

    key: str
    digest: str
    first: int
    last: int


@frozen(kw_only=True)
class FolderState:
    """How a folder of models looked when all of its models were known."""

    root: str
    folder: str
    fingerprint: str


def in_chunks(kind: ChunkKind, values: Iterable[Any]) -> Iterator[Chunk]:
    """The values, cut into chunks; no chunk for none."""
    rest = iter(values)
    while some := list(islice(rest, CHUNK_VALUES)):
        yield Chunk(kind, some)
