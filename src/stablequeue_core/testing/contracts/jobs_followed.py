"""The promises about one job after the other: the end of one and the next claim, or neither."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from attrs import evolve

from stablequeue_core.errors import JobNotFound, StaleJob
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import Candidate, Claim, Job, JobStatus, Line
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import (
    LATER,
    add,
    cancelled,
    changed,
    claim,
    claimed,
    completed,
    deleted,
    failed,
    finish,
    given_back,
    pending,
)
from stablequeue_core.testing.race import TARGETS, Gate, first

MANY = 200


class Mishap(Exception):
    """Something that a caller's own code may raise."""


class FollowingContract(StorageCase):
    """The promises of ``finish_and_claim``, as tests."""

    def test_one_job_ends_and_the_next_begins(self, storage: Storage) -> None:
        """As if each had been done by itself, one event after the other."""
        _, second = add(storage, pending(), pending())
        running = claimed(storage)
        ended, begun = finish(storage, running)
        assert begun is not None
        assert (ended.id, ended.status) == (running.id, JobStatus.COMPLETED)
        assert (begun.id, begun.status) == (second.id, JobStatus.PROCESSING)
        assert [storage.jobs.get(job.id) for job in (ended, begun)] == [ended, begun]
        told = [(event.kind, event.job_id) for event in storage.events.read()[-2:]]
        assert told == [
            (EventKind.JOB_COMPLETED, ended.id),
            (EventKind.JOB_STARTED, begun.id),
        ]
        counts = storage.jobs.counts()
        assert (counts[JobStatus.COMPLETED], counts[JobStatus.PROCESSING]) == (1, 1)

    def test_what_each_was_accepted_with_stays(self, storage: Storage) -> None:
        """They are two jobs, and nothing of one gets into the other."""
        add(
            storage,
            pending(priority=3, client_id="Ann", params={"steps": 1}),
            pending(1, checkpoint="a", params={"steps": 2}),
        )
        ended, begun = finish(storage, claimed(storage), failed)
        assert begun is not None
        assert (ended.params, ended.client_id, ended.checkpoint) == ({"steps": 1}, "Ann", None)
        assert (begun.params, begun.client_id, begun.checkpoint) == ({"steps": 2}, None, "a")
        assert ended.failure is not None
        assert (begun.failure, begun.result) == (None, None)

    def test_the_last_job_ends_though_none_is_left(self, storage: Storage) -> None:
        """Nor does anybody choose."""
        add(storage, pending())
        ended, begun = finish(storage, claimed(storage), choose=_never)
        assert storage.jobs.get(ended.id) == ended
        assert begun is None

    def test_a_job_ends_though_none_is_chosen(self, storage: Storage) -> None:
        """What waits is left to others."""
        _, waiting = add(storage, pending(), pending())
        ended, begun = finish(storage, claimed(storage), choose=lambda line: None)
        assert (storage.jobs.get(ended.id), begun) == (ended, None)
        assert storage.jobs.get(waiting.id) == waiting

    def test_a_job_that_somebody_else_has_changed_does_not_end_and_none_begins(
        self, storage: Storage
    ) -> None:
        """Whoever ran it has to look at it first."""
        _, waiting = add(storage, pending(), pending())
        running = claimed(storage)
        wished = storage.jobs.replace(evolve(running, cancel_requested=True), _wish(running))
        written = storage.events.last()
        with pytest.raises(StaleJob):
            finish(storage, running)
        assert storage.jobs.get(running.id) == wished
        assert storage.jobs.get(waiting.id) == waiting
        assert storage.events.last() == written
        assert storage.jobs.counts()[JobStatus.PROCESSING] == 1

    def test_a_job_that_was_deleted_meanwhile_does_not_end_and_none_begins(
        self, storage: Storage
    ) -> None:
        """As above."""
        _, waiting = add(storage, pending(), pending())
        running = claimed(storage)
        deleted(storage, running)
        with pytest.raises(JobNotFound):
            finish(storage, running)
        assert storage.jobs.get(waiting.id) == waiting

    @pytest.mark.parametrize("stumbles", ["choosing", "beginning"])
    def test_where_the_next_cannot_be_begun_nothing_has_changed(
        self, storage: Storage, stumbles: str
    ) -> None:
        """The ended job can be kept by itself then."""

        def stumble(_: object) -> Any:
            raise Mishap

        _, waiting = add(storage, pending(), pending())
        running = claimed(storage)
        written = storage.events.last()
        with pytest.raises(Mishap):
            storage.jobs.finish_and_claim(
                *completed(running),
                Claim(
                    targets=TARGETS,
                    now=LATER,
                    choose=stumble if stumbles == "choosing" else first,
                    begin=stumble,
                ),
            )
        assert storage.jobs.get(running.id) == running
        assert storage.jobs.get(waiting.id) == waiting
        assert storage.events.last() == written
        assert changed(storage, running, completed).status is JobStatus.COMPLETED

    def test_a_job_that_waits_itself_is_not_its_own_follower(self, storage: Storage) -> None:
        """It is about to leave the line: its user cancels it, say."""
        first_one, other = add(storage, pending(), pending())
        ended, begun = finish(storage, first_one, cancelled)
        assert begun is not None
        assert (ended.id, begun.id) == (first_one.id, other.id)
        last, none = finish(storage, storage.jobs.replace(*given_back(begun)), cancelled)
        assert (last.status, none) == (JobStatus.CANCELLED, None)
        assert storage.jobs.get(last.id) == last

    def test_a_job_whose_time_has_come_meanwhile_follows(self, storage: Storage) -> None:
        """And not a moment earlier."""
        add(storage, pending(), pending(), pending(not_before=LATER))
        early, late = claimed(storage), claimed(storage)
        _, too_early = finish(storage, early, now=LATER - timedelta(milliseconds=1))
        assert too_early is None
        ended, begun = finish(storage, late, now=LATER)
        assert begun is not None
        assert begun.not_before is None
        assert ended.status is JobStatus.COMPLETED

    def test_a_part_that_ends_so_gives_work_to_whoever_joins_parts(self, storage: Storage) -> None:
        """As when it ends by itself."""
        add(storage, pending(part_of="whole"), pending(), pending())
        part = claimed(storage)
        heard = storage.work.rings
        _, begun = finish(storage, part)
        assert begun is not None
        assert storage.work.rings > heard
        heard = storage.work.rings
        finish(storage, begun)
        assert storage.work.rings == heard

    def test_each_job_ends_once_where_lanes_race(self, storage: Storage) -> None:
        """Some lose the race for the next one, and ask again."""
        jobs = add(storage, *(pending() for _ in range(MANY)))
        gate = threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            ended = list(pool.map(lambda _: _work_through(storage, gate), range(4)))
        assert sorted(chain.from_iterable(ended)) == sorted(job.id for job in jobs)
        assert storage.jobs.counts()[JobStatus.COMPLETED] == MANY
        assert [event.sequence for event in storage.events.read(limit=3 * MANY + 1)] == list(
            range(1, 3 * MANY + 1)
        )


def _work_through(storage: Storage, gate: Gate) -> list[str]:
    """Do all jobs that can be had; their ids."""
    done = []
    gate.wait(60)
    while (job := claim(storage)) is not None:
        following: Job | None = job
        while following is not None:
            ended, following = finish(storage, following)
            done.append(ended.id)
    return done


def _never(_: Line) -> Candidate | None:
    raise AssertionError("there is nothing to choose from")


def _wish(job: Job) -> Event:
    return Event(kind=EventKind.JOB_CANCEL_REQUESTED, at=LATER, job_id=job.id)
