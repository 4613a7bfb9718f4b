"""Whether a server takes jobs, and which command lets it, in words."""

from __future__ import annotations

import shlex
from pathlib import Path

from stablequeue_core import Server
from stablequeue_core.servers import ServerStatus
from stablequeue_flask.starting import folder_words


def standing(server: Server, feels: str) -> str:
    """How it feels, in a word or two, and that it takes no jobs where somebody has said so."""
    if not server.enabled:
        return ServerStatus.DISABLED.value
    return f"{feels}, paused" if server.paused else feels


def duty(server: Server, data_dir: Path, database_url: str | None) -> str:
    """Whether it takes jobs: the rest of a sentence that begins with ``it``."""
    if not server.enabled:
        return "is disabled and takes no jobs"
    if server.paused:
        where = folder_words(data_dir, database_url)
        how = f"`stablequeue servers resume {shlex.quote(server.alias)}{where}`"
        return f"is enabled, but paused: it takes no jobs until {how}"
    return "is enabled and takes jobs"


def how_to_enable(alias: str, data_dir: Path, database_url: str | None) -> str:
    """The command that does it."""
    where = folder_words(data_dir, database_url)
    return f"`stablequeue servers set {shlex.quote(alias)} --enable{where}`"
