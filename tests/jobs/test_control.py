"""What a user does with a job that waits: hold, release, move to the front, wait for a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.hands import Hands, hands

from stablequeue_core import Job, JobStatus, Settings, StableQueue
from stablequeue_core.errors import InvalidParams, JobNotFound, JobNotPending, ServerNotFound
from stablequeue_core.jobs import Submission
from stablequeue_core.jobs.intake import digest_of


def kinds(queue: StableQueue, job: Job) -> list[str]:
    return [event.kind.value for event in queue.events() if event.job_id == job.id]


def test_a_job_that_was_submitted_held_starts_when_it_is_released(plain: Hands) -> None:
    job = plain.submit(hold=True)

    assert job.held
    assert plain.claim() is None
    plain.queue.release(job.id)
    assert plain.start().id == job.id
    assert kinds(plain.queue, job) == ["job.submitted", "job.released", "job.started"]


def test_holding_twice_is_told_once(plain: Hands) -> None:
    job = plain.submit()

    assert plain.queue.hold(job.id).held
    assert plain.queue.hold(job.id).held
    assert kinds(plain.queue, job) == ["job.submitted", "job.held"]


def test_a_job_that_is_held_stands_in_nobody_s_way(plain: Hands) -> None:
    held, other = plain.submit(hold=True), plain.submit()

    assert plain.queue.position(other) == 0
    assert plain.start().id == other.id
    assert plain.status_of(held) is JobStatus.PENDING


def test_the_job_that_was_moved_to_the_front_last_is_first(plain: Hands) -> None:
    first, second, third = plain.submit(), plain.submit(), plain.submit()

    plain.queue.move_to_front(second.id)
    plain.queue.move_to_front(third.id)

    assert [plain.start().id for _ in range(3)] == [third.id, second.id, first.id]
    assert kinds(plain.queue, second)[:2] == ["job.submitted", "job.moved"]


def test_the_front_is_that_of_the_job_s_own_priority(plain: Hands) -> None:
    urgent, ordinary = plain.submit(priority=5), plain.submit()

    plain.queue.move_to_front(ordinary.id)

    assert plain.start().id == urgent.id


@pytest.mark.parametrize("wish", ["hold", "release", "move_to_front"])
def test_only_a_job_that_waits_can_be_held_released_or_moved(plain: Hands, wish: str) -> None:
    job = plain.submit()
    plain.start()

    with pytest.raises(JobNotPending) as refused:
        getattr(plain.queue, wish)(job.id)
    assert refused.value.details == {"job_id": job.id, "status": "processing"}
    with pytest.raises(JobNotFound):
        getattr(plain.queue, wish)("00000000-0000-0000-0000-000000000000")


def test_a_job_does_not_start_before_its_time(plain: Hands) -> None:
    job = plain.submit(not_before=plain.clock.now() + timedelta(hours=1))

    assert plain.claim() is None
    plain.clock.advance(3600)
    assert plain.start().id == job.id


def test_a_retry_does_not_wait_for_what_its_user_once_waited_for(plain: Hands) -> None:
    job = plain.submit(not_before=plain.clock.now() + timedelta(hours=1), hold=True)
    plain.queue.cancel(job.id)

    plain.queue.retry(job.id)

    assert plain.start().id == job.id


def test_the_effort_of_a_job_is_known_when_it_is_submitted(plain: Hands) -> None:
    job = plain.queue.submit("auto", positive_prompt="a", width=1000, height=1000, steps=7)

    assert job.effort == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"client_id": ""}, "client_id"),
        ({"client_id": "x" * 256}, "client_id"),
        ({"client_id": "two\nlines"}, "client_id"),
        ({"client_id": 7}, "client_id"),
        ({"not_before": datetime(2031, 1, 1)}, "not_before"),
        ({"not_before": "2031-01-01T00:00:00Z"}, "not_before"),
        ({"not_before": datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))}, "not_before"),
        ({"hold": "yes"}, "hold"),
        ({"priority": 10**9}, "priority"),
    ],
)
def test_a_wish_that_cannot_be_understood_is_named(
    plain: Hands, fields: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidParams) as refused:
        plain.submit(**fields)

    assert [problem.path for problem in refused.value.problems] == [path]
    assert plain.queue.list().total == 0


def test_a_client_may_be_called_anything_that_can_be_read(plain: Hands) -> None:
    assert plain.submit(client_id="Büro 7 / 🎨").client_id == "Büro 7 / 🎨"


def test_a_job_told_by_an_infotext_may_be_held_too(plain: Hands) -> None:
    infotext = "a cat\nSteps: 20, Sampler: Euler, Seed: 1"
    job = plain.queue.submit_infotext("Tower", infotext, hold=True, client_id="studio-7")

    assert (job.held, job.client_id) == (True, "studio-7")
    assert job.params == {"generation_info_raw": infotext}


def test_clients_take_turns_where_the_setting_says_so(tmp_path: Path) -> None:
    with hands(tmp_path, Settings(fairness=True)) as fair:
        many = [fair.submit(client_id="many") for _ in range(3)]
        few = fair.submit(client_id="few")

        started = [fair.start().id for _ in range(4)]
        assert started.index(few.id) < started.index(many[2].id)


def test_a_job_for_a_group_needs_a_server_with_its_tag(plain: Hands) -> None:
    plain.queue.servers.add("Studio", "http://studio:7860", tags=("studio",))

    assert plain.submit("auto:studio").target == "auto:studio"
    with pytest.raises(ServerNotFound):
        plain.submit("auto:attic")


def test_an_old_request_has_the_digest_that_it_always_had() -> None:
    """As it was stored by versions that knew neither clients nor times nor holds."""
    old = Submission("Laptop", {"steps": 20, "positive_prompt": "a cat"}, 5)

    assert digest_of([old]) == "33a9b98f5ffc77ae0e6a0961778b463528b48c57dc819ef584916046e1ae9176"


def test_a_request_that_says_more_is_another_one() -> None:
    plain = Submission("Laptop", {"positive_prompt": "a cat"})
    moment = datetime(2031, 5, 1, 8, tzinfo=UTC)
    wishes: list[dict[str, Any]] = [
        {"client_id": "a"},
        {"client_id": "b"},
        {"hold": True},
        {"not_before": moment},
    ]
    others = [Submission("Laptop", {"positive_prompt": "a cat"}, **wish) for wish in wishes]

    assert len({digest_of([each]) for each in (plain, *others)}) == 5


def test_the_same_moment_in_another_zone_is_the_same_request() -> None:
    in_utc = datetime(2031, 5, 1, 8, tzinfo=UTC)
    elsewhere = in_utc.astimezone(timezone(timedelta(hours=2)))

    one, other = (Submission("Laptop", {}, not_before=each) for each in (in_utc, elsewhere))

    assert digest_of([one]) == digest_of([other])
