"""On which server a job runs, by the name that the server has now. Pure.

A server that is renamed takes its open jobs along, by their target and by their ledger. Only one
that is claimed in this very moment may be begun by the old name.
"""

from __future__ import annotations

from collections.abc import Container

from attrs import evolve

from stablequeue_core.jobs.job import Job
from stablequeue_core.servers import is_for_any


def runs_on(job: Job) -> str | None:
    """The server that runs the job, which is processing; None: it is made in parts."""
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


def with_server_renamed(job: Job, old: str, new: str) -> Job:
    """The same job where every mention of a server bears its new name."""
    attempts = tuple(
        evolve(attempt, server=new) if attempt.server == old else attempt
        for attempt in job.attempts
    )
    avoids = tuple(new if avoided == old else avoided for avoided in job.avoids)
    target = new if job.target == old else job.target
    return evolve(job, target=target, attempts=attempts, avoids=avoids)
