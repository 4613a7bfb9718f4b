"""GET /queue/jobs: filters, pages and order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stablequeue_core import Job, StableQueue, Submission

Change = Callable[..., Job]
Submit = Callable[..., str]


def ids(client: Any, query: str = "") -> list[str]:
    answer = client.get(f"/api/v1/queue/jobs{query}")
    assert answer.status_code == 200, answer.json
    return [job["stablequeue_job_id"] for job in answer.json["jobs"]]


def many(queue: StableQueue, count: int) -> list[str]:
    wanted = [Submission("Laptop", {"positive_prompt": str(n)}) for n in range(count)]
    return [job.id for job in queue.submit_many(wanted)]


def test_the_answer_is_a_total_and_the_jobs_as_in_the_document(client: Any, submit: Submit) -> None:
    job_id = submit()
    body = client.get("/api/v1/queue/jobs").json
    assert list(body) == ["total", "jobs"]
    assert body["total"] == 1
    status = client.get(f"/api/v1/queue/jobs/{job_id}/status").json
    del status["queue_position"], status["waits_for"], status["eta_seconds"]
    status["waiting_reason"] = None  # a list tells only what is kept with the jobs
    assert body["jobs"] == [status]
    assert list(body["jobs"][0]) == list(status)


def test_an_empty_queue_is_an_empty_list(client: Any) -> None:
    assert client.get("/api/v1/queue/jobs").json == {"total": 0, "jobs": []}


def test_the_newest_come_first_unless_asked_otherwise(client: Any, submit: Submit) -> None:
    made = [submit() for _ in range(3)]
    asc = ids(client, "?order=asc")
    assert sorted(asc) == sorted(made)
    assert ids(client) == ids(client, "?order=desc") == asc[::-1]


def test_total_counts_all_that_match_not_the_page(client: Any, queue: StableQueue) -> None:
    many(queue, 7)
    body = client.get("/api/v1/queue/jobs?limit=2&offset=6").json
    assert body["total"] == 7
    assert len(body["jobs"]) == 1


def test_pages_follow_one_another(client: Any, queue: StableQueue) -> None:
    many(queue, 5)
    pages = [ids(client, f"?limit=2&offset={offset}") for offset in (0, 2, 4, 6)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert [job_id for page in pages for job_id in page] == ids(client)


def test_fifty_are_shown_by_default_and_a_thousand_at_most(client: Any, queue: StableQueue) -> None:
    many(queue, 1001)
    assert len(ids(client)) == 50
    assert len(ids(client, "?limit=1000")) == 1000
    assert len(ids(client, "?limit=100000000000000000")) == 1000


def test_a_limit_of_zero_only_counts(client: Any, submit: Submit) -> None:
    submit()
    assert client.get("/api/v1/queue/jobs?limit=0").json == {"total": 1, "jobs": []}


def test_an_offset_behind_the_end_is_an_empty_page(client: Any, submit: Submit) -> None:
    submit()
    assert ids(client, f"?offset={10**18 - 1}") == []


def test_jobs_can_be_filtered_by_each_status(
    client: Any, submit: Submit, begin: Change, complete: Change, fail: Change
) -> None:
    made = {name: submit() for name in ("pending", "processing", "completed", "failed")}
    made["cancelled"] = submit()
    begin(made["processing"])
    complete(made["completed"])
    fail(made["failed"])
    client.post(f"/api/v1/queue/jobs/{made['cancelled']}/cancel")
    for status, job_id in made.items():
        body = client.get(f"/api/v1/queue/jobs?status={status}").json
        assert body["total"] == 1
        assert [job["stablequeue_job_id"] for job in body["jobs"]] == [job_id]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=abc", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=1e3", "limit"),
        ("limit=", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("offset=-1", "offset"),
        ("offset=x", "offset"),
        ("offset=" + "9" * 30, "offset"),
        ("status=foo", "status"),
        ("status=PENDING", "status"),
        ("status=", "status"),
        ("status=%00", "status"),
        ("order=up", "order"),
        ("order=asc%20", "order"),
    ],
)
def test_a_bad_value_is_400_and_named(client: Any, query: str, path: str) -> None:
    answer = client.get(f"/api/v1/queue/jobs?{query}")
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_request"
    assert [problem["path"] for problem in answer.json["details"]["fields"]] == [path]


def test_all_bad_values_are_named_at_once(client: Any) -> None:
    answer = client.get("/api/v1/queue/jobs?order=up&limit=x&offset=y&status=z")
    named = [problem["path"] for problem in answer.json["details"]["fields"]]
    assert sorted(named) == ["limit", "offset", "order", "status"]


def test_unknown_query_parameters_are_ignored(client: Any) -> None:
    assert client.get("/api/v1/queue/jobs?_=123&sort=up&%ff=%ff").status_code == 200
