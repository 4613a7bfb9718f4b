"""The promises about jobs that wait for downloads: kept, listed, and in nobody's way."""

from __future__ import annotations

from datetime import timedelta

from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import Job, JobQuery, JobStatus, event_of
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import (
    LATER,
    START,
    add,
    cancelled,
    changed,
    claim,
    claimed,
    laptop,
    pending,
    server_event,
)

WANTED = ("download-1", "download-2")


class SupplyingContract(StorageCase):
    """The promises about ``waits_for`` and ``waiting``, as tests."""

    def test_what_a_job_waits_for_comes_back(self, storage: Storage) -> None:
        """When it is new, after a lane gave it back, and after the first of two has come."""
        (new,) = add(storage, pending(waits_for=WANTED))
        assert storage.jobs.get(new.id).waits_for == WANTED
        add(storage, pending())
        waiting = changed(storage, claimed(storage), _found_lacking)
        assert storage.jobs.get(waiting.id) == waiting
        assert waiting.waits_for == WANTED
        half = changed(storage, waiting, lambda job: _supplied(job, WANTED[0]))
        assert storage.jobs.get(half.id) == half
        assert (half.waits_for, half.supplied_by) == (WANTED[1:], WANTED[:1])

    def test_a_job_that_waits_for_a_download_is_shown_to_no_lane(self, storage: Storage) -> None:
        """However urgent; any number of them stand in nobody's way."""
        add(storage, *(pending(priority=9, waits_for=WANTED) for _ in range(100)))
        add(storage, pending(priority=9, target="auto", waits_for=WANTED))
        (free,) = add(storage, pending())
        assert claimed(storage).id == free.id
        assert claim(storage) is None

    def test_a_job_is_claimed_when_all_it_waits_for_is_there(self, storage: Storage) -> None:
        """Not when one of two is."""
        (job,) = add(storage, pending(waits_for=WANTED))
        job = changed(storage, job, lambda job: _supplied(job, WANTED[1]))
        assert claim(storage) is None
        changed(storage, job, lambda job: _supplied(job, WANTED[0]))
        assert claimed(storage).id == job.id

    def test_jobs_that_wait_for_downloads_are_told_oldest_first(self, storage: Storage) -> None:
        """Of every target; none that runs, has ended, or waits for nothing."""
        assert list(storage.jobs.waiting()) == []
        one, _, other, ended = add(
            storage,
            pending(priority=-1, waits_for=WANTED),
            pending(),
            pending(target="auto", priority=9, waits_for=WANTED[:1]),
            pending(waits_for=WANTED),
        )
        changed(storage, ended, cancelled)
        assert list(storage.jobs.waiting()) == [one, other]

    def test_a_time_does_not_count_while_a_download_is_waited_for(self, storage: Storage) -> None:
        """No lane needs to wake up for it."""
        soon = START + timedelta(hours=1)
        (job,) = add(storage, pending(not_before=soon, waits_for=WANTED[:1]))
        add(storage, pending(not_before=LATER))
        assert storage.jobs.next_due(["Laptop", "auto"]) == LATER
        changed(storage, job, lambda job: _supplied(job, WANTED[0]))
        assert storage.jobs.next_due(["Laptop", "auto"]) == soon

    def test_a_job_that_waits_for_a_download_does_not_count_in_a_position(
        self, storage: Storage
    ) -> None:
        """It stands in nobody's way; itself, it is told who would come before it."""
        first, waiting, last = add(
            storage, pending(), pending(priority=0, waits_for=WANTED), pending()
        )
        positions = [storage.jobs.position(job, now=LATER) for job in (first, waiting, last)]
        assert positions == [0, 1, 1]

    def test_a_job_that_waits_for_a_download_is_pending_all_the_same(
        self, storage: Storage
    ) -> None:
        """It is listed, counted and among the open jobs of its server, and moves with it."""
        storage.servers.add(laptop(), server_event())
        waiting, free = add(storage, pending(waits_for=WANTED), pending(1))
        assert storage.jobs.counts()[JobStatus.PENDING] == 2
        assert storage.jobs.list(JobQuery(status=JobStatus.PENDING)).jobs == (free, waiting)
        assert list(storage.jobs.open_on("Laptop")) == [waiting, free]
        storage.servers.replace(laptop(), laptop(alias="Tower"), server_event())
        assert [job.id for job in storage.jobs.open_on("Tower")] == [waiting.id, free.id]
        assert [job.target for job in storage.jobs.waiting()] == ["Tower"]

    def test_a_cancelled_job_waits_for_nothing(self, storage: Storage) -> None:
        """So that a retry of it can run, or look anew what it lacks."""
        (job,) = add(storage, pending(waits_for=WANTED))
        changed(storage, job, cancelled)
        assert storage.jobs.get(job.id).waits_for == ()
        assert list(storage.jobs.waiting()) == []


def _found_lacking(job: Job) -> tuple[Job, Event]:
    back = job.wait_for(WANTED, "Two models are being fetched.", now=LATER)
    return back, event_of(EventKind.JOB_REQUEUED, back)


def _supplied(job: Job, download_id: str) -> tuple[Job, Event]:
    there = job.supplied(download_id, now=LATER)
    return there, event_of(EventKind.JOB_REQUEUED, there)
