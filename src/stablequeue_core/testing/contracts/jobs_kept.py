"""The promises about keeping jobs: what was kept comes back, changed once, by one."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import evolve

from stablequeue_core.errors import IdempotencyKeyReused, JobNotFound, StaleJob
from stablequeue_core.events import EventKind
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import IdempotencyKey, Job, JobQuery, JobStatus, Lease, event_of
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import (
    LATER,
    START,
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

KEY = IdempotencyKey(key="order-1", digest="d1")

CORNERS: list[dict[str, Any]] = [
    {},
    {"positive_prompt": 'a räv, 狐, 🦊 👨‍👩‍👧, עברית, \u2028, \x7f, "quoted", back\\slash\nline'},
    {"zebra": 1, "alpha": 2, "Mike": 3},
    {"seed": 2**63 - 1, "big": 10**40, "negative": -(2**63), "zero": 0, "flag": True, "none": None},
    {"whole": 7, "broken": 7.0, "small": 1e-300, "precise": 0.1 + 0.2, "large": 1.5e300},
    {"alwayson_scripts": {"ControlNet": {"args": [{"weight": 0.5, "on": [[], {}, ""]}]}}},
    {"positive_prompt": "long " * 20_000},
]


class KeepingContract(StorageCase):
    """The promises of ``add``, ``get``, ``replace``, ``renew`` and ``delete``, as tests."""

    @pytest.mark.parametrize("params", CORNERS, ids=range(len(CORNERS)))
    def test_params_come_back_exactly_as_they_were_given(
        self, storage: Storage, params: dict[str, Any]
    ) -> None:
        """The same keys in the same order, the same text, whole numbers whole."""
        (kept,) = add(storage, pending(params=params))
        found = storage.jobs.get(kept.id).params
        assert found == params
        assert json.dumps(found) == json.dumps(params)

    def test_every_field_of_a_new_job_comes_back(self, storage: Storage) -> None:
        """Also those that few jobs have."""
        requirements = Requirements(checkpoints=("sd/é.safetensors",), loras=("a", "b"))
        job = pending(
            target="auto",
            checkpoint="sd/é.safetensors",
            requirements=requirements,
            priority=-3,
            seed=2**63 - 1,
            subseed=0,
            not_before=LATER,
            waiting_reason="“later”",
            effort=31.457,
            client_id="Ännchen",
            held=True,
            part_of="whole",
            first_picture=4,
            parts=("one", "two"),
            losses=2,
            avoids=("Türm", "Attic"),
        )
        (kept,) = add(storage, job)
        assert kept == evolve(job, number=kept.number, place=kept.place, revision=kept.revision)
        assert storage.jobs.get(job.id) == kept

    def test_every_station_of_a_journey_comes_back(self, storage: Storage) -> None:
        """Attempts, lease, result and failure among them."""
        add(storage, pending())
        job = claimed(storage)
        assert storage.jobs.get(job.id) == job
        for change in (given_back, None, failed, retried, cancelled, retried, None, completed):
            job = claimed(storage) if change is None else changed(storage, job, change)
            assert storage.jobs.get(job.id) == job
        assert job.status is JobStatus.COMPLETED
        assert [attempt.number for attempt in job.attempts] == [1, 2, 3]

    def test_what_the_caller_does_to_his_dictionary_later_changes_nothing(
        self, storage: Storage
    ) -> None:
        """A job is what was asked when it was accepted."""
        params: dict[str, Any] = {"styles": ["one"]}
        (kept,) = add(storage, pending(params=params))
        params["styles"].append("two")
        params["steps"] = 5
        assert storage.jobs.get(kept.id).params == {"styles": ["one"]}

    def test_jobs_are_numbered_in_the_order_in_which_they_came(self, storage: Storage) -> None:
        """Those of one call among themselves, and after all that came before."""
        jobs = [*add(storage, pending()), *add(storage, *(pending() for _ in range(5)))]
        numbers = [job.number for job in jobs]
        assert numbers == sorted(set(numbers))
        assert numbers[0] > 0

    def test_many_threads_may_add_at_once(self, storage: Storage) -> None:
        """No job is lost, no number given twice."""
        with ThreadPoolExecutor(8) as pool:
            kept = [job for [job] in pool.map(lambda _: add(storage, pending()), range(80))]
        assert len({job.number for job in kept}) == 80
        assert storage.jobs.list(JobQuery(limit=0)).total == 80

    def test_an_unknown_job_is_not_found(self, storage: Storage) -> None:
        """Whatever one wants with it."""
        job = pending()
        with pytest.raises(JobNotFound):
            storage.jobs.get(job.id)
        with pytest.raises(JobNotFound):
            changed(storage, job, cancelled)
        with pytest.raises(JobNotFound):
            deleted(storage, job)
        with pytest.raises(JobNotFound):
            storage.jobs.renew(job.id, Lease(worker="worker", until=LATER))

    def test_a_change_gives_the_job_a_higher_revision(self, storage: Storage) -> None:
        """So that older copies can be told from it."""
        (job,) = add(storage, pending())
        after = changed(storage, job, cancelled)
        assert after.revision > job.revision
        assert storage.jobs.get(job.id) == after

    def test_a_stale_copy_changes_nothing(self, storage: Storage) -> None:
        """Neither the job nor the log."""
        (job,) = add(storage, pending())
        after = changed(storage, job, cancelled)
        written = storage.events.last()
        with pytest.raises(StaleJob):
            changed(storage, job, cancelled)
        with pytest.raises(StaleJob):
            deleted(storage, job)
        assert storage.jobs.get(job.id) == after
        assert storage.events.last() == written

    def test_of_several_changes_at_once_one_is_kept(self, storage: Storage) -> None:
        """The others hear that they came too late."""

        def try_to(_: int) -> bool:
            try:
                changed(storage, job, cancelled)
            except StaleJob:
                return False
            return True

        (job,) = add(storage, pending())
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(try_to, range(8))) == 1

    def test_a_renewed_lease_changes_nothing_else(self, storage: Storage) -> None:
        """Not the revision, so that it gets in nobody's way, and not the log."""
        add(storage, pending())
        job = claimed(storage)
        written = storage.events.last()
        lease = Lease(worker="worker", until=LATER)
        renewed = storage.jobs.renew(job.id, lease)
        assert renewed == evolve(job, lease=lease) == storage.jobs.get(job.id)
        assert storage.events.last() == written

    def test_who_renews_a_lease_sees_the_wish_to_cancel(self, storage: Storage) -> None:
        """It is how a wish reaches another process."""
        add(storage, pending())
        asked = claimed(storage).request_cancel(now=LATER)
        storage.jobs.replace(asked, event_of(EventKind.JOB_CANCEL_REQUESTED, asked))
        renewed = storage.jobs.renew(asked.id, Lease(worker="worker", until=LATER))
        assert renewed.cancel_requested

    def test_only_the_holder_renews_a_lease(self, storage: Storage) -> None:
        """And only as long as he holds it."""
        add(storage, pending())
        job = claimed(storage, worker="one")
        with pytest.raises(StaleJob):
            storage.jobs.renew(job.id, Lease(worker="two", until=LATER))
        assert storage.jobs.get(job.id) == job
        changed(storage, job, given_back)
        with pytest.raises(StaleJob):
            storage.jobs.renew(job.id, Lease(worker="one", until=LATER))

    def test_a_deleted_job_is_gone(self, storage: Storage) -> None:
        """From every list and every count."""
        kept, gone = add(storage, pending(), pending())
        deleted(storage, gone)
        with pytest.raises(JobNotFound):
            storage.jobs.get(gone.id)
        assert storage.jobs.list(JobQuery()).jobs == (kept,)
        assert storage.jobs.counts()[JobStatus.PENDING] == 1
        assert storage.jobs.open_on("Laptop") == [kept]

    def test_the_same_key_gives_the_same_jobs(self, storage: Storage) -> None:
        """As they are now, and nothing is added."""
        first = self._order(storage, KEY)
        written = storage.events.last()
        after = [changed(storage, first[0], cancelled), *first[1:]]
        assert self._order(storage, KEY) == after
        assert storage.jobs.list(JobQuery()).total == len(first)
        assert storage.events.last() == written + 1

    def test_a_key_used_for_something_else_is_refused(self, storage: Storage) -> None:
        """Nothing is added."""
        self._order(storage, KEY)
        with pytest.raises(IdempotencyKeyReused):
            self._order(storage, evolve(KEY, digest="d2"))
        assert storage.jobs.list(JobQuery()).total == 3

    def test_different_keys_give_different_jobs(self, storage: Storage) -> None:
        """Also for the same request."""
        one, two = self._order(storage, KEY), self._order(storage, evolve(KEY, key="order-2"))
        assert not {job.id for job in one} & {job.id for job in two}
        assert self._order(storage, KEY) == one

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_a_key_is_forgotten_with_a_job_it_led_to(self, storage: Storage, place: int) -> None:
        """Then the same request is a new one; other keys stay."""
        other = self._order(storage, evolve(KEY, key="order-0"))
        add(storage, pending())
        first = self._order(storage, KEY)
        deleted(storage, first[place])
        again = self._order(storage, KEY)
        assert not {job.id for job in first} & {job.id for job in again}
        assert self._order(storage, evolve(KEY, key="order-0")) == other

    def test_a_key_used_by_many_at_once_leads_to_one_job(self, storage: Storage) -> None:
        """An impatient client sends twice; it gets one picture."""

        def order(_: int) -> str:
            job = pending()
            return storage.jobs.add([job], KEY)[0].id

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(order, range(16)))) == 1
        assert storage.jobs.list(JobQuery()).total == 1

    @staticmethod
    def _order(storage: Storage, key: IdempotencyKey) -> list[Job]:
        jobs = [pending(created_at=START) for _ in range(3)]
        return list(storage.jobs.add(jobs, key))
