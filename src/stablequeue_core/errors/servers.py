"""What can be wrong with a server's description, or with what is asked of one."""

from __future__ import annotations

from collections.abc import Sequence

from stablequeue_core.errors.base import Conflict, InvalidFields, NotFound


class InvalidServer(InvalidFields):
    """A server's description cannot be accepted; ``problems`` lists every bad field."""

    code = "invalid_server"
    _subject = "Invalid server field"


class ServerNotFound(NotFound):
    """No server has this alias."""

    code = "server_not_found"

    def __init__(self, alias: str, known: Sequence[str] = ()) -> None:
        hint = f" Known servers: {', '.join(known)}." if known else " No server is configured yet."
        super().__init__(
            f"Server {alias!r} not found.{hint}", {"alias": alias, "known": list(known)}
        )


class ServerExists(Conflict):
    """The alias is taken."""

    code = "server_exists"

    def __init__(self, alias: str) -> None:
        super().__init__(f"A server named {alias!r} exists already.", {"alias": alias})


class StaleServer(Conflict):
    """Someone else changed the server first; nothing of this change was kept."""

    code = "stale_server"

    def __init__(self, alias: str) -> None:
        super().__init__(
            f"Server {alias!r} was changed by someone else meanwhile; read it again.",
            {"alias": alias},
        )


class ServerInUse(Conflict):
    """The server still has pending or running jobs."""

    code = "server_in_use"

    def __init__(self, alias: str, open_jobs: int) -> None:
        noun = "job" if open_jobs == 1 else "jobs"
        super().__init__(
            f"Server {alias!r} still has {open_jobs} open {noun}; "
            "wait, cancel them, or delete it with force.",
            {"alias": alias, "open_jobs": open_jobs},
        )
