"""Cancel, retry and delete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stablequeue_core import Event, EventKind, Job, JobStatus, Settings, StableQueue
from stablequeue_core.clock import SystemClock
from stablequeue_core.errors import ImageNotFound, JobNotFound
from stablequeue_core.jobs import event_of
from stablequeue_core.storage.base import Storage

Change = Callable[..., Job]
Submit = Callable[..., str]
UNKNOWN = "88615c9d-71ec-4803-88b0-14f5162f6c66"
PATIENT = Settings(cancel_wait=30)


@pytest.fixture
def obedient(queue: StableQueue, storage: Storage) -> Iterator[None]:
    """A lane that confirms every cancel."""

    def confirm(event: Event) -> None:
        if event.kind is EventKind.JOB_CANCEL_REQUESTED and event.job_id:
            job = storage.jobs.get(event.job_id).cancel(now=SystemClock().now())
            storage.jobs.replace(job, event_of(EventKind.JOB_CANCELLED, job))

    with queue.subscribe(confirm):
        yield


@pytest.fixture
def too_late(queue: StableQueue, storage: Storage, fail: Change) -> Iterator[None]:
    """A lane whose job ends just when its cancel is requested."""

    def end(event: Event) -> None:
        if event.kind is EventKind.JOB_CANCEL_REQUESTED and event.job_id:
            from stablequeue_core.jobs import JobResult

            result = JobResult(images=(), info="done", generation_info={})
            job = storage.jobs.get(event.job_id).complete(
                result, sent=None, now=SystemClock().now()
            )
            storage.jobs.replace(job, event_of(EventKind.JOB_COMPLETED, job))

    with queue.subscribe(end):
        yield


def test_cancelling_a_pending_job_answers_as_in_the_document(client: Any, submit: Submit) -> None:
    job_id = submit()
    answer = client.post(f"/api/v1/queue/jobs/{job_id}/cancel")
    assert answer.status_code == 200
    assert list(answer.json) == ["message", "job"]
    assert answer.json["message"] == "Job cancelled successfully."
    job = answer.json["job"]
    assert job["stablequeue_job_id"] == job_id
    assert job["status"] == "cancelled"
    assert job["completion_timestamp"] == job["last_updated_timestamp"]
    assert job["result_details"] == {"cancelled": True, "message": "Job cancelled by user"}
    assert job["retry_count"] == 0


@pytest.mark.parametrize("settings", [PATIENT])
@pytest.mark.usefixtures("obedient")
def test_a_running_job_is_200_once_its_server_confirmed(
    client: Any, submit: Submit, begin: Change
) -> None:
    job_id = submit()
    begin(job_id)
    answer = client.post(f"/api/v1/queue/jobs/{job_id}/cancel")
    assert answer.status_code == 200
    assert answer.json["message"] == "Job cancelled successfully."
    assert answer.json["job"]["status"] == "cancelled"
    assert answer.json["job"]["attempts"][0]["outcome"] == "cancelled"


def test_a_running_job_is_202_while_its_server_has_not_confirmed(
    client: Any, submit: Submit, begin: Change
) -> None:
    job_id = submit()
    begin(job_id)
    answer = client.post(f"/api/v1/queue/jobs/{job_id}/cancel")
    assert answer.status_code == 202
    assert list(answer.json) == ["message", "job", "status", "cancel_requested"]
    for shown in (answer.json, answer.json["job"]):
        assert shown["status"] == "processing"
        assert shown["cancel_requested"] is True


def test_asking_again_to_cancel_is_202_again(client: Any, submit: Submit, begin: Change) -> None:
    job_id = submit()
    begin(job_id)
    first, second = (client.post(f"/api/v1/queue/jobs/{job_id}/cancel") for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert first.json == second.json


@pytest.mark.parametrize("settings", [PATIENT])
@pytest.mark.usefixtures("too_late")
def test_a_job_that_ends_while_it_is_cancelled_is_409(
    client: Any, submit: Submit, begin: Change
) -> None:
    job_id = submit()
    begin(job_id)
    answer = client.post(f"/api/v1/queue/jobs/{job_id}/cancel")
    assert answer.status_code == 409
    assert answer.json["error"] == "job_not_cancellable"
    assert answer.json["details"]["status"] == "completed"


def test_an_ended_job_cannot_be_cancelled(
    client: Any, submit: Submit, complete: Change, fail: Change
) -> None:
    done, failed, cancelled = submit(), submit(), submit()
    complete(done)
    fail(failed)
    client.post(f"/api/v1/queue/jobs/{cancelled}/cancel")
    for job_id in (done, failed, cancelled):
        answer = client.post(f"/api/v1/queue/jobs/{job_id}/cancel")
        assert answer.status_code == 409
        assert answer.json["error"] == "job_not_cancellable"


def test_a_failed_or_cancelled_job_can_be_tried_again(
    client: Any, submit: Submit, fail: Change
) -> None:
    failed, cancelled = submit(), submit()
    fail(failed)
    client.post(f"/api/v1/queue/jobs/{cancelled}/cancel")
    for job_id in (failed, cancelled):
        answer = client.post(f"/api/v1/queue/jobs/{job_id}/retry")
        assert answer.status_code == 202
        assert list(answer.json) == ["message", "job"]
        assert answer.json["job"]["status"] == "pending"
        assert answer.json["job"]["result_details"] is None
        assert answer.json["job"]["completion_timestamp"] is None


def test_a_pending_or_completed_job_cannot_be_tried_again(
    client: Any, submit: Submit, complete: Change
) -> None:
    pending, completed = submit(), submit()
    complete(completed)
    for job_id in (pending, completed):
        answer = client.post(f"/api/v1/queue/jobs/{job_id}/retry")
        assert answer.status_code == 409
        assert answer.json["error"] == "job_not_retryable"


def test_deleting_a_job_answers_as_in_the_document(
    client: Any, queue: StableQueue, submit: Submit
) -> None:
    job_id = submit()
    answer = client.delete(f"/api/v1/queue/jobs/{job_id}")
    assert answer.status_code == 200
    assert answer.json == {"message": f"Job {job_id} deleted successfully."}
    with pytest.raises(JobNotFound):
        queue.get(job_id)


@pytest.mark.parametrize("settings", [PATIENT])
@pytest.mark.usefixtures("obedient")
def test_a_running_job_is_cancelled_before_it_is_deleted(
    client: Any, queue: StableQueue, submit: Submit, begin: Change
) -> None:
    job_id = submit()
    begin(job_id)
    assert client.delete(f"/api/v1/queue/jobs/{job_id}").status_code == 200
    kinds = [event.kind for event in queue.events() if event.job_id == job_id]
    assert kinds[-2:] == [EventKind.JOB_CANCELLED, EventKind.JOB_DELETED]


def test_a_job_whose_server_does_not_stop_is_409_and_stays(
    client: Any, queue: StableQueue, submit: Submit, begin: Change
) -> None:
    job_id = submit()
    begin(job_id)
    answer = client.delete(f"/api/v1/queue/jobs/{job_id}")
    assert answer.status_code == 409
    assert answer.json["error"] == "job_still_running"
    assert queue.get(job_id).status is JobStatus.PROCESSING


@pytest.mark.parametrize(
    ("query", "stays"),
    [("", True), ("?delete_images=false", True), ("?delete_images=true", False)],
)
def test_pictures_stay_unless_asked(
    client: Any,
    queue: StableQueue,
    submit: Submit,
    complete: Change,
    png: bytes,
    query: str,
    stays: bool,
) -> None:
    job_id = submit()
    name = f"{job_id[:8]}_1747190448393_00000-1.png"
    queue.images.save(name, png)
    complete(job_id, images=(name,))
    assert client.delete(f"/api/v1/queue/jobs/{job_id}{query}").status_code == 200
    if stays:
        assert queue.images.path(name).read_bytes() == png
    else:
        with pytest.raises(ImageNotFound):
            queue.images.path(name)


@pytest.mark.parametrize("value", ["yes", "", "TRUE", "2"])
def test_a_bad_wish_about_the_pictures_is_400_and_nothing_is_deleted(
    client: Any, queue: StableQueue, submit: Submit, value: str
) -> None:
    job_id = submit()
    answer = client.delete(f"/api/v1/queue/jobs/{job_id}?delete_images={value}")
    assert answer.status_code == 400
    assert answer.json["details"]["fields"][0]["path"] == "delete_images"
    assert queue.get(job_id).status is JobStatus.PENDING


@pytest.mark.parametrize("job_id", [UNKNOWN, "nonsense", "%00", "%ff%fe"])
@pytest.mark.parametrize(
    ("method", "tail"), [("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")]
)
def test_an_unknown_job_is_404(client: Any, method: str, tail: str, job_id: str) -> None:
    answer = client.open(f"/api/v1/queue/jobs/{job_id}{tail}", method=method)
    assert answer.status_code == 404
    assert answer.json["error"] == "job_not_found"


@pytest.mark.parametrize("tail", ["cancel", "retry"])
def test_a_body_is_neither_needed_nor_read(client: Any, submit: Submit, tail: str) -> None:
    job_id = submit()
    if tail == "retry":
        client.post(f"/api/v1/queue/jobs/{job_id}/cancel")
    answer = client.post(f"/api/v1/queue/jobs/{job_id}/{tail}", data=b"\xff{", content_type="x/y")
    assert answer.status_code in (200, 202)
