"""A server over HTTP: as its user described it, how it feels, and what it does now."""

from __future__ import annotations

from typing import Any

from stablequeue_core import Server, ServerHealth
from stablequeue_core.serialization import to_iso
from stablequeue_core.servers import ServerReport, ServerStatus
from stablequeue_flask.bodies import progress_body

STILL_STARTING = "It is still starting; jobs for it wait until it is ready."


def server_body(
    server: Server, health: ServerHealth, report: ServerReport | None = None
) -> dict[str, Any]:
    """A server and how it feels; its password never leaves.

    Args:
        server: which one.
        health: as it was seen last.
        report: what the process tells that sends it jobs; None: none has told lately.
    """
    progress = report.progress if report else None
    return {
        "alias": server.alias,
        "apiUrl": server.api_url,
        "username": server.username,
        "hasPassword": server.password is not None,
        "enabled": server.enabled,
        "description": server.description,
        "status": _status(health.status),
        "loaded_checkpoint": health.loaded_checkpoint,
        "queue_depth": health.queue_depth,
        "last_error": _last_error(health),
        "paused": server.paused,
        "checked_at": to_iso(health.checked_at) if health.checked_at else None,
        "tags": list(server.tags),
        "worker": report.worker if report else None,
        "running_job": report.job_id if report else None,
        "progress": progress_body(progress) if progress else None,
        "free_bytes": report.free_bytes if report else None,
    }


def _status(status: ServerStatus) -> str:
    """The API has no word for a server that still starts; ``last_error`` says it."""
    return (ServerStatus.OFFLINE if status is ServerStatus.STARTING else status).value


def _last_error(health: ServerHealth) -> str | None:
    if health.status is not ServerStatus.STARTING:
        return health.last_error
    return " ".join(filter(None, (STILL_STARTING, health.last_error)))
