"""Mounted into somebody else's application: ours is ours, theirs stays theirs."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, Response, request

from stablequeue_core import Settings, StableQueue
from stablequeue_flask import create_app, init_app

JOB = {"target_server_alias": "Laptop", "generation_params": {"positive_prompt": "a cat"}}


@pytest.fixture
def settings() -> Settings:
    return Settings(max_body_bytes=2000)


@pytest.fixture
def host() -> Flask:
    """An application with pages, error pages and limits of its own."""
    app = Flask("host")
    app.config["MAX_CONTENT_LENGTH"] = 100

    @app.get("/")
    def home() -> str:
        return "home"

    @app.post("/upload")
    def upload() -> str:
        return str(len(request.get_data()))

    @app.get("/outputs/gallery/all")
    def gallery() -> str:
        return "gallery"

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("theirs")

    @app.errorhandler(404)
    def lost(error: Exception) -> tuple[str, int]:
        return "their 404 page", 404

    @app.errorhandler(RuntimeError)
    def failed(error: Exception) -> tuple[str, int]:
        return "their 500 page", 500

    return app


@pytest.fixture
def mounted(host: Flask, queue: StableQueue) -> Any:
    init_app(host, queue)
    return host.test_client()


def test_our_routes_work_beside_theirs(mounted: Any) -> None:
    assert mounted.get("/").text == "home"
    assert mounted.get("/outputs/gallery/all").text == "gallery"
    assert mounted.post("/api/v1/generate", json=JOB).status_code == 202


def test_our_paths_answer_errors_in_our_shape(mounted: Any) -> None:
    for method, path, status in (
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1", 404),
        ("GET", "/api/v1/generate", 405),
        ("DELETE", "/outputs/x.png", 405),
        ("GET", "/outputs/x.png", 404),
        ("GET", "/api/v1/queue/jobs/x/status", 404),
        ("POST", "/api/v1/generate", 415),
    ):
        answer = mounted.open(path, method=method)
        assert answer.status_code == status
        assert answer.json["success"] is False


def test_their_paths_keep_their_error_pages(mounted: Any) -> None:
    for path in ("/nothing", "/api/v10/jobs", "/api", "/outputs", "/outputs/a/b", "/static/x"):
        answer = mounted.get(path)
        assert (answer.status_code, answer.text) == (404, "their 404 page")
    assert mounted.get("/broken").text == "their 500 page"
    answer = mounted.post("/")
    assert answer.status_code == 405
    assert answer.mimetype == "text/html"


def test_their_limit_is_for_their_routes_and_ours_for_ours(mounted: Any) -> None:
    assert mounted.post("/upload", data=b"a" * 100).text == "100"
    assert mounted.post("/upload", data=b"a" * 101).status_code == 413
    long = {**JOB, "generation_params": {"positive_prompt": "a" * 500}}
    assert mounted.post("/api/v1/generate", json=long).status_code == 202
    long = {**JOB, "generation_params": {"positive_prompt": "a" * 5000}}
    assert mounted.post("/api/v1/generate", json=long).status_code == 413


def test_without_a_limit_of_theirs_large_uploads_still_work(
    host: Flask, queue: StableQueue
) -> None:
    host.config["MAX_CONTENT_LENGTH"] = None
    init_app(host, queue)
    assert host.test_client().post("/upload", data=b"a" * 9999).text == "9999"


def test_a_body_that_their_hook_has_read_is_still_ours_to_read_and_to_limit(
    host: Flask, queue: StableQueue
) -> None:
    host.config["MAX_CONTENT_LENGTH"] = None
    host.before_request(lambda: request.get_data() and None)
    init_app(host, queue)
    client: Any = host.test_client()
    assert client.post("/api/v1/generate", json=JOB).status_code == 202
    long = {**JOB, "generation_params": {"positive_prompt": "a" * 5000}}
    assert client.post("/api/v1/generate", json=long).status_code == 413


def test_their_hooks_guard_our_routes_too(host: Flask, queue: StableQueue) -> None:
    def guard() -> Response | None:
        allowed = request.headers.get("X-Key") == "sesame"
        return None if allowed else Response("their 401 page", 401)

    host.before_request(guard)
    init_app(host, queue)
    client: Any = host.test_client()
    for path in ("/api/v1/status", "/api/v1/nothing"):
        assert client.get(path).text == "their 401 page"
    assert client.get("/api/v1/status", headers={"X-Key": "sesame"}).status_code == 200


def test_their_redirects_still_redirect(host: Flask, queue: StableQueue) -> None:
    host.add_url_rule("/folder/", view_func=lambda: "folder", endpoint="folder")
    init_app(host, queue)
    assert host.test_client().get("/folder").status_code == 308


def test_the_prefixes_can_be_chosen(host: Flask, queue: StableQueue) -> None:
    init_app(host, queue, url_prefix="/queue/v1", outputs="/pictures")
    client: Any = host.test_client()
    assert client.get("/queue/v1/status").status_code == 200
    assert client.get("/queue/v1/nothing").json["error"] == "not_found"
    assert client.get("/pictures/x.png").json["error"] == "image_not_found"
    assert client.get("/api/v1/status").text == "their 404 page"


def test_there_is_one_key_in_extensions(host: Flask, queue: StableQueue) -> None:
    before = set(host.extensions)
    init_app(host, queue)
    assert set(host.extensions) - before == {"stablequeue"}
    assert host.extensions["stablequeue"] is queue


def test_two_applications_can_serve_one_queue(queue: StableQueue) -> None:
    clients: list[Any] = [create_app(queue).test_client() for _ in range(2)]
    first, second = clients
    job_id = first.post("/api/v1/generate", json=JOB).json["stablequeue_job_id"]
    assert second.get(f"/api/v1/queue/jobs/{job_id}/status").status_code == 200


def test_a_slash_at_the_end_is_no_other_route(mounted: Any) -> None:
    assert mounted.get("/api/v1/servers/").status_code == 200
    assert mounted.post("/api/v1/generate/", json=JOB).status_code == 202


def test_paths_of_the_html_kind_are_not_touched_by_debug_mode(
    host: Flask, queue: StableQueue
) -> None:
    host.debug = True
    init_app(host, queue)
    client: Any = host.test_client()
    assert client.get("/api/v1/nothing").json["error"] == "not_found"
