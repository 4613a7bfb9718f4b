"""Whether jobs are stuck: those that nobody runs, and those that nobody can run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache, partial

from stablequeue_core.doctor.diagnosis import Finding, ok, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.doctor.server_looks import ServerLook
from stablequeue_core.errors import DownloadNotFound
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Job, JobQuery, JobStatus, runs_on
from stablequeue_core.quantities import count_text, seconds_text
from stablequeue_core.servers import AUTO, ReportBoard, is_for_any
from stablequeue_core.storage import Storage

SUBJECT = "jobs"

GRACE = timedelta(seconds=20)
"""So long after the end of a lease another process has taken the job over, if there is one."""

OLDEST_JOBS = 1000
"""So many of the jobs that wait are looked at, oldest first."""

MOST_REASONS = 10

_ADD_ONE = "Add the server, or cancel the job."

_Reason = tuple[str, str]
"""Why a job cannot run, and what to do."""


def check_jobs(premises: Premises, looks: Sequence[ServerLook]) -> Iterator[Finding]:
    """Jobs whose process is gone, whose downloads have ended, or that no server can run."""
    storage = premises.storage
    if storage is None:
        return
    found = [*_lost(storage), *_not_supplied(storage), *_impossible(storage, looks)]
    yield from found or [ok(SUBJECT, "None is stuck.")]


def _lost(storage: Storage) -> Iterator[Finding]:
    now = storage.clock.now()
    # A job that is made in parts has no lease of its own.
    leases = [(job, job.lease.until) for job in storage.jobs.processing() if job.lease]
    lost = [(job, until) for job, until in leases if until < now - GRACE]
    if lost:
        job, until = lost[0]
        yield warning(
            SUBJECT,
            f"{count_text(len(lost), 'job')} marked as running that no process works on; "
            f"{job.id} for {seconds_text((now - until).total_seconds())}.",
            _what_brings_it_back(storage, job),
        )


def _what_brings_it_back(storage: Storage, job: Job) -> str:
    """What to do about a job whose lease has run out."""
    board = ReportBoard(storage.reports, storage.clock)
    report = board.all().get(runs_on(job) or "")
    silence = board.silence(report) if report else None
    if silence is not None:
        return f"{silence.sentence} {silence.advice}"
    if board.alive():
        return (
            "The process that looks after the server takes the job over as soon as that answers: "
            "see what is said of the server."
        )
    return (
        "A process that runs jobs takes them over, and makes the same pictures: start "
        "`stablequeue serve` or `stablequeue work`."
    )


def _not_supplied(storage: Storage) -> Iterator[Finding]:
    stuck = [
        job
        for job in storage.jobs.waiting()
        if all(_has_ended(storage, download_id) for download_id in job.waits_for)
    ]
    if stuck:
        yield warning(
            SUBJECT,
            f"{count_text(len(stuck), 'job')} waiting for downloads that have ended, like "
            f"{stuck[0].id}.",
            "A process that runs jobs sees to them within a second: start one.",
        )


def _has_ended(storage: Storage, download_id: str) -> bool:
    try:
        return storage.downloads.get(download_id).status.ended
    except DownloadNotFound:
        return True


def _impossible(storage: Storage, looks: Sequence[ServerLook]) -> Iterator[Finding]:
    query = JobQuery(status=JobStatus.PENDING, newest_first=False, limit=OLDEST_JOBS)
    by_reason: defaultdict[_Reason, list[Job]] = defaultdict(list)
    # Most jobs ask for what others ask for, too.
    reason_of = cache(partial(_obstacle, tuple(looks)))
    for job in storage.jobs.list(query).jobs:
        if job.held or job.waits_for or job.parts:
            continue
        reason = reason_of(job.target, job.requirements)
        if reason is not None:
            by_reason[reason].append(job)
    for (sentence, advice), jobs in list(by_reason.items())[:MOST_REASONS]:
        waiting = f"{count_text(len(jobs), 'job')} waiting in vain, like {jobs[0].id}"
        yield warning(SUBJECT, f"{waiting}: {sentence}", advice)


def _obstacle(
    looks: Sequence[ServerLook], target: str, requirements: Requirements
) -> _Reason | None:
    """Why no server can run such a job, and what to do; None: one can, or nobody knows."""
    meant = [look for look in looks if target in look.server.targets]
    if not meant:
        return f"its target is {target!r}, but {_nobody(target)}.", _ADD_ONE
    usable = [look for look in meant if look.server.enabled and not look.server.paused]
    if not usable:
        what = "server is" if len(meant) == 1 else "servers are all"
        return (
            f"its target is {target!r}, whose {what} disabled or paused.",
            "Enable or resume one.",
        )
    online = [look for look in usable if look.is_online]
    if not online:
        return (
            f"its target is {target!r}, and nothing of that is online.",
            "Start a server; the job then starts by itself.",
        )
    if not is_for_any(target):
        return None
    lacking = [_lacks(look, requirements) for look in online]
    if not all(lacking):
        return None
    which = "server" if len(online) == len(usable) else "server that is online"
    return (
        f"no {which} can run it. {lacking[0]}",
        "Put the file on a server, or cancel the job; it starts by itself when one can run it.",
    )


def _nobody(target: str) -> str:
    if target == AUTO:
        return "there is no server"
    return "no server has this tag" if is_for_any(target) else "there is no such server"


def _lacks(look: ServerLook, requirements: Requirements) -> str | None:
    """What the server lacks first; None: nothing, or nobody knows."""
    if look.inventory is None or look.backend is None:
        return None
    missing = look.backend.missing(requirements, look.inventory)
    return missing[0].message if missing else None
