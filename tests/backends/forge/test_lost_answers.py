"""What is known of a job whose answer did not come: whether it may have run."""

from __future__ import annotations

import threading

import pytest
from tests.backends.forge.desk import Between, Desk, answering

from stablequeue_core.backends import TaskState
from stablequeue_core.errors import (
    AnswerLost,
    BackendError,
    ForeignInterrupt,
    GarbledAnswer,
    ServerFault,
    ServerStarting,
    ServerUnreachable,
)
from stablequeue_core.testing.forge_simulator import Fault
from stablequeue_core.transport import Abort, Request, Response


@pytest.mark.parametrize(
    ("fault", "error", "ran"),
    [
        (Fault.REFUSE_CONNECTION, ServerUnreachable, 0),
        (Fault.UNAVAILABLE, ServerStarting, 0),
        (Fault.BAD_GATEWAY, AnswerLost, 0),
        (Fault.INTERNAL_ERROR, ServerFault, 0),
        (Fault.GARBAGE, GarbledAnswer, 0),
        (Fault.RESET, AnswerLost, 1),
        (Fault.LOSE_ANSWER, AnswerLost, 1),
        (Fault.TRUNCATED_JSON, GarbledAnswer, 1),
    ],
)
def test_each_accident_says_whether_the_job_may_have_run(
    desk: Desk, fault: Fault, error: type[BackendError], ran: int
) -> None:
    """It is sent once only: whoever sends it again must ask first."""
    prepared = desk.prepare()
    desk.forge.faults.next("txt2img", fault)

    with pytest.raises(error) as caught:
        desk.generate(prepared)

    assert type(caught.value) is error
    assert desk.jobs_sent == 1
    assert len(desk.forge.rendered) == ran


def test_an_answer_in_small_pieces_is_read_to_its_end(desk: Desk) -> None:
    desk.forge.faults.next("txt2img", Fault.SLOW_DRIP, pause=0.001)
    assert desk.run().pictures


def test_hanging_up_leaves_the_server_at_work(desk: Desk) -> None:
    """So the answer is lost, not the job: it goes on, and its task can be asked for."""
    prepared, abort = desk.prepare(), Abort()
    with desk.forge.held(step=1):

        def pull() -> None:
            desk.forge.wait_until(lambda forge: forge.sampling_step == 1)
            abort.pull()

        puller = threading.Thread(target=pull)
        puller.start()
        with pytest.raises(AnswerLost) as caught:
            desk.backend.generate(prepared, task_id="task(ours)", abort=abort)
        puller.join()
        assert caught.value.details == {"cause": "transfer_aborted"}
        assert desk.backend.task("task(ours)").state is TaskState.ACTIVE
    desk.forge.wait_until(lambda forge: forge.rendered)


def test_a_server_that_dies_at_work_loses_the_answer(desk: Desk) -> None:
    with desk.forge.held(step=1):
        running = desk.start()
        desk.forge.wait_until(lambda forge: forge.sampling_step == 1)
        desk.forge.restart()
        with pytest.raises(AnswerLost):
            running.result()
    assert desk.backend.task("task(ours)").state is TaskState.UNKNOWN


def test_a_job_waits_as_long_as_it_takes_on_a_connection_of_its_own() -> None:
    """An idle connection may be dead already, and then nobody knew whether the job had arrived."""
    sent: list[Request] = []

    def note(request: Request, response: Response) -> Response:
        sent.append(request)
        return response

    Desk(transport=lambda inner: Between(inner, note)).run()

    job = next(request for request in sent if request.url.endswith("/txt2img"))
    others = [request for request in sent if request is not job]
    assert (job.timeouts.read, job.fresh_connection) == (None, True)
    assert all(request.timeouts.read for request in others)


def test_a_picture_does_not_count_while_nobody_can_say_whether_it_was_interrupted() -> None:
    """Unknown is never all right: it is made again, with the same seed."""
    desk = Desk(transport=answering("/v1/progress", b"", status=500))
    with pytest.raises(AnswerLost, match="could not be asked"):
        desk.run()


def test_an_interrupt_that_was_seen_is_remembered_when_the_next_job_has_wiped_it_out() -> None:
    """``state`` tells of the running job only; here it is another one's when ours comes back."""
    wiped_out = {"state": {"job": "x", "job_timestamp": "another", "interrupted": True}}
    desk = Desk(transport=answering("/v1/progress", wiped_out))
    assert desk.run("task(unseen)").pictures

    with desk.forge.held(step=1):
        running = desk.start()
        desk.forge.wait_until(lambda forge: forge.sampling_step == 1)
        desk.backend.task("task(ours)")
    with pytest.raises(ForeignInterrupt):
        running.result()
