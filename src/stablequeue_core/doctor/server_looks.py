"""Looks at every server, all at the same time, and judges nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from attrs import frozen

from stablequeue_core.backends import Backend, MemoryReport
from stablequeue_core.doctor.forge_traits import ForgeTraits, traits_of
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.errors import BackendError, StorageError
from stablequeue_core.jobs import JobQuery, JobStatus
from stablequeue_core.servers import Inventory, Server, ServerHealth, ServerStatus
from stablequeue_core.storage import Storage

AT_ONCE = 32
"""So many servers are asked at the same time."""

NEWEST_JOBS = 200
"""So many finished jobs are looked through for what servers said of themselves."""


@frozen(kw_only=True)
class ServerLook:
    """What was seen of a server just now.

    Attributes:
        server: which one.
        backend: speaks with it; None where it was not asked.
        health: how it feels.
        inventory: what it has; None where it could not be asked.
        refusal: why it could not.
        memory: what is left; None where it does not tell.
        traits: how it was started; None where that cannot be seen.
        version: as it called itself when it last finished a job; None: not known.
    """

    server: Server
    health: ServerHealth
    backend: Backend | None = None
    inventory: Inventory | None = None
    refusal: str | None = None
    memory: MemoryReport | None = None
    traits: ForgeTraits | None = None
    version: str | None = None

    @property
    def is_online(self) -> bool:
        """Whether it can be asked for pictures."""
        return self.health.status is ServerStatus.ONLINE


def look_at_servers(premises: Premises) -> Sequence[ServerLook]:
    """Every server of the queue, in the order in which they were added.

    Disabled ones are not asked. Without a storage nobody knows of any.
    """
    if premises.storage is None:
        return ()
    try:
        servers = premises.storage.servers.list()
        versions = _versions(premises.storage)
    except StorageError:  # What is wrong with it, the check of the database tells.
        return ()
    if not servers:
        return ()
    with ThreadPoolExecutor(min(AT_ONCE, len(servers))) as pool:
        return list(
            pool.map(lambda each: _look_at(each, premises, versions.get(each.alias)), servers)
        )


def _look_at(server: Server, premises: Premises, version: str | None) -> ServerLook:
    if not server.enabled:
        return ServerLook(server=server, health=ServerHealth(status=ServerStatus.DISABLED))
    backend = premises.connect(server)
    health = backend.probe()
    inventory, refusal, memory = None, None, None
    if health.status is ServerStatus.ONLINE:
        try:
            inventory = backend.inventory()
        except BackendError as error:
            refusal = error.message
        with suppress(BackendError):
            memory = backend.memory()
    return ServerLook(
        server=server,
        backend=backend,
        health=health,
        inventory=inventory,
        refusal=refusal,
        memory=memory,
        traits=_traits(server, premises, health),
        version=version,
    )


def _traits(server: Server, premises: Premises, health: ServerHealth) -> ForgeTraits | None:
    if premises.transport is None or health.status is ServerStatus.OFFLINE:
        return None
    return traits_of(server, premises.transport, premises.timeouts, premises.clock)


def _versions(storage: Storage) -> Mapping[str, str]:
    """What each server called itself with its newest pictures: no route of a Forge tells it."""
    query = JobQuery(status=JobStatus.COMPLETED, limit=NEWEST_JOBS)
    versions: dict[str, str] = {}
    for job in storage.jobs.list(query).jobs:
        said = job.result.generation_info.get("version") if job.result else None
        if job.server and isinstance(said, str) and said.isprintable():
            versions.setdefault(job.server, said[:100])
    return versions
