"""What happened is told in order, from any point, and a bad listener harms nobody."""

from __future__ import annotations

import threading

import pytest
from tests.worlds import World

from stablequeue_core import Event, EventKind


def kinds(events: list[Event], job_id: str) -> list[EventKind]:
    logged = [e for e in events if e.job_id == job_id and e.sequence is not None]
    return [event.kind for event in logged]


WHOLE_LIFE = [EventKind.JOB_SUBMITTED, EventKind.JOB_STARTED, EventKind.JOB_COMPLETED]


def test_a_listener_hears_of_each_change_in_order(world: World) -> None:
    heard: list[Event] = []
    with world.queue.subscribe(heard.append):
        done = world.run()
        world.until(lambda: EventKind.JOB_COMPLETED in kinds(heard, done.id))

    assert kinds(heard, done.id) == WHOLE_LIFE
    numbers = [event.sequence for event in heard if event.sequence is not None]
    assert numbers == sorted(numbers)


def test_a_listener_that_comes_late_can_start_at_the_very_first_event(world: World) -> None:
    done = world.run()
    heard: list[Event] = []
    with world.queue.subscribe(heard.append, after=0):
        world.until(lambda: EventKind.JOB_COMPLETED in kinds(heard, done.id))

    assert heard[0].kind is EventKind.SERVER_ADDED
    assert kinds(heard, done.id) == WHOLE_LIFE


def test_a_listener_that_went_away_goes_on_where_it_was(world: World) -> None:
    heard: list[Event] = []
    with world.queue.subscribe(heard.append, after=0) as first:
        one = world.run()
        world.until(lambda: EventKind.JOB_COMPLETED in kinds(heard, one.id))
    two = world.run()
    with world.queue.subscribe(heard.append, after=first.sequence):
        world.until(lambda: EventKind.JOB_COMPLETED in kinds(heard, two.id))

    numbers = [event.sequence for event in heard if event.sequence is not None]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_failing_listener_harms_neither_the_queue_nor_another_listener(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Event] = []

    def fail(event: Event) -> None:
        raise RuntimeError("a bug of somebody's own")

    with world.queue.subscribe(fail), world.queue.subscribe(heard.append):
        done = world.run()
        world.until(lambda: EventKind.JOB_COMPLETED in kinds(heard, done.id))

    assert "A listener failed" in caplog.text


def test_a_listener_may_end_its_own_subscription(world: World) -> None:
    ended = threading.Event()

    def once(event: Event) -> None:
        subscription.close()
        ended.set()

    subscription = world.queue.subscribe(once)
    world.run()

    assert ended.wait(5)


def test_progress_is_told_but_not_written_down(world: World) -> None:
    heard: list[Event] = []
    with world.queue.subscribe(heard.append), world.forge.held(step=2):
        job = world.submit(steps=4)
        world.until(lambda: any(e.kind is EventKind.JOB_PROGRESS for e in heard))
        progress = next(e for e in heard if e.kind is EventKind.JOB_PROGRESS)

    world.finish(job)
    assert progress.sequence is None
    assert progress.job_id == job.id
    assert 0 <= progress.data["fraction"] <= 1
    assert all(event.kind is not EventKind.JOB_PROGRESS for event in world.queue.events())


def test_another_process_sees_what_this_one_did(world: World) -> None:
    with world.open(dispatch=False) as other:
        heard: list[Event] = []
        with other.subscribe(heard.append, after=0):
            done = world.run()
            world.until(lambda: EventKind.JOB_COMPLETED in kinds(heard, done.id))
