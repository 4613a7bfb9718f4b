"""What programs are told of servers and jobs: over HTTP and on the command line the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stablequeue_core import Job, JobStatus, Server, ServerHealth, StableQueue
from stablequeue_core.errors import DownloadNotFound, ServerNotFound
from stablequeue_core.servers import ServerReport
from stablequeue_flask.bodies import job_body
from stablequeue_flask.download_bodies import waited_for_body
from stablequeue_flask.server_bodies import server_body


def server_shown(
    queue: StableQueue, server: Server, reports: Mapping[str, ServerReport]
) -> dict[str, Any]:
    """A server, how it feels, and what it does."""
    return server_body(server, health_of(queue, server.alias), reports.get(server.alias))


def health_of(queue: StableQueue, alias: str) -> ServerHealth:
    """How it feels; nothing is known of one that somebody removed or renamed since it was read."""
    try:
        return queue.servers.health(alias)
    except ServerNotFound:
        return ServerHealth()


def job_shown(queue: StableQueue, job: Job) -> dict[str, Any]:
    """A job, and how far it is."""
    is_running = job.status is JobStatus.PROCESSING
    return job_body(job, queue.progress(job.id) if is_running else None)


def job_in_full(queue: StableQueue, job: Job) -> dict[str, Any]:
    """The same, why it waits, and when it will be done."""
    return {
        **job_shown(queue, job),
        "waiting_reason": queue.waiting_reason(job),
        "queue_position": queue.position(job),
        "waits_for": [_waited_for(queue, download_id) for download_id in job.waits_for],
        "eta_seconds": queue.eta(job),
    }


def _waited_for(queue: StableQueue, download_id: str) -> dict[str, Any]:
    try:
        return waited_for_body(
            queue.downloads.get(download_id), queue.downloads.progress(download_id)
        )
    except DownloadNotFound:
        return {"downloadId": download_id}
