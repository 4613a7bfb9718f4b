"""The promises about the line: who stands in it, where, and how it can be looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from stablequeue_core.errors import JobNotFound, StaleJob
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import MOST_COUNTED, Backlog, Candidate, Claim, Job, Line, Work, event_of
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
    completed,
    deleted,
    given_back,
    in_line,
    pending,
    retried,
)

ASIDE: dict[str, dict[str, Any]] = {
    "held": {"held": True},
    "waiting for a download": {"waits_for": ("download-1",)},
    "made in parts": {"parts": ("part-1", "part-2")},
}
STUDIO = ("Laptop", "auto", "auto:studio")


class OrderingContract(StorageCase):
    """The promises of the line that a choice is shown, and of what depends on it, as tests."""

    def test_a_line_has_the_jobs_of_every_target_that_is_asked_for(self, storage: Storage) -> None:
        """In one order, each once, and none of another target."""
        targets = ("auto:studio", "Tower", "auto", "Laptop", "auto:attic", "auto:studio")
        jobs = add(storage, *(pending(target=target) for target in targets))
        expected = [job.id for job in jobs if job.target in STUDIO]
        assert [candidate.id for candidate in in_line(storage, *STUDIO, "Laptop")] == expected
        assert claimed(storage, targets=STUDIO).id == expected[0]

    def test_whoever_serves_no_target_gets_nothing(self, storage: Storage) -> None:
        """And is not asked to choose."""
        add(storage, pending())
        unasked = Claim(targets=(), now=LATER, choose=_never, begin=lambda job: _never(job))
        assert storage.jobs.claim(unasked) is None

    @pytest.mark.parametrize("why", ASIDE)
    def test_a_job_that_no_server_may_have_stands_in_no_line(
        self, storage: Storage, why: str
    ) -> None:
        """However urgent it is, and however many of them there are."""
        add(storage, *(pending(priority=9, **ASIDE[why]) for _ in range(50)))
        assert claim(storage, choose=_never) is None
        (free,) = add(storage, pending())
        assert [candidate.id for candidate in in_line(storage)] == [free.id]
        assert storage.jobs.position(free, now=LATER) == 0
        assert storage.jobs.work_before(free, now=LATER) == []

    def test_a_held_job_runs_when_it_is_released(self, storage: Storage) -> None:
        """Where it stood all the time."""
        first, second = add(storage, pending(held=True), pending())
        assert [candidate.id for candidate in in_line(storage)] == [second.id]
        assert storage.jobs.open_on("Laptop") == [first, second]
        changed(storage, first, _released)
        assert [candidate.id for candidate in in_line(storage)] == [first.id, second.id]

    def test_a_job_that_waits_for_its_time_stands_where_it_would_have(
        self, storage: Storage
    ) -> None:
        """Before its time it is not shown, whoever has looked later meanwhile."""
        late, now = add(storage, pending(not_before=LATER), pending())
        early = LATER - timedelta(milliseconds=1)
        for _ in range(2):
            shown = in_line(storage, now=early)
            assert [candidate.id for candidate in shown] == [now.id]
            assert in_line(storage, now=early, look=_of_no_checkpoint) == shown
            assert _backlogs(storage, now=early) == [(None, 1, now.place)]
            shown = in_line(storage, now=LATER)
            assert [candidate.id for candidate in shown] == [late.id, now.id]
            assert storage.jobs.next_due(["Laptop"]) == LATER
        assert storage.jobs.get(late.id) == late

    def test_any_number_of_jobs_for_tonight_stand_in_nobodys_way(self, storage: Storage) -> None:
        """Those that may run now come at once."""
        tonight = START + timedelta(hours=20)
        add(storage, *(pending(priority=5, not_before=tonight) for _ in range(100)))
        (now,) = add(storage, pending())
        assert claimed(storage, now=START).id == now.id
        assert claim(storage, now=START, choose=_never) is None
        assert storage.jobs.next_due(["Laptop"]) == tonight
        assert claimed(storage, now=tonight).priority == 5

    def test_a_job_moved_to_the_front_goes_before_all_of_its_priority(
        self, storage: Storage
    ) -> None:
        """Also before another that was moved earlier; a higher priority still goes first."""
        high, *jobs = add(storage, *(pending(priority=level) for level in (1, 0, 0, 0, 0)))
        for job in (jobs[2], jobs[3]):
            moved = _move(storage, job)
            assert moved.revision > job.revision
            assert moved == storage.jobs.get(job.id)
        order = [high, jobs[3], jobs[2], jobs[0], jobs[1]]
        assert [candidate.id for candidate in in_line(storage)] == [job.id for job in order]
        assert [storage.jobs.position(job, now=LATER) for job in order] == [0, 1, 2, 3, 4]
        places = [candidate.place for candidate in in_line(storage)]
        assert places[1:] == sorted(set(places[1:]))

    def test_whoever_was_moved_keeps_his_place(self, storage: Storage) -> None:
        """While he runs, and after he was given back; new ones stand behind him."""
        _, second = add(storage, pending(), pending())
        _move(storage, second)
        assert claimed(storage).id == second.id
        back = changed(storage, storage.jobs.get(second.id), given_back)
        add(storage, pending())
        assert in_line(storage)[0].id == back.id
        assert in_line(storage)[0].place == back.place

    def test_the_move_is_told(self, storage: Storage) -> None:
        """Once, with the change; a stale one changes nothing."""
        (job,) = add(storage, pending())
        _move(storage, job)
        assert storage.events.read()[-1].kind is EventKind.JOB_MOVED
        written = storage.events.last()
        with pytest.raises(StaleJob):
            _move(storage, job)
        with pytest.raises(JobNotFound):
            _move(storage, pending())
        assert storage.events.last() == written

    def test_a_change_does_not_move_a_job(self, storage: Storage) -> None:
        """Nor does one that was made from a copy with another place."""
        one, two = add(storage, pending(), pending())
        storage.jobs.replace(*_told(one, place=99, effort=5.0, client_id="Eve", part_of="x"))
        assert storage.jobs.get(one.id).place == one.place
        assert storage.jobs.get(one.id).effort == one.effort
        assert storage.jobs.get(one.id).client_id is None
        assert storage.jobs.get(one.id).part_of is None
        assert [candidate.id for candidate in in_line(storage)] == [one.id, two.id]

    def test_a_job_that_is_tried_again_stands_where_it_stood(self, storage: Storage) -> None:
        """It has waited before."""
        first, second = add(storage, pending(), pending())
        first = changed(storage, first, cancelled)
        changed(storage, first, retried)
        assert [candidate.id for candidate in in_line(storage)] == [first.id, second.id]

    def test_backlogs_tell_what_waits_for_which_checkpoint(self, storage: Storage) -> None:
        """Of one priority, of all targets together; those that run are gone."""
        named = ("b", None, "a", "b", "", "B")
        jobs = [
            pending(checkpoint=name, target=("Laptop", "auto")[place % 2])
            for place, name in enumerate(named)
        ]
        kept = add(storage, *jobs, pending(checkpoint="c", priority=1), pending(target="Tower"))
        assert _backlogs(storage) == [
            (None, 1, kept[1].place),
            ("", 1, kept[4].place),
            ("B", 1, kept[5].place),
            ("a", 1, kept[2].place),
            ("b", 2, kept[0].place),
        ]
        assert _backlogs(storage, priority=1) == [("c", 1, kept[6].place)]
        assert _backlogs(storage, priority=2) == []
        claimed(storage, choose=lambda line: next(line.of_checkpoint("b", 0), None))
        assert ("b", 1, kept[3].place) in _backlogs(storage)

    def test_a_long_backlog_is_not_counted_to_its_end(self, storage: Storage) -> None:
        """Nobody needs to know how long it is."""
        add(storage, *(pending(checkpoint="a") for _ in range(MOST_COUNTED + 1)))
        add(storage, *(pending(checkpoint="a", target="auto") for _ in range(MOST_COUNTED)))
        assert _backlogs(storage) == [("a", MOST_COUNTED, 1)]

    def test_a_checkpoint_has_a_line_of_its_own(self, storage: Storage) -> None:
        """Letter by letter, of one priority, by place, of all targets."""
        jobs = add(
            storage,
            *(
                pending(checkpoint=name, target=target, priority=priority)
                for name, target, priority in (
                    ("a", "auto", 0),
                    ("A", "Laptop", 0),
                    ("a", "Laptop", 0),
                    ("a", "Laptop", 1),
                    (None, "Laptop", 0),
                    ("a", "Tower", 0),
                    ("a", "auto", 0),
                )
            ),
        )
        _move(storage, jobs[6])
        shown = in_line(storage, look=lambda line: line.of_checkpoint("a", 0))
        assert [candidate.id for candidate in shown] == [jobs[6].id, jobs[0].id, jobs[2].id]
        shown = in_line(storage, look=_of_no_checkpoint)
        assert [candidate.id for candidate in shown] == [jobs[4].id]

    def test_several_looks_at_a_line_can_be_taken_at_once(self, storage: Storage) -> None:
        """One goes on where it was, whatever the others do."""
        jobs = add(storage, *(pending(checkpoint=name) for name in "abab"))

        def look(line: Line) -> list[Candidate]:
            everybody, of_b = line.in_order(), line.of_checkpoint("b", 0)
            shown = [next(everybody), next(of_b), next(everybody)]
            line.backlogs(0)
            return [*shown, *everybody, *of_b]

        assert [candidate.id for candidate in in_line(storage, look=look)] == [
            jobs[place].id for place in (0, 1, 1, 2, 3, 3)
        ]

    def test_the_work_before_a_job_is_summed_up(self, storage: Storage) -> None:
        """By target and checkpoint: what is more urgent, or stands before it."""
        (later,) = add(storage, pending(checkpoint="a", effort=1.0, not_before=LATER))
        add(storage, pending(checkpoint="a", effort=2.5), pending(target="auto", effort=4.0))
        (job,) = add(storage, pending(checkpoint="a", effort=8.0))
        add(storage, pending(priority=-1, effort=16.0), pending(checkpoint="a", priority=1))
        assert _sums(storage, job) == {("Laptop", "a"): (3, 3.5), ("auto", None): (1, 4.0)}
        assert _sums(storage, later) == {("Laptop", "a"): (1, 0.0)}
        assert _sums(storage, None) == {
            ("Laptop", "a"): (4, 11.5),
            ("Laptop", None): (1, 16.0),
            ("auto", None): (1, 4.0),
        }

    def test_what_does_not_wait_is_no_work_before_anybody(self, storage: Storage) -> None:
        """Neither what runs nor what has ended."""
        add(storage, pending(), pending())
        changed(storage, claimed(storage), completed)
        claimed(storage)
        (job,) = add(storage, pending())
        assert storage.jobs.work_before(job, now=LATER) == []

    def test_a_deleted_job_stands_nowhere(self, storage: Storage) -> None:
        """Its number may be given out again, but no other place changes."""
        one, two, three = add(storage, pending(), pending(), pending())
        deleted(storage, two)
        deleted(storage, three)
        (new,) = add(storage, pending())
        assert [candidate.id for candidate in in_line(storage)] == [one.id, new.id]


def _never(_: object) -> Any:
    raise AssertionError("there is nothing to choose from")


def _of_no_checkpoint(line: Line) -> list[Candidate]:
    return list(line.of_checkpoint(None, 0))


def _backlogs(storage: Storage, priority: int = 0, **how: Any) -> list[tuple[str | None, int, int]]:
    """Checkpoint, count and first of each, in order."""
    found: list[Backlog] = []

    def look(line: Line) -> list[Candidate]:
        found.extend(line.backlogs(priority))
        return []

    in_line(storage, look=look, **how)
    told = [(backlog.checkpoint, backlog.count, backlog.first) for backlog in found]
    return sorted(told, key=lambda each: (each[0] is not None, each[0] or ""))


def _sums(storage: Storage, job: Job | None) -> dict[tuple[str, str | None], tuple[int, float]]:
    sums: list[Work] = list(storage.jobs.work_before(job, now=LATER))
    found = {(each.target, each.checkpoint): (each.count, each.effort) for each in sums}
    assert len(found) == len(sums), "one sum for each target and checkpoint"
    return found


def _move(storage: Storage, job: Job) -> Job:
    return storage.jobs.move_to_front(job, event_of(EventKind.JOB_MOVED, job))


def _told(job: Job, **changes: Any) -> tuple[Job, Event]:
    return evolve(job, **changes), event_of(EventKind.JOB_REQUEUED, job)


def _released(job: Job) -> tuple[Job, Event]:
    free = job.release(now=LATER)
    return free, event_of(EventKind.JOB_RELEASED, free)
