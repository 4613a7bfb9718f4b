"""The promises about claiming: the right job, once, or nothing at all."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path

import pytest
from attrs import evolve

from stablequeue_core.errors import StaleJob
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Candidate, Claim, Job, JobStatus, Line, event_of
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
    finish,
    given_back,
    in_line,
    pending,
    queue_event,
    retried,
)
from stablequeue_core.testing.race import (
    TARGETS,
    claim_all,
    first,
    meet_at,
    open_and_claim_all,
)

MANY = 500

A_MOMENT = 0.3
"""Seconds that are given to who would change a job while it is chosen: not all storages let him."""

LEAVING: dict[str, Callable[[Job], Job]] = {
    "held": lambda job: job.hold(now=LATER),
    "moved to another server": lambda job: evolve(job, target="Tower"),
    "put off": lambda job: evolve(job, not_before=LATER + timedelta(hours=1)),
}
"""What takes a job out of the line, though it stays pending."""


class Mishap(Exception):
    """Something that a caller's own code may raise."""


class ClaimingContract(StorageCase):
    """The promises of ``claim``, ``next_due`` and the pause, as tests."""

    def test_an_empty_queue_gives_nothing(self, storage: Storage) -> None:
        """And nobody is asked to choose."""
        assert claim(storage, choose=_never) is None

    def test_the_highest_priority_goes_first_and_then_the_oldest(self, storage: Storage) -> None:
        """Oldest by order of acceptance."""
        jobs = add(storage, *(pending(priority=level) for level in (0, 5, 0, -1, 5)))
        order = [claimed(storage).id for _ in jobs]
        assert order == [jobs[place].id for place in (1, 4, 0, 2, 3)]
        assert claim(storage) is None

    def test_a_lane_gets_the_jobs_of_its_server_and_of_any(self, storage: Storage) -> None:
        """In one order, and never those of another server."""
        targets = ("Tower", "auto", "Laptop", "auto", "Tower")
        jobs = add(storage, *(pending(target=target) for target in targets))
        assert [claimed(storage).id for _ in range(3)] == [job.id for job in jobs[1:4]]
        assert claim(storage) is None
        assert claimed(storage, server="Tower").id == jobs[0].id

    def test_a_candidate_tells_what_the_choice_needs(self, storage: Storage) -> None:
        """What it requires only when it may run anywhere: else its user has chosen."""
        needs = Requirements(checkpoints=("sd.safetensors",), loras=("é",))
        described = {
            "checkpoint": "sd.safetensors",
            "requirements": needs,
            "priority": 2,
            "effort": 7.5,
            "client_id": "Ann",
            "avoids": ("Tower",),
        }
        named, anywhere = add(
            storage, pending(1, **described), pending(2, target="auto", **described)
        )
        assert in_line(storage) == [
            Candidate(
                id=job.id,
                target=job.target,
                priority=2,
                number=job.number,
                created_at=job.created_at,
                checkpoint="sd.safetensors",
                place=job.place,
                effort=7.5,
                client_id="Ann",
                requirements=requirements,
                avoids=("Tower",),
            )
            for job, requirements in ((named, None), (anywhere, needs))
        ]

    def test_a_candidate_that_requires_nothing_says_so(self, storage: Storage) -> None:
        """A job for any server, or for any of a group, always tells."""
        add(storage, pending(target="auto"), pending(target="auto:studio"))
        shown = in_line(storage, "auto", "auto:studio")
        assert [candidate.requirements for candidate in shown] == [Requirements()] * 2

    def test_the_claimed_job_is_kept_with_its_event(self, storage: Storage) -> None:
        """Together."""
        (job,) = add(storage, pending())
        running = claimed(storage)
        assert running == storage.jobs.get(job.id)
        assert (running.status, running.number) == (JobStatus.PROCESSING, job.number)
        assert running.revision > job.revision
        event = storage.events.read()[-1]
        assert (event.kind, event.job_id) == (EventKind.JOB_STARTED, job.id)

    def test_the_choice_is_shown_all_that_it_looks_at(self, storage: Storage) -> None:
        """Each job once, in order, until there is none left; then nothing has changed."""
        jobs = add(storage, *(pending(target=("Laptop", "auto")[n % 2]) for n in range(150)))
        written = storage.events.last()
        assert [candidate.id for candidate in in_line(storage)] == [job.id for job in jobs]
        assert storage.events.last() == written
        assert storage.jobs.counts()[JobStatus.PENDING] == len(jobs)

    def test_a_job_far_behind_can_be_chosen(self, storage: Storage) -> None:
        """Nobody looks at what comes after it."""
        jobs = add(storage, *(pending() for _ in range(150)))

        def choose(line: Line) -> Candidate | None:
            return next((one for one in line.in_order() if one.id == jobs[140].id), None)

        assert claimed(storage, choose=choose).id == jobs[140].id
        assert claimed(storage).id == jobs[0].id

    @pytest.mark.parametrize("follows", [False, True], ids=["by itself", "as a follower"])
    @pytest.mark.parametrize("why", LEAVING)
    def test_a_job_that_leaves_the_line_while_it_is_chosen_is_not_given(
        self, storage: Storage, why: str, follows: bool
    ) -> None:
        """Unless whoever wants it out of the line has to wait, and is told that he is too late."""
        add(storage, pending())
        before = claimed(storage)
        _, wanted = add(storage, pending(target="auto"), pending(target="auto"))
        leaving: list[Future[Job]] = []

        def leave() -> Job:
            gone = LEAVING[why](wanted)
            return storage.jobs.replace(gone, event_of(EventKind.JOB_HELD, gone))

        with ThreadPoolExecutor(1) as somebody_else:

            def choose(line: Line) -> Candidate | None:
                found = next((one for one in line.in_order() if one.id == wanted.id), None)
                if not leaving:
                    leaving.append(somebody_else.submit(leave))
                    wait(leaving, A_MOMENT)
                return found

            if follows:
                ended, given = finish(storage, before, choose=choose)
                assert storage.jobs.get(before.id) == ended
            else:
                given = claim(storage, choose=choose)
        if given is None:
            assert leaving[0].result() == storage.jobs.get(wanted.id)
        else:
            assert given == storage.jobs.get(wanted.id)
            with pytest.raises(StaleJob):
                leaving[0].result()

    def test_a_choice_that_raises_changes_nothing(self, storage: Storage) -> None:
        """And the next one finds everything as it was."""

        def choose(_: Line) -> Candidate | None:
            raise Mishap

        (job,) = add(storage, pending())
        with pytest.raises(Mishap):
            claim(storage, choose=choose)
        self._check_unchanged(storage, job)

    def test_a_beginning_that_raises_changes_nothing(self, storage: Storage) -> None:
        """As above."""

        def stumble(_: Job) -> tuple[Job, Event]:
            raise Mishap

        (job,) = add(storage, pending())
        with pytest.raises(Mishap):
            storage.jobs.claim(Claim(targets=TARGETS, now=LATER, choose=first, begin=stumble))
        self._check_unchanged(storage, job)

    def test_a_job_is_left_alone_until_its_time(self, storage: Storage) -> None:
        """To the millisecond."""
        add(storage, pending())
        changed(storage, claimed(storage), partial(given_back, not_before=LATER))
        assert claim(storage, now=LATER - timedelta(milliseconds=1), choose=_never) is None
        assert claimed(storage, now=LATER).not_before is None

    def test_the_earliest_time_that_a_job_waits_for_is_known(self, storage: Storage) -> None:
        """Of the jobs that this lane may be given."""
        assert storage.jobs.next_due(TARGETS) is None
        soon, late = START + timedelta(hours=1), START + timedelta(hours=2)
        add(
            storage,
            pending(),
            pending(not_before=late),
            pending(target="auto", not_before=soon),
            pending(target="Tower", not_before=START),
        )
        assert storage.jobs.next_due(TARGETS) == soon
        assert storage.jobs.next_due(["Tower"]) == START
        assert [claimed(storage).not_before for _ in range(3)] == [None] * 3
        assert storage.jobs.next_due(TARGETS) is None

    def test_only_pending_jobs_are_given(self, storage: Storage) -> None:
        """One that the user tries again is pending once more."""
        (job,) = add(storage, pending())
        job = changed(storage, job, cancelled)
        assert claim(storage, choose=_never) is None
        changed(storage, job, retried)
        assert claimed(storage).id == job.id

    def test_a_paused_queue_says_so(self, storage: Storage) -> None:
        """Whoever claims all the same is served: lanes ask first."""
        add(storage, pending())
        assert not storage.jobs.paused()
        storage.jobs.set_paused(True, queue_event(EventKind.QUEUE_PAUSED))
        assert storage.jobs.paused()
        assert claim(storage) is not None
        storage.jobs.set_paused(False, queue_event(EventKind.QUEUE_RESUMED))
        assert not storage.jobs.paused()
        assert storage.events.read()[-1].kind is EventKind.QUEUE_RESUMED

    def test_no_job_is_given_to_two_threads(self, storage: Storage) -> None:
        """Eight of them race for all."""
        jobs = add(storage, *(pending() for _ in range(MANY)))
        gate = threading.Barrier(8)
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda _: claim_all(storage, gate), range(8)))
        assert sorted(chain.from_iterable(taken)) == sorted(job.id for job in jobs)

    def test_no_job_is_given_to_two_processes(self, storage: Storage, tmp_path: Path) -> None:
        """Four of them race for all."""
        if not self.shared_by_processes:
            pytest.skip("this storage belongs to one process")
        jobs = add(storage, *(pending() for _ in range(MANY)))
        spawn = multiprocessing.get_context("spawn")
        gate = spawn.Barrier(4)
        with ProcessPoolExecutor(4, spawn, initializer=meet_at, initargs=(gate,)) as pool:
            taken = list(pool.map(open_and_claim_all, [self.opener(tmp_path)] * 4))
        assert sorted(chain.from_iterable(taken)) == sorted(job.id for job in jobs)
        assert storage.jobs.counts()[JobStatus.PROCESSING] == MANY

    @staticmethod
    def _check_unchanged(storage: Storage, job: Job) -> None:
        assert storage.jobs.get(job.id) == job
        assert storage.events.last() == 1
        assert storage.jobs.counts()[JobStatus.PENDING] == 1
        assert claimed(storage).id == job.id


def _never(_: Line) -> Candidate | None:
    raise AssertionError("there is nothing to choose from")
