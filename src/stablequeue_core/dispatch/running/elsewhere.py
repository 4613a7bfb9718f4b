"""Whether a job that has failed on one server may be run by another."""

from __future__ import annotations

from stablequeue_core.backends import Backend
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Job
from stablequeue_core.servers import Inventories, Server, ServerStore, is_for_any


class Elsewhere:
    """Knows the other servers, as far as they were seen by anyone. Safe for several threads.

    Args:
        servers: the user's servers.
        inventories: what they had when they were last seen.
    """

    def __init__(self, servers: ServerStore, inventories: Inventories) -> None:
        self._servers = servers
        self._inventories = inventories

    def may_run(self, job: Job, requirements: Requirements, backend: Backend) -> bool:
        """Whether there is another server that has not failed ``job``, and has what it needs.

        One that was never seen may have it. Whoever named a server has chosen: there is no other.

        Args:
            job: as it was during the attempt.
            requirements: what it needs.
            backend: knows what a server's lists have of that.
        """
        if not is_for_any(job.target):
            return False
        tried = {*job.avoids, job.server}
        others = [
            server
            for server in self._servers.list()
            if server.enabled and server.alias not in tried and job.target in server.targets
        ]
        return any(self._may_have(server, requirements, backend) for server in others)

    def _may_have(self, server: Server, requirements: Requirements, backend: Backend) -> bool:
        seen = self._inventories.known(server.alias)
        return seen is None or not backend.missing(requirements, seen)
