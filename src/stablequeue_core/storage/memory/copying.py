"""A whole memory, piece by piece, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, fields

from stablequeue_core.errors import StorageNotEmpty
from stablequeue_core.storage.chunks import (
    Chunk,
    ChunkKind,
    FolderState,
    QueueState,
    UsedKey,
    in_chunks,
)
from stablequeue_core.storage.memory.state import Memory


def dump(memory: Memory) -> Iterator[Chunk]:
    """Everything that is remembered, as it is in this moment."""
    with memory.lock:
        everything: list[tuple[ChunkKind, list[Any]]] = [
            (ChunkKind.QUEUE, [QueueState(paused=memory.paused, last_model=memory.last_model)]),
            (ChunkKind.SERVERS, [evolve(one, number=0) for one in memory.servers.values()]),
            (ChunkKind.JOBS, [*memory.jobs.values()]),
            (ChunkKind.KEYS, _keys(memory)),
            (ChunkKind.MODELS, sorted(memory.models.values(), key=lambda model: model.id)),
            (ChunkKind.FOLDERS, _folders(memory)),
            (ChunkKind.IDENTITIES, [*memory.identities.values()]),
            (ChunkKind.DOWNLOADS, [*memory.downloads.values()]),
            (ChunkKind.COSTS, [*memory.costs.values()]),
            (ChunkKind.EVENTS, [*memory.events]),
        ]
    for kind, values in everything:
        yield from in_chunks(kind, values)


def restore(memory: Memory, chunks: Iterable[Chunk]) -> None:
    """Remember all of it; ``memory`` must be empty."""
    filled = Memory()
    for chunk in chunks:
        for value in chunk.values:
            _KEEP[chunk.kind](filled, value)
    with memory.lock:
        _check_empty(memory)
        with memory.changing():
            for field in fields(Memory):
                if field.name not in _NOT_COPIED:
                    setattr(memory, field.name, getattr(filled, field.name))
    memory.bells.changes.ring()
    memory.bells.work.ring()


_NOT_COPIED = {"lock", "bells", "locks", "reports", "workers", "fenced", "moved"}


def _check_empty(memory: Memory) -> None:
    if any(
        (
            memory.servers,
            memory.jobs,
            memory.models,
            memory.fingerprints,
            memory.identities,
            memory.downloads,
            memory.costs,
            memory.events,
        )
    ):
        raise StorageNotEmpty


def _keys(memory: Memory) -> list[UsedKey]:
    return [
        UsedKey(
            key=key,
            digest=digest,
            first=memory.jobs[ids[0]].number,
            last=memory.jobs[ids[-1]].number,
        )
        for key, (digest, ids) in memory.keys.items()
    ]


def _folders(memory: Memory) -> list[FolderState]:
    return [
        FolderState(root=root, folder=folder, fingerprint=fingerprint)
        for root, folders in memory.fingerprints.items()
        for folder, fingerprint in folders.items()
    ]


def _keep_queue(memory: Memory, state: QueueState) -> None:
    memory.paused, memory.last_model = state.paused, state.last_model


def _keep_job(memory: Memory, job: Any) -> None:
    memory.jobs[job.id] = evolve(job, image_folder=None)
    memory.accepted = job.number


def _keep_key(memory: Memory, used: UsedKey) -> None:
    ids = [job.id for job in memory.jobs.values() if used.first <= job.number <= used.last]
    memory.keys[used.key] = used.digest, tuple(ids)


def _keep_folder(memory: Memory, state: FolderState) -> None:
    memory.fingerprints.setdefault(state.root, {})[state.folder] = state.fingerprint


def _keep_server(memory: Memory, server: Any) -> None:
    memory.servers[server.alias] = evolve(server, number=1 + len(memory.servers))


def _keep_download(memory: Memory, download: Any) -> None:
    memory.downloads[download.id] = download
    memory.downloads_accepted = download.number


def _keep_event(memory: Memory, event: Any) -> None:
    memory.events.append(event)
    memory.events_written = event.sequence


_KEEP: Mapping[ChunkKind, Callable[[Memory, Any], object]] = {
    ChunkKind.QUEUE: _keep_queue,
    ChunkKind.SERVERS: _keep_server,
    ChunkKind.JOBS: _keep_job,
    ChunkKind.KEYS: _keep_key,
    ChunkKind.MODELS: lambda memory, model: memory.models.update({model.id: model}),
    ChunkKind.FOLDERS: _keep_folder,
    ChunkKind.IDENTITIES: lambda memory, one: memory.identities.update({one.sha256: one}),
    ChunkKind.DOWNLOADS: _keep_download,
    ChunkKind.COSTS: lambda memory, cost: memory.costs.update({(cost.server, cost.family): cost}),
    ChunkKind.EVENTS: _keep_event,
}
