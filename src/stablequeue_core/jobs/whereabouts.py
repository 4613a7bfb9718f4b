"""On which server a job runs, by the name that the server has now. Pure.

A server that is renamed takes its open jobs along by their target. The ledger keeps the name that
it had when the attempt began: by that name the lane knows it that runs the job to its end.
"""

from __future__ import annotations

from collections.abc import Container

from stablequeue_core.jobs.job import Job
from stablequeue_core.servers import is_for_any


def runs_on(job: Job) -> str | None:
    """The server that runs the job, which is processing; None: it is made in parts.

    A job for any server is said to run where it was begun, though that one was renamed since.
    """
    return job.server if is_for_any(job.target) else job.target


def may_run_on(job: Job, server: str, known: Container[str]) -> bool:
    """Whether it cannot be ruled out that the job, which is processing, runs on this server.

    Args:
        job: which one.
        server: the name of a server, which may be renamed at this very moment.
        known: the names of all servers.
    """
    if server in (job.server, job.target):
        return True
    # Where it was begun has another name now, and nothing tells which.
    is_astray = job.server is not None and job.server not in known
    return is_astray and is_for_any(job.target)
