"""Whether a job's target is a server that there is; remembered for a moment."""

from __future__ import annotations

from stablequeue_core.clock import Clock
from stablequeue_core.jobs.store import AUTO
from stablequeue_core.servers import ServerStore

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
        """Let ``auto`` and every server pass.

        Raises:
            ServerNotFound: there is none of this alias.
        """
        now = self._clock.monotonic()
        if target == AUTO or self._known_until.get(target, 0.0) > now:
            return
        self._servers.get(target)
        self._known_until[target] = now + KNOWN_SECONDS

    def forget(self, target: str) -> None:
        """Ask again the next time: the server was removed or renamed."""
        self._known_until.pop(target, None)
