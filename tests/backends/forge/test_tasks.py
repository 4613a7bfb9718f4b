"""Where a task is: told by the server's words, which mean less than they say."""

from __future__ import annotations

from typing import Any

import pytest
from tests.backends.forge.desk import INTERRUPT, PONY, SDXL, Desk, Running, answering

from stablequeue_core.backends import TaskState
from stablequeue_core.errors import ForeignInterrupt, OutOfMemory, ServerUnreachable
from stablequeue_core.generation import Phase
from stablequeue_core.testing.forge_simulator import Fault, SimulatedForge, sample_disk
from stablequeue_core.testing.forge_simulator.exchange import Incoming


def state_of(desk: Desk, task_id: str) -> TaskState:
    return desk.backend.task(task_id).state


def until_active(desk: Desk, task_id: str = "task(ours)") -> None:
    desk.forge.wait_until(lambda forge: forge.active_task == task_id)


def test_a_task_is_followed_from_loading_to_its_end(desk: Desk) -> None:
    with desk.forge.held(loading=True):
        running = desk.start()
        desk.forge.wait_until(lambda forge: forge.loading)
        loading = desk.backend.task("task(ours)")
    running.result()
    done = desk.backend.task("task(ours)")

    assert loading.state is TaskState.ACTIVE
    assert loading.progress is not None
    assert loading.progress.phase is Phase.LOADING
    assert loading.progress.eta_seconds is None
    assert done.state is TaskState.COMPLETED
    assert done.progress is not None
    assert (done.progress.fraction, done.progress.phase) == (1.0, Phase.FINISHED)


def test_sampling_is_told_with_its_share_of_all_passes(desk: Desk) -> None:
    with desk.forge.held(step=2):
        running = desk.start(steps=4)
        desk.forge.wait_until(lambda forge: forge.sampling_step == 2)
        report = desk.backend.task("task(ours)")
    running.result()
    assert report.progress is not None
    assert report.progress.phase is Phase.SAMPLING
    assert report.progress.fraction == pytest.approx(0.5)


def test_a_task_behind_somebody_elses_is_queued(desk: Desk) -> None:
    with desk.forge.held():
        human = desk.forge.human_job()
        until_active(desk, human.task_id)
        running = desk.start()
        desk.forge.wait_until(lambda forge: forge.waiting_tasks == ["task(ours)"])
        assert state_of(desk, "task(ours)") is TaskState.QUEUED
        assert desk.backend.probe().queue_depth == 1
    running.result()


def test_a_task_the_server_never_heard_of_is_unknown(desk: Desk) -> None:
    assert state_of(desk, "task(nobody)") is TaskState.UNKNOWN


def test_a_forgotten_task_is_unknown_never_done(desk: Desk) -> None:
    """The server remembers the last 16."""
    desk.run(task_id="task(first)")
    prepared = desk.prepare()
    for number in range(15):
        desk.generate(prepared, f"task({number})")
    assert state_of(desk, "task(first)") is TaskState.COMPLETED
    desk.generate(prepared, "task(15)")
    assert state_of(desk, "task(first)") is TaskState.UNKNOWN


def test_a_restart_makes_every_task_unknown(desk: Desk) -> None:
    desk.run()
    desk.forge.restart()
    assert state_of(desk, "task(ours)") is TaskState.UNKNOWN


def test_a_failed_task_that_stays_active_for_ever_is_unknown(desk: Desk) -> None:
    desk.forge.faults.next("txt2img", Fault.OUT_OF_MEMORY)
    with pytest.raises(OutOfMemory):
        desk.run()
    assert state_of(desk, "task(ours)") is TaskState.UNKNOWN
    assert desk.backend.interrupt("task(ours)") is False
    assert desk.forge.counts[INTERRUPT] == 0


def test_a_task_at_its_very_first_step_is_not_taken_for_a_failed_one(desk: Desk) -> None:
    desk.run()
    with desk.forge.held(step=0):
        running = desk.start(task_id="task(next)")
        until_active(desk, "task(next)")
        assert state_of(desk, "task(next)") is TaskState.ACTIVE
    running.result()


@pytest.mark.parametrize(
    "odd", [[], 5, None, "text", {}, {"active": False}, {"active": None, "queued": None}]
)
def test_an_odd_answer_tells_nothing(odd: Any) -> None:
    assert state_of(Desk(transport=answering("/internal/progress", odd)), "t") is TaskState.UNKNOWN


@pytest.mark.parametrize(
    ("told", "fraction"), [("0.5", 0.5), (1, 1.0), (0.25, 0.25), ("soon", None), (None, None)]
)
def test_progress_may_come_as_text(told: Any, fraction: float | None) -> None:
    said = {"active": True, "progress": told, "eta": told}
    report = Desk(transport=answering("/internal/progress", said)).backend.task("t")
    assert (report.progress.fraction if report.progress else None) == fraction


