"""Whether every job is accounted for when something has gone wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from stablequeue_core import Job, JobStatus, StableQueue
from stablequeue_core.generation import RANDOM_SEED, ParamLimits, parse_params, sniff

PATIENCE = 30.0


def check_accounts(queue: StableQueue, accepted: Sequence[Job]) -> list[Job]:
    """Wait for the end of every job; none is lost or doubled, and every picture is somebody's.

    Returns:
        those that were accepted, as they ended, in their order.
    """
    for job in (*accepted, *queue.list(limit=1000).jobs):
        queue.wait(job.id, timeout=PATIENCE)
    known = {job.id: job for job in queue.list(limit=1000).jobs}
    assert known.keys() >= {job.id for job in accepted}, "a job was lost"
    assert all(job.status.ended for job in known.values())
    registered = Counter(path for job in known.values() for path in job.images)
    assert set(registered.values()) <= {1}, "a picture was registered twice"
    lying_there = {path for path in queue.images.folder.glob("*") if path.is_file()}
    assert set(registered) == lying_there, "a stray or a missing picture"
    for job in known.values():
        _check(job)
    return [known[job.id] for job in accepted]


def _check(job: Job) -> None:
    assert all(attempt.ended_at is not None for attempt in job.attempts)
    assert job.lease is None
    if job.status is JobStatus.FAILED:
        assert job.failure is not None, "nobody knows why it failed"
        assert job.failure.message.endswith(".")
    if job.status is JobStatus.COMPLETED:
        asked = parse_params(job.params, ParamLimits())
        assert len(job.images) == asked.picture_count
        assert all(sniff(path.read_bytes()) for path in job.images)
        first = job.seed if asked.seed == RANDOM_SEED else asked.seed
        assert first is not None
        seeds = [int(path.stem.rpartition("-")[2]) for path in job.images]
        assert seeds == list(range(first, first + len(seeds)))


def story(job: Job) -> list[tuple[str, str | None, str | None]]:
    """Where each attempt was made, what was done before, and what went wrong."""
    return [(attempt.server, attempt.remedy, attempt.error) for attempt in job.attempts]
