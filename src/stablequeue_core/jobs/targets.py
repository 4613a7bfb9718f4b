"""Whether a job's target is a server that there is; remembered for a moment."""

from __future__ import annotations

from stablequeue_core.clock import Clock
from stablequeue_core.errors import ServerNotFound
from stablequeue_core.servers import AUTO, ServerStore, is_for_any

KNOWN_SECONDS = 1.0
"""So long a server is not asked for again: a web server's threads would do it for every job.

A job for one that another process removes meanwhile is accepted, and waits for it to come back.
"""


class Targets:
    """The targets that jobs may have. Safe to use from several threads."""

    def __init__(self, servers: ServerStore, clock: Clock) -> None:
        self._servers = servers
        self._clock = clock
        self._known_until: dict[str, float] = {}

    def check(self, target: str) -> None:
        """Let ``auto``, every group of servers and every server pass.

        Raises:
            ServerNotFound: there is none of this alias, or none with this tag.
        """
        now = self._clock.monotonic()
        if target == AUTO or self._known_until.get(target, 0.0) > now:
            return
        if is_for_any(target):
            servers = self._servers.list()
            if not any(target in server.targets for server in servers):
                known = sorted({each for server in servers for each in server.targets})
                raise ServerNotFound(target, known)
        else:
            self._servers.get(target)
        self._known_until[target] = now + KNOWN_SECONDS

    def count(self, target: str) -> int:
        """How many enabled servers may run a job of this target."""
        return sum(server.enabled and target in server.targets for server in self._servers.list())

    def forget(self, target: str) -> None:
        """Ask again the next time: the server was removed or renamed."""
        self._known_until.pop(target, None)
