"""How the simulated server starts, dies and is started; and who is let in."""

from __future__ import annotations

import pytest
from tests.testing.forge_client import PONY, Client, recorded_forge

from stablequeue_core.errors import ConnectFailed, ConnectionLost
from stablequeue_core.testing.forge_simulator import Phase

PROBES = ["/sdapi/v1/progress", "/sdapi/v1/loras", "/sdapi/v1/embeddings", "/internal/ping", "/"]


def statuses(client: Client) -> list[int]:
    return [client.send("GET", path).status for path in PROBES]


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.OPENING, [404, 404, 404, 404, 200]),
        (Phase.PARTIAL, [200, 404, 500, 200, 200]),
        (Phase.READY, [200, 200, 200, 200, 200]),
    ],
)
def test_each_phase_of_the_start_up_answers_its_own_way(phase: Phase, expected: list[int]) -> None:
    client = Client(recorded_forge())
    client.forge.phase = phase
    assert statuses(client) == expected


def test_embeddings_fail_until_the_start_up_is_complete() -> None:
    client = Client(recorded_forge())
    client.forge.phase = Phase.PARTIAL
    assert client.get("embeddings") == {
        "error": "AttributeError",
        "detail": "",
        "body": "",
        "message": "'Api' object has no attribute 'embedding_db'",
    }


def test_a_dead_server_refuses_connections() -> None:
    client = Client(recorded_forge())
    client.forge.phase = Phase.DOWN
    with pytest.raises(ConnectFailed):
        client.get("progress")


def test_a_restart_refuses_connections_for_a_time() -> None:
    client = Client(recorded_forge())
    client.forge.restart(down=60)
    with pytest.raises(ConnectFailed):
        client.get("progress")


def test_a_restart_goes_through_every_phase_by_itself() -> None:
    client = Client(recorded_forge())
    client.forge.restart(down=0.01, opening=0.01, partial=0.01)
    client.forge.wait_until(lambda forge: forge.phase is Phase.READY)
    assert statuses(client) == [200] * len(PROBES)


def test_a_second_restart_replaces_the_first() -> None:
    client = Client(recorded_forge())
    client.forge.restart(down=0.01)
    client.forge.restart(down=60)
    with pytest.raises(TimeoutError):
        client.forge.wait_until(lambda forge: forge.phase is not Phase.DOWN, timeout=0.05)


def test_a_phase_set_by_hand_ends_a_restart() -> None:
    client = Client(recorded_forge())
    client.forge.restart(down=0.01)
    client.forge.phase = Phase.PARTIAL
    with pytest.raises(TimeoutError):
        client.forge.wait_until(lambda forge: forge.phase is not Phase.PARTIAL, timeout=0.05)


def test_a_dying_server_loses_its_jobs_without_an_answer() -> None:
    client = Client(recorded_forge())
    with client.forge.held():
        running = client.start(force_task_id="running")
        client.forge.wait_until(lambda forge: forge.active_task == "running")
        waiting = client.start(force_task_id="waiting")
        client.forge.wait_until(lambda forge: forge.waiting_tasks == ["waiting"])
        client.forge.phase = Phase.DOWN
    for pending in (running, waiting):
        with pytest.raises(ConnectionLost):
            pending.result()
    client.forge.phase = Phase.READY
    assert not client.forge.rendered
    assert not client.task("running")["active"]
    assert not client.task("waiting")["queued"]


def test_a_started_server_has_forgotten_its_tasks_and_its_model() -> None:
    client = Client(recorded_forge())
    client.model_for(PONY)
    client.txt2img(force_task_id="before")
    client.forge.restart()
    assert client.forge.loaded_checkpoint is None
    assert not client.task("before")["completed"]


def test_an_unplugged_server_cannot_be_reached_but_goes_on() -> None:
    client = Client(recorded_forge())
    with client.forge.held():
        job = client.start(force_task_id="lost")
        client.forge.wait_until(lambda forge: forge.active_task == "lost")
        with client.forge.unplugged():
            with pytest.raises(ConnectionLost):
                job.result()
            with pytest.raises(ConnectFailed):
                client.get("progress")
        assert client.task("lost")["active"]
    client.forge.wait_until(lambda forge: len(forge.rendered) == 1)


def test_without_its_web_ui_the_pages_are_gone_and_the_api_is_there() -> None:
    client = Client(recorded_forge(webui=False))
    gone = ["/", "/config", "/internal/ping", "/internal/pending-tasks"]
    assert [client.send("GET", path).status for path in gone] == [404] * 4
    assert client.info()["sd_model_name"] == "forgetest"


def test_without_its_api_only_the_extensions_routes_are_there() -> None:
    client = Client(recorded_forge(api=False))
    assert statuses(client) == [404, 200, 404, 200, 200]
    assert client.send("POST", "/sdapi/v1/txt2img", {}).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sdapi/v1/loras"),
        ("POST", "/sdapi/v1/refresh-loras"),
        ("GET", "/internal/pending-tasks"),
        ("GET", "/config"),
    ],
)
def test_some_routes_ask_nobody_for_a_password(method: str, path: str) -> None:
    client = Client(recorded_forge(api_auth=("user", "pass")))
    assert client.send(method, path).status == 200


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("Bearer abc", "Not authenticated"),
        ("Basic %%%", "Invalid authentication credentials"),
        ("Basic dXNlcjp3cm9uZw==", "Incorrect username or password"),
    ],
)
def test_a_wrong_login_is_refused_with_a_challenge(header: str, detail: str) -> None:
    client = Client(recorded_forge(api_auth=("user", "pass")))
    response = client.send("GET", "/sdapi/v1/options", headers={"Authorization": header})
    assert (response.status, response.json()) == (401, {"detail": detail})
    assert response.headers["www-authenticate"] == "Basic"


def test_a_login_lets_jobs_in() -> None:
    client = Client(recorded_forge(api_auth=("user", "pass")), auth=("user", "pass"))
    assert client.info()["seed"] == 1
