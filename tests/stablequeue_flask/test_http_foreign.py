"""Requests that somebody else's page makes a browser send are refused; all others are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from stablequeue_core import JobStatus, StableQueue
from stablequeue_flask import create_app, init_app

SHAPE = ["success", "error", "message", "details"]
EVIL = "https://evil.example"
JOB = {"target_server_alias": "Laptop", "generation_params": {"positive_prompt": "a cat"}}


def check_refused(answer: Any, code: str, *words: str) -> None:
    assert answer.status_code == 403
    assert list(answer.json) == SHAPE
    assert (answer.json["success"], answer.json["error"]) == (False, code)
    for word in words:
        assert word in answer.json["message"]


@pytest.mark.parametrize("origin", [EVIL, "http://evil.example:8083", "null", "file://", "", "x"])
def test_a_foreign_page_changes_nothing(
    client: Any, queue: StableQueue, submit: Callable[..., str], origin: str
) -> None:
    job_id = submit()
    before = queue.events()
    for method, path in (
        ("POST", "/api/v1/queue/pause"),
        ("POST", "/api/v1/queue/resume"),
        ("POST", "/api/v1/servers/Laptop/pause"),
        ("POST", f"/api/v1/queue/jobs/{job_id}/cancel"),
        ("POST", f"/api/v1/queue/jobs/{job_id}/retry"),
        ("DELETE", f"/api/v1/queue/jobs/{job_id}"),
        ("DELETE", "/api/v1/servers/Laptop?force=true"),
        ("PUT", "/api/v1/servers/Laptop"),
        ("POST", "/api/v1/generate"),
    ):
        answer = client.open(path, method=method, headers={"Origin": origin})
        check_refused(answer, "foreign_origin", "--allow-origin", "allowed_origins")
        assert answer.json["details"] == {"origin": origin}
    assert queue.get(job_id).status is JobStatus.PENDING
    assert queue.events() == before


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8083", "127.0.0.1:8083"),
        ("http://LOCALHOST:8083", "localhost:8083"),
        ("http://[::1]:8083", "[::1]:8083"),
        ("http://queue.example", "queue.example"),
        ("http://queue.example", "queue.example:80"),
        ("https://queue.example", "queue.example"),
        ("https://queue.example", "queue.example:443"),
        ("https://queue.example:8443", "queue.example:8443"),
        ("http://127.0.0.1:7860", "127.0.0.1:8083"),
        ("http://localhost:7860", "127.0.0.1:8083"),
        ("http://queue.example:8083", "queue.example"),
    ],
)
def test_a_page_of_ours_changes_what_it_wants(client: Any, origin: str, host: str) -> None:
    """Also behind a proxy that ends TLS, or from a Forge's web UI beside us on another port."""
    headers = {"Origin": origin, "Host": host, "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/queue/pause", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "127.0.0.1:8083"),
        ("http://evil.example:8083", "localhost:8083"),
        ("http://queue.example.evil", "queue.example"),
        ("http://queue.example@evil", "queue.example"),
        ("http://queue.example, http://evil", "queue.example"),
        ("capacitor://queue.example", "queue.example"),
        ("http://queue.example", "queue.example, evil"),
        ("http://queue.example", ""),
    ],
)
def test_a_page_of_another_host_is_foreign(client: Any, origin: str, host: str) -> None:
    answer = client.post("/api/v1/queue/pause", headers={"Origin": origin, "Host": host})
    check_refused(answer, "foreign_origin")


def test_clients_that_are_no_browser_are_not_asked(client: Any) -> None:
    """They send no origin."""
    assert client.post("/api/v1/queue/pause").status_code == 200
    assert client.post("/api/v1/generate", json=JOB).status_code == 202
    assert client.delete("/api/v1/servers/Laptop?force=true").status_code == 200


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("Cross-Site", 403), ("same-origin", 200), ("none", 200), ("", 200)],
)
def test_a_browser_that_only_says_cross_site_is_believed(
    client: Any, site: str, status: int
) -> None:
    answer = client.post("/api/v1/queue/pause", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == status
    if status == 403:
        check_refused(answer, "foreign_origin", "another site")


def test_a_foreign_page_may_look(client: Any) -> None:
    """It is its browser that does not show it the answer."""
    headers = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    for method in ("GET", "HEAD", "OPTIONS"):
        answer = client.open("/api/v1/status", method=method, headers=headers)
        assert answer.status_code == 200
        assert "Access-Control-Allow-Origin" not in answer.headers


ALLOWED = ("https://Gallery.example:443/", "chrome-extension://abcdef")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://gallery.example", 200),
        ("chrome-extension://abcdef", 200),
        ("http://gallery.example", 403),
        ("https://gallery.example:8443", 403),
        ("chrome-extension://fedcba", 403),
        ("null", 403),
    ],
)
def test_origins_can_be_allowed(queue: StableQueue, origin: str, status: int) -> None:
    client: Any = create_app(queue, allowed_origins=ALLOWED).test_client()
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    assert client.post("/api/v1/queue/pause", headers=headers).status_code == status