def test_an_answer_with_no_number_for_progress_is_survived() -> None:
    desk = Desk(transport=answering("/internal/progress", b'{"active":true,"progress":NaN}'))
    assert state_of(desk, "t") is TaskState.UNKNOWN


def test_without_web_ui_all_that_can_be_told_is_that_something_runs() -> None:
    desk = Desk(SimulatedForge(sample_disk(), webui=False))
    assert state_of(desk, "task(ours)") is TaskState.UNKNOWN
    with desk.forge.held(step=2):
        running = desk.start(steps=4)
        desk.forge.wait_until(lambda forge: forge.sampling_step == 2)
        report = desk.backend.task("task(ours)")
        assert desk.backend.interrupt("task(ours)") is False
    running.result()

    assert report.state is TaskState.BUSY
    assert report.progress is not None
    assert report.progress.fraction == pytest.approx(0.51)
    assert desk.forge.counts[INTERRUPT] == 0
    assert desk.backend.probe().status == "online"


def test_our_active_task_is_interrupted(desk: Desk) -> None:
    with desk.forge.held(step=1):
        running = desk.start()
        desk.forge.wait_until(lambda forge: forge.sampling_step == 1)
        assert desk.backend.interrupt("task(ours)") is True
        with pytest.raises(ForeignInterrupt):
            running.result()
    assert desk.forge.counts[INTERRUPT] == 1


def test_a_queued_task_is_not_interrupted_as_that_would_hit_another(desk: Desk) -> None:
    with desk.forge.held():
        human = desk.forge.human_job()
        until_active(desk, human.task_id)
        running = desk.start()
        desk.forge.wait_until(lambda forge: forge.waiting_tasks)
        assert desk.backend.interrupt("task(ours)") is False
    assert running.result().pictures
    assert desk.forge.counts[INTERRUPT] == 0


def test_somebody_elses_task_is_never_interrupted(desk: Desk) -> None:
    desk.run()
    with desk.forge.held():
        human = desk.forge.human_job()
        until_active(desk, human.task_id)
        assert desk.backend.interrupt("task(ours)") is False
    human.join(5)
    assert desk.forge.counts[INTERRUPT] == 0


def test_a_server_that_is_gone_cannot_be_asked(desk: Desk) -> None:
    with desk.forge.unplugged():
        for ask in (desk.backend.task, desk.backend.interrupt):
            with pytest.raises(ServerUnreachable):
                ask("task(ours)")


class TestInterruptedBySomebodyElse:
    """Forge answers 200, with an unfinished picture or too few, and no mark."""

    def test_with_every_picture_there(self, desk: Desk) -> None:
        with pytest.raises(ForeignInterrupt, match="thrown away"):
            self._interrupted(desk)
        assert not desk.forge.rendered[-1].finished

    def test_with_some_of_the_pictures(self, desk: Desk) -> None:
        with pytest.raises(ForeignInterrupt):
            self._interrupted(desk, num_images=3)
        assert len(desk.forge.rendered) == 1

    def test_while_the_model_was_loading_with_no_picture_at_all(self, desk: Desk) -> None:
        with desk.forge.held(loading=True):
            running = desk.start(checkpoint_name=PONY)
            desk.forge.wait_until(lambda forge: forge.loading)
            desk.forge.press_interrupt()
        with pytest.raises(ForeignInterrupt):
            running.result()
        assert not desk.forge.rendered

    def test_by_a_skip(self, desk: Desk) -> None:
        with desk.forge.held(step=1):
            running = desk.start()
            desk.forge.wait_until(lambda forge: forge.sampling_step == 1)
            self._skip(desk)
        with pytest.raises(ForeignInterrupt):
            running.result()

    def test_an_interrupt_of_the_run_before_is_not_held_against_this_one(self, desk: Desk) -> None:
        with pytest.raises(ForeignInterrupt):
            self._interrupted(desk)
        assert desk.run(checkpoint_name=SDXL).pictures

    def test_an_idle_interrupt_hits_nobody(self, desk: Desk) -> None:
        desk.forge.press_interrupt()
        assert desk.run().pictures

    def _interrupted(self, desk: Desk, **params: Any) -> None:
        with desk.forge.held(step=1):
            running: Running = desk.start(**params)
            desk.forge.wait_until(lambda forge: forge.sampling_step == 1)
            desk.forge.press_interrupt()
            running.result()

    def _skip(self, desk: Desk) -> None:
        desk.forge.handle(Incoming(method="POST", path="/sdapi/v1/skip"))
