"""All of /servers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from stablequeue_core import (
    Job,
    Progress,
    Server,
    ServerHealth,
    ServerStatus,
    Settings,
    StableQueue,
)
from stablequeue_core.clock import SystemClock
from stablequeue_core.generation import Phase
from stablequeue_core.servers import ServerReport
from stablequeue_core.storage import Storage

Change = Callable[..., Job]
Submit = Callable[..., str]

FIELDS = [
    "alias",
    "apiUrl",
    "username",
    "hasPassword",
    "enabled",
    "description",
    "status",
    "loaded_checkpoint",
    "queue_depth",
    "last_error",
    "paused",
    "checked_at",
    "tags",
    "worker",
    "running_job",
    "progress",
    "free_bytes",
]
DESK = {"alias": "Desk", "apiUrl": "http://10.0.0.5:7860"}


def paths(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.json
    assert answer.json["error"] == "invalid_server"
    return [problem["path"] for problem in answer.json["details"]["fields"]]


def test_the_list_is_a_bare_array_in_the_order_of_adding(client: Any) -> None:
    client.post("/api/v1/servers", json=DESK)
    answer = client.get("/api/v1/servers")
    assert answer.status_code == 200
    assert [server["alias"] for server in answer.json] == ["Laptop", "Desk"]
    assert [list(server) for server in answer.json] == [FIELDS, FIELDS]


def test_a_new_server_is_201_with_a_message_and_the_server(client: Any, queue: StableQueue) -> None:
    answer = client.post("/api/v1/servers", json={**DESK, "description": "under it"})
    assert answer.status_code == 201
    assert list(answer.json) == ["message", "server"]
    assert answer.json["server"] == client.get("/api/v1/servers/Desk").json
    assert answer.json["server"]["description"] == "under it"
    assert answer.json["server"]["enabled"] is True
    assert queue.servers.get("Desk").api_url == "http://10.0.0.5:7860"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"apiUrl": "http://10.0.0.5:7860/"}, ("http://10.0.0.5:7860", None)),
        ({"host": "10.0.0.5", "port": 7860}, ("http://10.0.0.5:7860", None)),
        ({"host": "10.0.0.5", "port": "7860"}, ("http://10.0.0.5:7860", None)),
        ({"host": "https://forge.example", "port": 443}, ("https://forge.example:443", None)),
        ({"host": "::1", "port": 7860}, ("http://[::1]:7860", None)),
        ({"apiUrl": "http://a:1", "host": "b", "port": 2}, ("http://a:1", None)),
        ({"apiUrl": "http://a", "username": "u", "password": "p"}, ("http://a", ("u", "p"))),
        ({"apiUrl": "http://a", "authUser": "u", "authPass": "p"}, ("http://a", ("u", "p"))),
        (
            {"apiUrl": "http://a", "auth": {"username": "u", "password": "p"}},
            ("http://a", ("u", "p")),
        ),
        ({"apiUrl": "http://a", "auth": None}, ("http://a", None)),
        ({"apiUrl": "http://a", "auth": {}}, ("http://a", None)),
        ({"apiUrl": "http://a", "authUser": "", "authPass": ""}, ("http://a", None)),
    ],
    ids=str,
)
def test_every_form_that_clients_use_is_understood(
    client: Any, queue: StableQueue, form: dict[str, Any], expected: tuple[str, Any]
) -> None:
    answer = client.post("/api/v1/servers", json={"alias": "Desk", **form})
    assert answer.status_code == 201, answer.json
    server = queue.servers.get("Desk")
    assert (server.api_url, server.auth) == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, ["alias", "apiUrl"]),
        ({"alias": "Desk"}, ["apiUrl"]),
        ({"alias": "auto", "apiUrl": "http://a"}, ["alias"]),
        ({"alias": "Auto", "apiUrl": "http://a"}, ["alias"]),
        ({"alias": "a/b", "apiUrl": "http://a"}, ["alias"]),
        ({"alias": " a", "apiUrl": "http://a"}, ["alias"]),
        ({"alias": "a\x00", "apiUrl": "http://a"}, ["alias"]),
        ({"alias": ["a"], "apiUrl": 5, "enabled": "yes"}, ["alias", "apiUrl", "enabled"]),
        ({"alias": "Desk", "apiUrl": "ftp://a"}, ["apiUrl"]),
        ({"alias": "Desk", "apiUrl": "http://"}, ["apiUrl"]),
        ({"alias": "Desk", "apiUrl": "http://u:secret@a"}, ["apiUrl"]),
        ({"alias": "Desk", "apiUrl": "http://a:99999"}, ["apiUrl"]),
        ({"alias": "Desk", "apiUrl": "javascript:alert(1)"}, ["apiUrl"]),
        ({"alias": "Desk", "host": "a"}, ["port"]),
        ({"alias": "Desk", "host": "a", "port": True}, ["port"]),
        ({"alias": "Desk", "host": "a", "port": "x"}, ["port"]),
        ({"alias": "Desk", "host": "a", "port": 0}, ["port"]),
        ({"alias": "Desk", "port": 7860}, ["host"]),
        ({"alias": "Desk", "host": 5, "port": 7860}, ["host"]),
        ({"alias": "Desk", "apiUrl": "http://a", "auth": "u:p"}, ["auth"]),
        ({"alias": "Desk", "apiUrl": "http://a", "auth": {"username": 1}}, ["auth.username"]),
        ({"alias": "Desk", "apiUrl": "http://a", "authUser": [1]}, ["authUser"]),
        ({"alias": "Desk", "apiUrl": "http://a", "password": "p"}, ["username"]),
        ({"alias": "Desk", "apiUrl": "http://a", "description": {}}, ["description"]),
    ],
    ids=str,
)
def test_bad_fields_are_listed_by_the_names_that_the_client_used(
    client: Any, form: dict[str, Any], expected: list[str]
) -> None:
    assert paths(client.post("/api/v1/servers", json=form)) == expected
    assert len(client.get("/api/v1/servers").json) == 1


def test_an_alias_that_is_taken_is_409(client: Any) -> None:
    answer = client.post("/api/v1/servers", json={**DESK, "alias": "Laptop"})
    assert answer.status_code == 409
    assert answer.json["error"] == "server_exists"


def test_one_server_can_be_looked_at(client: Any) -> None:
    assert client.get("/api/v1/servers/Laptop").json == client.get("/api/v1/servers").json[0]


@pytest.mark.parametrize("alias", ["Desk", "%00", "%ff", "auto", "laptop", "a%2fb"])
@pytest.mark.parametrize(
    ("method", "tail"),
    [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")],
)
def test_an_unknown_server_is_404(client: Any, method: str, tail: str, alias: str) -> None:
    answer = client.open(f"/api/v1/servers/{alias}{tail}", method=method, json={})
    assert answer.status_code == 404
    assert answer.json["error"] in ("server_not_found", "not_found")


def test_a_partial_put_changes_what_is_given_and_nothing_else(
    client: Any, queue: StableQueue
) -> None:
    before = queue.servers.update("Laptop", {"username": "u", "password": "p"})
    answer = client.put("/api/v1/servers/Laptop", json={"description": "mine"})
    assert answer.status_code == 200
    assert list(answer.json) == ["message", "server"]
    assert answer.json["server"]["description"] == "mine"
    after = queue.servers.get("Laptop")
    assert (after.api_url, after.auth, after.enabled) == (before.api_url, before.auth, True)


def test_what_get_showed_can_be_put_back_without_losing_the_password(
    client: Any, queue: StableQueue
) -> None:
    queue.servers.update("Laptop", {"username": "u", "password": "p"})
    shown = client.get("/api/v1/servers/Laptop").json
    answer = client.put("/api/v1/servers/Laptop", json={**shown, "enabled": False})
    assert answer.status_code == 200
    assert answer.json["server"]["status"] == "disabled"
    assert queue.servers.get("Laptop").auth == ("u", "p")


@pytest.mark.parametrize(
    "form",
    [{"username": None}, {"username": ""}, {"auth": None}, {"authUser": ""}],
    ids=str,
)
def test_taking_the_user_name_away_takes_the_password_with_it(
    client: Any, queue: StableQueue, form: dict[str, Any]
) -> None:
    queue.servers.update("Laptop", {"username": "u", "password": "p"})
    answer = client.put("/api/v1/servers/Laptop", json=form)
    assert answer.status_code == 200
    assert answer.json["server"]["hasPassword"] is False
    assert queue.servers.get("Laptop").auth is None


def test_a_new_alias_renames_and_pending_jobs_follow(client: Any, submit: Submit) -> None:
    job_id = submit()
    answer = client.put("/api/v1/servers/Laptop", json={"alias": "Notebook"})
    assert answer.status_code == 200
    assert answer.json["server"]["alias"] == "Notebook"
    assert client.get("/api/v1/servers/Laptop").status_code == 404
    job = client.get(f"/api/v1/queue/jobs/{job_id}/status").json
    assert job["target_server_alias"] == "Notebook"


def test_renaming_to_a_taken_alias_is_409(client: Any) -> None:
    client.post("/api/v1/servers", json=DESK)
    answer = client.put("/api/v1/servers/Desk", json={"alias": "Laptop"})
    assert answer.status_code == 409
    assert answer.json["error"] == "server_exists"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"alias": "auto"}, ["alias"]),
        ({"apiUrl": ""}, ["apiUrl"]),
        ({"port": 7861}, ["host"]),
        ({"enabled": 1}, ["enabled"]),
        ({"authPass": "p"}, ["username"]),
    ],
    ids=str,
)
def test_bad_changes_are_refused_and_nothing_changes(
    client: Any, queue: StableQueue, form: dict[str, Any], expected: list[str]
) -> None:
    before = queue.servers.get("Laptop")
    assert paths(client.put("/api/v1/servers/Laptop", json=form)) == expected
    assert queue.servers.get("Laptop") == before


def test_a_server_without_open_jobs_can_be_deleted(client: Any) -> None:
    answer = client.delete("/api/v1/servers/Laptop")
    assert answer.status_code == 200
    assert answer.json == {"message": "Server Laptop deleted successfully."}
    assert client.get("/api/v1/servers").json == []


def test_a_server_with_open_jobs_is_409_unless_forced_which_cancels_them(
    client: Any, submit: Submit
) -> None:
    job_id = submit()
    answer = client.delete("/api/v1/servers/Laptop")
    assert answer.status_code == 409
    assert answer.json["error"] == "server_in_use"
    assert client.delete("/api/v1/servers/Laptop?force=true").status_code == 200
    assert client.get(f"/api/v1/queue/jobs/{job_id}/status").json["status"] == "cancelled"


@pytest.mark.parametrize("settings", [Settings(cancel_wait=0.05)])
def test_force_cancels_a_running_job_even_if_its_server_does_not_confirm(
    client: Any, submit: Submit, begin: Change
) -> None:
    job_id = submit()
    begin(job_id)
    assert client.delete("/api/v1/servers/Laptop?force=true").status_code == 200
    assert client.get(f"/api/v1/queue/jobs/{job_id}/status").json["status"] == "cancelled"


def test_a_bad_force_is_400(client: Any) -> None:
    answer = client.delete("/api/v1/servers/Laptop?force=please")
    assert answer.status_code == 400
    assert answer.json["details"]["fields"][0]["path"] == "force"


def test_a_server_can_be_paused_and_resumed(client: Any, queue: StableQueue) -> None:
    answer = client.post("/api/v1/servers/Laptop/pause")
    assert answer.status_code == 200
    assert answer.json["server"]["paused"] is True
    assert queue.servers.get("Laptop").paused is True
    assert client.post("/api/v1/servers/Laptop/resume").json["server"]["paused"] is False
    assert queue.servers.get("Laptop").paused is False


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (ServerStatus.ONLINE, "online"),
        (ServerStatus.OFFLINE, "offline"),
        (ServerStatus.STARTING, "offline"),
        (ServerStatus.UNAUTHORIZED, "unauthorized"),
        (ServerStatus.NO_API, "no_api"),
        (ServerStatus.UNKNOWN, "unknown"),
    ],
)
def test_a_server_shows_how_it_feels_in_the_words_of_the_api(
    client: Any,
    queue: StableQueue,
    monkeypatch: pytest.MonkeyPatch,
    status: ServerStatus,
    shown: str,
) -> None:
    health = ServerHealth(
        status=status, loaded_checkpoint="a.safetensors", queue_depth=2, last_error="No."
    )
    monkeypatch.setattr(queue.servers, "health", lambda alias: health)
    body = client.get("/api/v1/servers").json[0]
    assert body["status"] == shown
    assert body["loaded_checkpoint"] == "a.safetensors"
    assert body["queue_depth"] == 2
    assert body["last_error"].endswith("No.")
    assert ("still starting" in body["last_error"]) is (status is ServerStatus.STARTING)


def test_tags_come_in_and_go_out(client: Any, queue: StableQueue) -> None:
    answer = client.post("/api/v1/servers", json={**DESK, "tags": ["studio", "fast"]})
    assert answer.json["server"]["tags"] == ["studio", "fast"]
    assert queue.servers.get("Desk").targets == ("Desk", "auto", "auto:studio", "auto:fast")
    changed = client.put("/api/v1/servers/Desk", json={"tags": []})
    assert changed.json["server"]["tags"] == []
    assert client.get("/api/v1/servers/Laptop").json["tags"] == []


@pytest.mark.parametrize(
    ("tags", "path"),
    [
        ("studio", "tags"),
        ({"studio": 1}, "tags"),
        ([" studio"], "tags[0]"),
        ([1], "tags[0]"),
        (["fast", ["studio"]], "tags[1]"),
        ([{}], "tags[0]"),
    ],
    ids=str,
)
def test_tags_that_are_none_are_refused(client: Any, tags: object, path: str) -> None:
    assert paths(client.post("/api/v1/servers", json={**DESK, "tags": tags})) == [path]


def test_a_server_that_runs_nothing_is_drained_at_once(client: Any, queue: StableQueue) -> None:
    answer = client.post("/api/v1/servers/Laptop/drain")
    assert (answer.status_code, answer.json["drained"]) == (200, True)
    assert answer.json["server"]["paused"] is True
    assert queue.servers.get("Laptop").paused


def test_a_server_that_still_runs_a_job_is_202_until_that_has_ended(
    client: Any, submit: Submit, complete: Change, begin: Change, queue: StableQueue
) -> None:
    job = begin(submit())
    answer = client.post("/api/v1/servers/Laptop/drain")
    assert (answer.status_code, answer.json["drained"]) == (202, False)
    assert answer.json["server"]["paused"] is True
    queue.servers.remove("Laptop", force=True)
    assert queue.get(job.id).status.ended
    assert client.post("/api/v1/servers/Laptop/drain").status_code == 404


def test_what_another_process_tells_of_a_server_is_shown(
    client: Any, submit: Submit, begin: Change, storage: Storage
) -> None:
    job = begin(submit())
    health = ServerHealth(status=ServerStatus.ONLINE, checked_at=SystemClock().now())
    storage.reports.put(
        ServerReport(
            alias="Laptop",
            health=health,
            worker="studio:42:lanes",
            at=SystemClock().now(),
            job_id=job.id,
            progress=Progress(fraction=0.5, phase=Phase.SAMPLING, step=10, steps=20),
            free_bytes=7_000_000_000,
        )
    )
    (body,) = client.get("/api/v1/servers").json
    assert body["status"] == "online"
    assert (body["worker"], body["running_job"]) == ("studio:42:lanes", job.id)
    assert (body["progress"]["fraction"], body["free_bytes"]) == (0.5, 7_000_000_000)


def test_what_was_told_long_ago_is_not_shown(client: Any, storage: Storage) -> None:
    long_ago = SystemClock().now() - timedelta(hours=1)
    health = ServerHealth(status=ServerStatus.ONLINE, checked_at=long_ago)
    storage.reports.put(ServerReport(alias="Laptop", health=health, worker="w", at=long_ago))
    (body,) = client.get("/api/v1/servers").json
    assert (body["status"], body["worker"]) == ("unknown", None)


def test_a_server_that_goes_while_the_list_is_made_does_not_spoil_it(
    client: Any, queue: StableQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Server(alias="Gone", api_url="http://gone")
    monkeypatch.setattr(queue.servers, "list", lambda: [gone])
    assert client.get("/api/v1/servers").json[0]["status"] == "unknown"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"api_url": "http://10.0.0.6:7860"}, "apiUrl"),
        ({"tagz": ["studio"]}, "tags"),
        ({"auth": {"username": "ada", "pasword": "x"}}, "password"),
        ({"Enabled": False}, "enabled"),
    ],
)
def test_a_change_with_a_misspelled_field_is_refused(
    client: Any, wrong: dict[str, Any], right: str
) -> None:
    client.post("/api/v1/servers", json=DESK)
    before = client.get("/api/v1/servers/Desk").json
    answer = client.put("/api/v1/servers/Desk", json={**wrong, "description": "new"})
    assert answer.status_code == 400
    assert f"did you mean {right}?" in answer.json["message"]
    assert client.get("/api/v1/servers/Desk").json == before


def test_an_address_that_is_missing_is_found_under_its_wrong_name(client: Any) -> None:
    answer = client.post("/api/v1/servers", json={"alias": "Desk", "api_url": "http://10.0.0.5:1"})
    assert paths(answer) == ["api_url", "apiUrl"]
    assert "api_url: is not known; did you mean apiUrl?" in answer.json["message"]


def test_what_is_not_read_of_a_server_is_accepted_and_named(client: Any) -> None:
    more = {"color": "red", "auth": {"username": "ada", "realm": "x"}}
    answer = client.post("/api/v1/servers", json={**DESK, **more})
    assert answer.status_code == 201
    assert answer.json["ignored_fields"] == ["color", "auth.realm"]
    answer = client.put("/api/v1/servers/Desk", json={"description": "mine"})
    assert "ignored_fields" not in answer.json


def test_a_server_can_be_sent_back_as_it_was_shown(client: Any) -> None:
    client.post("/api/v1/servers", json=DESK)
    shown = client.get("/api/v1/servers/Desk").json
    answer = client.put("/api/v1/servers/Desk", json=shown)
    assert answer.status_code == 200
    assert "status" in answer.json["ignored_fields"]
    assert "apiUrl" not in answer.json["ignored_fields"]


def test_a_second_name_for_an_address_is_added_with_a_remark(client: Any) -> None:
    client.post("/api/v1/servers", json={"alias": "One", "apiUrl": "http://127.0.0.1:7999"})
    two = {"alias": "Two", "apiUrl": "http://localhost:7999/"}
    answer = client.post("/api/v1/servers", json=two)
    assert answer.status_code == 201
    assert "Server 'Two' is also called 'One'" in answer.json["remark"]
    answer = client.put("/api/v1/servers/Two", json={"enabled": False})
    assert "remark" not in answer.json
