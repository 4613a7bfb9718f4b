"""The user's servers: added, changed, paused, let go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stablequeue_core.clock import SystemClock
from stablequeue_core.errors import InvalidServer, ServerExists, ServerInUse, ServerNotFound
from stablequeue_core.servers import (
    HealthBoard,
    ServerHealth,
    ServerRegistry,
    ServerStatus,
)
from stablequeue_core.storage.memory import MemoryStorage

URL = "http://127.0.0.1:7860"


class FakeJobs:
    """The open jobs of each server, by number."""

    def __init__(self) -> None:
        self.open: dict[str, int] = {}
        self.taken_meanwhile = 0
        self.forgotten: list[str] = []

    def open_on(self, server: str) -> list[object]:
        return [object()] * self.open.get(server, 0)

    def cancel_all_on(self, server: str) -> None:
        self.open.pop(server, None)
        if self.taken_meanwhile:
            self.taken_meanwhile -= 1
            self.open[server] = 1

    def forget_target(self, target: str) -> None:
        self.forgotten.append(target)

    def wait_until_idle(self, server: str, timeout: float | None) -> bool:
        return server not in self.open


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
def board() -> HealthBoard:
    return HealthBoard()


@pytest.fixture
def servers(jobs: FakeJobs, board: HealthBoard) -> Iterator[ServerRegistry]:
    storage = MemoryStorage()
    yield ServerRegistry(storage.servers, jobs, board, SystemClock())
    storage.close()


def test_servers_are_listed_in_the_order_in_which_they_came(servers: ServerRegistry) -> None:
    for alias in ("b", "a"):
        servers.add(alias, URL)
    assert [server.alias for server in servers.list()] == ["b", "a"]
    with pytest.raises(ServerExists):
        servers.add("a", URL, exist_ok=False)
    with pytest.raises(ServerExists):
        servers.add("a", f"{URL}/another")


def test_a_bad_description_adds_nothing(servers: ServerRegistry) -> None:
    with pytest.raises(InvalidServer):
        servers.add("auto", "laptop")
    assert not servers.list()


def test_a_change_touches_what_it_names_only(servers: ServerRegistry) -> None:
    servers.add("a", URL, username="me", password="secret", description="mine")
    changed = servers.update("a", {"api_url": f"{URL}/forge/"})
    assert changed.api_url == f"{URL}/forge"
    assert changed.auth == ("me", "secret")
    assert servers.get("a") == changed
    with pytest.raises(InvalidServer):
        servers.update("a", {"username": None})


def test_a_renamed_server_takes_its_new_name_with_it(
    servers: ServerRegistry, board: HealthBoard
) -> None:
    servers.add("a", URL)
    board.put("a", ServerHealth(status=ServerStatus.ONLINE))
    servers.update("a", {"alias": "b"})
    with pytest.raises(ServerNotFound):
        servers.get("a")
    assert servers.health("b").status is ServerStatus.UNKNOWN
    assert board.of("a").status is ServerStatus.UNKNOWN


def test_a_paused_server_stays_paused_until_it_is_resumed(servers: ServerRegistry) -> None:
    servers.add("a", URL)
    assert servers.pause("a").paused
    assert servers.update("a", {"description": "still"}).paused
    assert not servers.resume("a").paused


def test_a_server_that_is_drained_stays_paused_whether_it_has_ended_its_job_or_not(
    servers: ServerRegistry, jobs: FakeJobs
) -> None:
    servers.add("a", URL)
    jobs.open["a"] = 1
    assert not servers.drain("a", timeout=0)
    jobs.open.clear()
    assert servers.drain("a", timeout=0)
    assert servers.get("a").paused


def test_a_server_is_added_with_its_tags_and_changes_them(servers: ServerRegistry) -> None:
    assert servers.add("a", URL, tags=["studio", "fast", "studio"]).tags == ("studio", "fast")
    assert servers.add("a", URL, tags=["studio", "fast"]).tags == ("studio", "fast")
    with pytest.raises(ServerExists):
        servers.add("a", URL)
    with pytest.raises(InvalidServer, match="tags"):
        servers.update("a", {"tags": [""]})

    assert servers.update("a", {"tags": ["slow"]}).targets == ("a", "auto", "auto:slow")


def test_a_disabled_server_is_disabled_whatever_was_seen_of_it(
    servers: ServerRegistry, board: HealthBoard
) -> None:
    servers.add("a", URL, enabled=False)
    board.put("a", ServerHealth(status=ServerStatus.ONLINE))
    assert servers.health("a").status is ServerStatus.DISABLED


def test_a_server_with_open_jobs_goes_only_by_force(
    servers: ServerRegistry, jobs: FakeJobs
) -> None:
    servers.add("a", URL)
    jobs.open["a"] = 2
    with pytest.raises(ServerInUse, match="2 open jobs"):
        servers.remove("a")
    servers.remove("a", force=True)
    assert not servers.list()


def test_a_job_that_a_server_was_just_taking_does_not_keep_it(
    servers: ServerRegistry, jobs: FakeJobs
) -> None:
    servers.add("a", URL)
    jobs.open["a"] = 2
    jobs.taken_meanwhile = 1
    servers.remove("a", force=True)
    assert not servers.list()


def test_a_server_whose_jobs_keep_coming_is_not_waited_for_without_end(
    servers: ServerRegistry, jobs: FakeJobs
) -> None:
    servers.add("a", URL)
    jobs.open["a"] = 2
    jobs.taken_meanwhile = 1_000_000
    with pytest.raises(ServerInUse, match="1 open job"):
        servers.remove("a", force=True)
    assert servers.get("a").paused


@pytest.mark.parametrize("verb", ["get", "pause", "resume", "drain", "remove", "health"])
def test_a_server_that_nobody_added_is_not_found(servers: ServerRegistry, verb: str) -> None:
    with pytest.raises(ServerNotFound, match="'nobody'"):
        getattr(servers, verb)("nobody")


def test_a_field_that_there_is_not_is_refused_with_the_one_that_was_meant(
    servers: ServerRegistry,
) -> None:
    servers.add("Laptop", URL)
    wrong = {"apiUrl": "http://tower:7860", "colour": 1, "enabled": False}
    with pytest.raises(InvalidServer) as caught:
        servers.update("Laptop", wrong)
    near, far = caught.value.problems
    assert (near.path, near.message) == ("apiUrl", "is not known; did you mean api_url?")
    assert far.path == "colour"
    assert "api_url, username" in far.message
    assert servers.get("Laptop").enabled


@pytest.mark.parametrize(
    "url", [URL, "http://localhost:7860", "http://[::1]:7860/", "HTTP://LOCALHOST:7860"]
)
def test_two_names_for_one_address_are_allowed_and_remarked(
    servers: ServerRegistry, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    servers.add("Laptop", URL)
    assert servers.remark("Laptop") is None
    servers.add("Twin", url)
    remark = servers.remark("Twin")
    assert remark is not None
    assert "Server 'Twin' is also called 'Laptop'" in remark
    assert [record.getMessage() for record in caplog.records] == [remark]


def test_a_server_that_is_moved_to_the_address_of_another_is_remarked(
    servers: ServerRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    servers.add("Laptop", URL)
    servers.add("Tower", "http://tower:7860")
    servers.update("Tower", {"description": "downstairs"})
    assert not caplog.records
    servers.update("Tower", {"api_url": "http://localhost:7860"})
    assert "'Laptop'" in caplog.text


def test_of_many_names_for_one_address_a_few_are_told(servers: ServerRegistry) -> None:
    for number in range(40):
        servers.add(f"card-{number}", URL)

    remark = servers.remark("card-39") or ""

    assert "'card-0', 'card-1', 'card-2' and 36 more: they share" in remark
    assert "40 jobs at a time" in remark


@pytest.mark.parametrize("url", ["http://127.0.0.1:7861", "http://127.0.0.1:7860/forge"])
def test_another_port_or_path_is_another_server(servers: ServerRegistry, url: str) -> None:
    servers.add("Laptop", URL)
    servers.add("Other", url)
    assert servers.remark("Other") is None


def test_a_name_that_is_not_used_drives_nothing(servers: ServerRegistry) -> None:
    servers.add("Laptop", URL, enabled=False)
    servers.add("Twin", URL)
    assert servers.remark("Twin") is None
    servers.update("Laptop", {"enabled": True})
    assert servers.remark("Twin") is not None
