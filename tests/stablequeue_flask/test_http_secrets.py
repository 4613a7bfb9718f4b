"""A server's password comes in and never goes out."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from stablequeue_core import StableQueue

SECRET = "hunter2-secret"
FORMS: list[dict[str, Any]] = [
    {"username": "me", "password": SECRET},
    {"authUser": "me", "authPass": SECRET},
    {"auth": {"username": "me", "password": SECRET}},
]
BAD_FORMS: list[dict[str, Any]] = [
    {"apiUrl": f"http://me:{SECRET}@forge"},
    {"host": f"me:{SECRET}@forge", "port": 7860},
    {"password": SECRET},
    {"auth": f"me:{SECRET}"},
    {"username": f"me:{SECRET}", "password": SECRET},
    {"username": "me", "password": [SECRET]},
    {"username": "me", "password": f"{SECRET}\n"},
]


@pytest.mark.parametrize("form", FORMS, ids=list)
def test_no_answer_no_log_and_no_repr_shows_the_password(
    client: Any, queue: StableQueue, caplog: pytest.LogCaptureFixture, form: dict[str, Any]
) -> None:
    with caplog.at_level(logging.DEBUG):
        answers = [
            client.post("/api/v1/servers", json={"alias": "Desk", "apiUrl": "http://a", **form}),
            client.post("/api/v1/servers", json={"alias": "Desk", "apiUrl": "http://a", **form}),
            client.put("/api/v1/servers/Desk", json={"description": "mine"}),
            client.put("/api/v1/servers/Desk", json={"alias": "Laptop", **form}),
            client.post("/api/v1/servers/Desk/pause"),
            client.get("/api/v1/servers/Desk"),
            client.get("/api/v1/servers"),
            client.get("/api/v1/status"),
        ]
    assert [answer.status_code for answer in answers] == [201, 409, 200, 409, 200, 200, 200, 200]
    server = queue.servers.get("Desk")
    assert server.auth == ("me", SECRET)
    assert client.get("/api/v1/servers/Desk").json["hasPassword"] is True
    for text in (
        *(answer.text for answer in answers),
        *(str(answer.headers) for answer in answers),
        repr(server),
        repr(queue),
        str(queue.events()),
        caplog.text,
    ):
        assert SECRET not in text


@pytest.mark.parametrize("form", BAD_FORMS, ids=list)
def test_no_error_shows_the_password(
    client: Any, caplog: pytest.LogCaptureFixture, form: dict[str, Any]
) -> None:
    with caplog.at_level(logging.DEBUG):
        answers = [
            client.post("/api/v1/servers", json={"alias": "Desk", "apiUrl": "http://a", **form}),
            client.post("/api/v1/servers", json={"alias": "Desk", **form}),
            client.put("/api/v1/servers/Laptop", json=form),
        ]
    for answer in answers:
        assert SECRET not in answer.text
    assert SECRET not in caplog.text


def test_a_body_that_breaks_in_the_middle_is_not_repeated(client: Any) -> None:
    body = f'{{"alias": "Desk", "password": "{SECRET}", oops}}'
    answer = client.post("/api/v1/servers", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert SECRET not in answer.text