@pytest.mark.parametrize("origin", ["gallery.example", "https://a/b", "null", "*", ""])
def test_what_is_no_origin_cannot_be_allowed(queue: StableQueue, origin: str) -> None:
    with pytest.raises(ValueError, match="is no origin; one looks like https://"):
        create_app(queue, allowed_origins=[origin])


LOCAL = [
    "localhost",
    "LOCALHOST:8083",
    "localhost.",
    "queue.localhost:8083",
    "127.0.0.1",
    "127.0.0.1:8083",
    "127.1.2.3:8083",
    "[::1]",
    "[::1]:8083",
]
STRANGE = [
    "evil.example",
    "evil.example:8083",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evillocalhost",
    "127.0.0.1, evil.example",
    "127.0.0.1@evil.example",
    "192.168.1.5:8083",
    "0.0.0.0:8083",
    "[::]:8083",
    "",
]


@pytest.mark.parametrize("host", LOCAL)
def test_names_that_nobody_can_point_elsewhere_are_ours(queue: StableQueue, host: str) -> None:
    client: Any = create_app(queue, allowed_hosts=()).test_client()
    assert client.get("/api/v1/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", STRANGE)
def test_a_strange_name_is_refused_whatever_is_asked(queue: StableQueue, host: str) -> None:
    """The page is then, to its browser, one of ours: it could read every answer."""
    client: Any = create_app(queue, allowed_hosts=()).test_client()
    headers = {"Host": host, "Origin": f"http://{host}"}
    for method, path in (
        ("GET", "/api/v1/status"),
        ("OPTIONS", "/api/v1/status"),
        ("GET", "/outputs/x.png"),
        ("POST", "/api/v1/generate"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/"),
    ):
        answer = client.open(path, method=method, headers=headers)
        check_refused(answer, "foreign_host", "--allow-host", "127.0.0.1")
        assert answer.json["details"] == {"host": host}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("queue.example", 200),
        ("Queue.Example:8443", 200),
        ("[fd00::5]:8083", 200),
        ("127.0.0.1", 200),
        ("sub.queue.example", 403),
    ],
)
def test_hosts_can_be_allowed(queue: StableQueue, host: str, status: int) -> None:
    app = create_app(queue, allowed_hosts=["queue.EXAMPLE", "fd00::5"])
    client: Any = app.test_client()
    assert client.get("/api/v1/status", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("host", ["http://queue.example", "queue.example:80", "a b", "*/", ""])
def test_what_is_no_host_cannot_be_allowed(queue: StableQueue, host: str) -> None:
    with pytest.raises(ValueError, match="is no host; one looks like"):
        create_app(queue, allowed_hosts=[host])


def test_without_a_list_of_hosts_any_name_will_do(client: Any) -> None:
    for host in ("queue.example", "192.168.1.5:8083"):
        assert client.get("/api/v1/status", headers={"Host": host}).status_code == 200


@pytest.fixture
def host_app() -> Flask:
    """Somebody else's application."""
    app = Flask("host")

    @app.post("/theirs")
    def theirs() -> str:
        return "theirs"

    return app


def test_mounted_into_another_application_only_our_routes_are_guarded(
    host_app: Flask, queue: StableQueue
) -> None:
    init_app(host_app, queue, allowed_origins=["https://gallery.example"], allowed_hosts=["pc"])
    client: Any = host_app.test_client()
    pause, foreign = "/api/v1/queue/pause", {"Origin": EVIL}
    assert client.post("/theirs", headers={**foreign, "Host": "evil.example"}).text == "theirs"
    check_refused(client.post(pause, headers=foreign), "foreign_origin")
    check_refused(client.post(pause, headers={"Host": "evil.example"}), "foreign_host")
    check_refused(client.get("/outputs/x.png", headers={"Host": "evil.example"}), "foreign_host")
    own = {"Origin": "https://gallery.example", "Host": "pc:5000"}
    assert client.post(pause, headers=own).status_code == 200


def test_mounted_without_arguments_origins_are_checked_and_hosts_are_not(
    host_app: Flask, queue: StableQueue
) -> None:
    init_app(host_app, queue)
    client: Any = host_app.test_client()
    check_refused(client.post("/api/v1/queue/pause", headers={"Origin": EVIL}), "foreign_origin")
    answer = client.post("/api/v1/queue/pause", headers={"Host": "gallery.example"})
    assert answer.status_code == 200
