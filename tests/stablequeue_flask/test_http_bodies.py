"""What comes in: whatever it is, the answer is a clear 4xx in our shape, never a 500."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from stablequeue_core import Settings, StableQueue

ROUTES = [
    ("POST", "/api/v1/generate"),
    ("POST", "/api/v1/servers"),
    ("PUT", "/api/v1/servers/Laptop"),
    ("POST", "/api/v1/civitai/image-info"),
    ("POST", "/api/v1/civitai/download-model"),
]
every_route_with_a_body = pytest.mark.parametrize(("method", "path"), ROUTES)

JOB = {"target_server_alias": "Laptop", "generation_params": {"positive_prompt": "a cat"}}


def send(client: Any, method: str, path: str, data: bytes, **more: Any) -> Any:
    more.setdefault("content_type", "application/json")
    answer = client.open(path, method=method, data=data, **more)
    assert list(answer.json) == ["success", "error", "message", "details"]
    assert answer.json["success"] is False
    assert isinstance(answer.json["message"], str)
    return answer


@every_route_with_a_body
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"{",
        b"}",
        b"[]",
        b"[1, 2]",
        b"null",
        b"true",
        b"5",
        b'"text"',
        b"positive_prompt=a+cat",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 1} {"b": 2}',
        b'{"a": "\x00"}',
        b"\x00",
        b'{"a": "\xff\xfe"}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32"),
        b'{"a": "\xed\xa0\x80"}',
        rb'{"a": "\ud800"}',
        rb'{"\uDFFF": 1}',
        rb'{"a": [{"b": "\uDC00\uD800"}]}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000,
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_json_object_is_400(client: Any, method: str, path: str, data: bytes) -> None:
    answer = send(client, method, path, data)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_json"


@every_route_with_a_body
@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "\xff"],
)
def test_what_is_not_declared_as_json_is_415(
    client: Any, method: str, path: str, content_type: str | None
) -> None:
    answer = send(client, method, path, json.dumps(JOB).encode(), content_type=content_type)
    assert answer.status_code == 415
    assert answer.json["error"] == "unsupported_media_type"
    assert "application/json" in answer.json["message"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/x+json",
    ],
)
def test_every_way_to_declare_json_is_understood(client: Any, content_type: str) -> None:
    answer = client.post("/api/v1/generate", data=json.dumps(JOB), content_type=content_type)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + json.dumps(JOB).encode(),
        json.dumps(JOB).replace("a cat", r"a \ud83d\ude00").encode(),
        json.dumps(JOB).replace("a cat", r"a \\ud800 in a path").encode(),
        json.dumps(JOB).replace("a cat", "a 😀").encode(),
        (json.dumps(JOB)[:-1] + ', "target_server_alias": "Laptop"}').encode(),
        b"\r\n\t " + json.dumps(JOB).encode() + b"\n",
    ],
    ids=["byte order mark", "pair of escapes", "escaped backslash", "emoji", "twice", "spaces"],
)
def test_unusual_but_sound_json_is_accepted(client: Any, data: bytes) -> None:
    answer = client.post("/api/v1/generate", data=data, content_type="application/json")
    assert answer.status_code == 202, answer.json


def test_numbers_beyond_every_float_are_400(client: Any) -> None:
    data = json.dumps(JOB).replace('"a cat"', '"a cat", "cfg_scale": 1e999, "x": -1e999')
    answer = send(client, "POST", "/api/v1/generate", data.encode())
    assert answer.status_code == 400
    assert {problem["path"] for problem in answer.json["details"]["fields"]} == {
        "generation_params.cfg_scale",
        "generation_params.x",
    }


def test_params_nested_too_deeply_are_400(client: Any) -> None:
    nested = "[" * 500 + "]" * 500
    data = json.dumps(JOB).replace('"a cat"', f'"a cat", "x": {nested}')
    answer = send(client, "POST", "/api/v1/generate", data.encode())
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_params"


def test_an_integer_that_nothing_can_hold_is_400(client: Any) -> None:
    data = json.dumps(JOB).replace('"a cat"', '"a cat", "x": 1' + "0" * 4000)
    answer = send(client, "POST", "/api/v1/generate", data.encode())
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_params"


@every_route_with_a_body
@pytest.mark.parametrize("settings", [Settings(max_body_bytes=1000)])
def test_a_body_above_the_limit_is_413(client: Any, method: str, path: str) -> None:
    answer = send(client, method, path, b'{"a": "' + b"a" * 1000 + b'"}')
    assert answer.status_code == 413
    assert answer.json["error"] == "request_entity_too_large"
    assert "1,000 bytes" in answer.json["message"]


@pytest.mark.parametrize("settings", [Settings(max_body_bytes=1000)])
@pytest.mark.parametrize(("size", "status"), [(1000, 202), (1001, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_limit_is_exact_with_and_without_a_length(
    client: Any, size: int, status: int, chunked: bool
) -> None:
    body = json.dumps(JOB).encode()
    stream = io.BytesIO(body + b" " * (size - len(body)))
    more: dict[str, Any] = {"data": stream.read()}
    if chunked:
        stream.seek(0)
        more = {"input_stream": stream, "environ_overrides": {"wsgi.input_terminated": True}}
    answer = client.post("/api/v1/generate", content_type="application/json", **more)
    assert answer.status_code == status, answer.json


def test_nothing_is_kept_of_a_refused_body(client: Any, queue: StableQueue) -> None:
    for method, path in ROUTES:
        send(client, method, path, rb'{"alias": "\ud800", "apiUrl": "http://a"}')
    assert queue.list().total == 0
    assert [server.alias for server in queue.servers.list()] == ["Laptop"]
