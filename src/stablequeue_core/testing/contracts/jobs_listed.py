"""The promises about looking at jobs: lists, counts and places in the line."""

from __future__ import annotations

from stablequeue_core.jobs import Job, JobQuery, JobStatus
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import (
    LATER,
    add,
    cancelled,
    changed,
    claimed,
    completed,
    deleted,
    failed,
    given_back,
    pending,
    retried,
)


class ListingContract(StorageCase):
    """The promises of ``list``, ``counts``, ``position`` and the open jobs, as tests."""

    def test_a_list_is_ordered_by_age_and_then_by_id(self, storage: Storage) -> None:
        """In the same direction both, whatever the order of acceptance."""
        jobs = add(storage, *(pending(seconds) for seconds in (3, 1, 2, 2, 2, 0, 2)))
        oldest_first = sorted(jobs, key=lambda job: (job.created_at, job.id))
        assert _listed(storage, newest_first=False) == oldest_first
        assert _listed(storage, newest_first=True) == oldest_first[::-1]

    def test_pages_make_up_the_list(self, storage: Storage) -> None:
        """Each job on one page, and the same total on each."""
        jobs = add(storage, *(pending(seconds) for seconds in range(25)))
        pages = [storage.jobs.list(JobQuery(limit=7, offset=start)) for start in range(0, 28, 7)]
        assert [job for page in pages for job in page.jobs] == jobs[::-1]
        assert {page.total for page in pages} == {25}

    def test_a_page_beyond_the_end_is_empty_and_knows_the_total(self, storage: Storage) -> None:
        """So does a page of no length."""
        add(storage, pending(), pending())
        for query in (JobQuery(offset=50), JobQuery(limit=0)):
            page = storage.jobs.list(query)
            assert (page.total, page.jobs) == (2, ())

    def test_a_list_of_one_status_holds_and_counts_these_only(self, storage: Storage) -> None:
        """In the order of the whole list."""
        kept = _one_of_each(storage)
        for status in JobStatus:
            expected = [job for job in kept if job.status is status]
            page = storage.jobs.list(JobQuery(status=status, newest_first=False))
            assert list(page.jobs) == expected
            assert page.total == len(expected)
            assert _listed(storage, status=status) == expected[::-1]

    def test_an_empty_queue_has_an_empty_list(self, storage: Storage) -> None:
        """Not an error."""
        assert _listed(storage) == []
        assert storage.jobs.processing() == []
        assert storage.jobs.open_on("Laptop") == []

    def test_every_status_is_counted(self, storage: Storage) -> None:
        """Also where there is none."""
        assert storage.jobs.counts() == dict.fromkeys(JobStatus, 0)
        kept = _one_of_each(storage)
        expected = {status: sum(job.status is status for job in kept) for status in JobStatus}
        assert storage.jobs.counts() == expected

    def test_counts_follow_every_change(self, storage: Storage) -> None:
        """There and back again."""
        (job,) = add(storage, pending())
        for change in (None, given_back, cancelled, retried, None, failed):
            job = claimed(storage) if change is None else changed(storage, job, change)
            assert storage.jobs.counts() == {**dict.fromkeys(JobStatus, 0), job.status: 1}
        deleted(storage, job)
        assert storage.jobs.counts() == dict.fromkeys(JobStatus, 0)

    def test_the_jobs_that_run_are_told_oldest_first(self, storage: Storage) -> None:
        """By their numbers: what recovery looks through."""
        jobs = add(storage, *(pending(priority=level) for level in (0, 5, 1, 3)))
        running = [claimed(storage) for _ in range(3)]
        assert storage.jobs.processing() == sorted(running, key=lambda job: job.number)
        assert jobs[0] not in running

    def test_the_open_jobs_of_a_target_are_told_oldest_first(self, storage: Storage) -> None:
        """Those that wait and those that run, of no other target."""
        add(storage, pending(target="auto"), pending(target="Tower"))
        ended, one, two = add(storage, pending(priority=9), pending(), pending(priority=8))
        changed(storage, ended, cancelled)
        running = claimed(storage)
        assert running.id == two.id
        assert storage.jobs.open_on("Laptop") == [one, running]
        assert [job.target for job in storage.jobs.open_on("auto")] == ["auto"]

    def test_a_position_counts_what_comes_before(self, storage: Storage) -> None:
        """Pending jobs of the same target: of higher priority, or older."""
        add(storage, pending(target="Tower", priority=9), pending(target="auto"))
        low, high, old, new = add(storage, *(pending(priority=level) for level in (-1, 5, 0, 0)))
        positions = [storage.jobs.position(job, now=LATER) for job in (high, old, new, low)]
        assert positions == [0, 1, 2, 3]
        claimed(storage)
        positions = [storage.jobs.position(job, now=LATER) for job in (high, old, new, low)]
        assert positions == [None, 0, 1, 2]

    def test_a_job_that_is_gone_has_no_position(self, storage: Storage) -> None:
        """Nor one that has ended."""
        one, two = add(storage, pending(), pending())
        deleted(storage, one)
        changed(storage, two, cancelled)
        assert storage.jobs.position(one, now=LATER) is None
        assert storage.jobs.position(two, now=LATER) is None


def _listed(
    storage: Storage, *, newest_first: bool = True, status: JobStatus | None = None
) -> list[Job]:
    return list(storage.jobs.list(JobQuery(newest_first=newest_first, status=status)).jobs)


def _one_of_each(storage: Storage) -> list[Job]:
    """Jobs in every status, two of them failed; oldest first."""
    jobs = add(storage, *(pending(seconds) for seconds in range(6)))
    running = [claimed(storage) for _ in range(4)]
    return [
        changed(storage, running[0], completed),
        changed(storage, running[1], failed),
        running[2],
        changed(storage, running[3], failed),
        changed(storage, jobs[4], cancelled),
        jobs[5],
    ]
