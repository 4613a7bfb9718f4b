"""The promises about jobs that may not start yet: in whose way they stand, and in whose not."""

from __future__ import annotations

from datetime import timedelta

from stablequeue_core.jobs import Work
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import LATER, START, add, claim, pending

LATER_STILL = LATER + timedelta(hours=1)


class TimingContract(StorageCase):
    """The promises about jobs that wait for a time, as tests."""

    def test_a_job_that_is_not_due_does_not_count_in_a_position(self, storage: Storage) -> None:
        """It stands in nobody's way before its time, whoever has looked later meanwhile."""
        timed, job = add(storage, pending(priority=5, not_before=LATER), pending())
        for _ in range(2):
            assert storage.jobs.position(job, now=START) == 0
            assert storage.jobs.position(job, now=LATER) == 1
            assert claim(storage, now=LATER, choose=lambda line: None) is None
        assert storage.jobs.position(timed, now=START) == 0

    def test_a_job_that_is_not_due_is_told_who_comes_before_it_in_its_time(
        self, storage: Storage
    ) -> None:
        """Who may start later still is not among them."""
        times = (LATER, None, LATER_STILL, LATER)
        *_, job = add(storage, *(pending(not_before=time) for time in times))
        assert storage.jobs.position(job, now=START) == 2
        assert storage.jobs.position(job, now=LATER_STILL) == 3
        assert sum(each.count for each in storage.jobs.work_before(job, now=START)) == 2

    def test_work_that_is_not_due_is_not_before_a_job_that_is(self, storage: Storage) -> None:
        """Nor is it before one that waits less long; of everything it is a sum of its own."""
        add(storage, pending(effort=1.0), pending(effort=2.0, not_before=LATER_STILL))
        timed, job = add(storage, pending(effort=4.0, not_before=LATER), pending(effort=8.0))
        due = Work(target="Laptop", checkpoint=None, count=1, effort=1.0)
        for _ in range(2):
            assert storage.jobs.work_before(job, now=START) == [due]
            assert storage.jobs.work_before(timed, now=START) == [due]
            every = sorted(storage.jobs.work_before(None, now=START), key=lambda each: each.effort)
            assert [(each.count, each.effort, each.not_before) for each in every] == [
                (2, 6.0, LATER_STILL),
                (2, 9.0, None),
            ]
            assert claim(storage, now=LATER_STILL, choose=lambda line: None) is None
        (all_due,) = storage.jobs.work_before(None, now=LATER_STILL)
        assert (all_due.count, all_due.not_before) == (4, None)
