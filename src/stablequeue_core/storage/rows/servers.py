"""A server as a row, and back."""

from __future__ import annotations

from typing import Any

from stablequeue_core.servers import Server
from stablequeue_core.storage.rows.text import from_json, to_json

Row = tuple[Any, ...]

COLUMNS = "alias, api_url, username, password, enabled, paused, description, tags"
"""What is written."""

ALL = f"{COLUMNS}, position"
"""What is read; the position is given by the database."""


def server_row(server: Server) -> Row:
    """The values of the columns :data:`COLUMNS`."""
    return (
        server.alias,
        server.api_url,
        server.username,
        server.password,
        server.enabled,
        server.paused,
        server.description,
        to_json(server.tags) if server.tags else None,
    )


def server_of(row: Row) -> Server:
    """The server of a row with the columns :data:`ALL`."""
    alias, api_url, username, password, enabled, paused, description, tags, position = row
    return Server(
        alias=alias,
        api_url=api_url,
        username=username,
        password=password,
        enabled=bool(enabled),
        paused=bool(paused),
        description=description,
        tags=tuple(from_json(tags)) if tags else (),
        number=position,
    )


def uncounted(row: Row) -> Server:
    """The server of a row with :data:`COLUMNS`; its number counts in its own database only."""
    return server_of((*row, 0))
