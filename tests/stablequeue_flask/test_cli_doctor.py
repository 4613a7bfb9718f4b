"""``stablequeue doctor`` and ``stablequeue tidy``."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.stablequeue_flask.test_cli import check_sentence, run

from stablequeue_core import StableQueue
from stablequeue_core.clock import SystemClock
from stablequeue_core.jobs import Job, JobStatus
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge
from stablequeue_flask import cli

ESCAPE = "\x1b["


@pytest.fixture
def forge() -> Iterator[ForgeServer]:
    with ForgeServer(SimulatedForge.with_sample_models()) as server:
        yield server


@pytest.fixture
def data(tmp_path: Path, forge: ForgeServer) -> list[str]:
    """The option that names a data folder with one server."""
    folder = tmp_path / "data"
    with StableQueue.open(folder, dispatch=False) as queue:
        queue.servers.add("Laptop", forge.url)
    return ["--data-dir", str(folder)]


def test_a_queue_that_is_well_ends_with_code_0(data: list[str]) -> None:
    result = run("doctor", *data)
    assert result.exit_code == 0, result.output
    assert "server Laptop\n  ok       It is online" in result.output
    assert "0 warnings, 0 problems." in result.output
    assert ESCAPE not in result.output


def test_a_problem_ends_with_code_1_and_says_what_to_do(
    data: list[str], forge: ForgeServer
) -> None:
    with forge.forge.unplugged():
        result = run("doctor", *data)
    assert result.exit_code == 1
    assert "server Laptop\n  problem  " in result.output
    assert ">  Start it with --api" in result.output
    assert "1 problem." in result.output


def test_colours_are_for_terminals_that_want_them(data: list[str]) -> None:
    runner, line = CliRunner(), ("doctor", *data)
    assert f"{ESCAPE}32m" in runner.invoke(cli.main, line, color=True).output
    plain = runner.invoke(cli.main, line, color=True, env={"NO_COLOR": "1"})
    assert ESCAPE not in plain.output


@pytest.fixture
def many(tmp_path: Path) -> Iterator[list[str]]:
    """The option that names a data folder with eight servers, one of which does not answer."""
    with ExitStack() as stack:
        queue = stack.enter_context(StableQueue.open(tmp_path / "many", dispatch=False))
        for number in range(4):
            forge = stack.enter_context(ForgeServer(SimulatedForge.with_sample_models()))
            queue.servers.add(f"card-{number}", forge.url)
        for number in range(4, 7):
            queue.servers.add(f"card-{number}", "http://127.0.0.1:1", enabled=False)
        queue.servers.add("gone", "http://127.0.0.1:9")
        yield ["--data-dir", str(tmp_path / "many")]


def test_of_many_servers_only_what_is_not_well_is_told_of_each(many: list[str]) -> None:
    shown = " ".join(run("doctor", *many).output.split())
    well = "ok 4 servers are online, and nothing is wrong with them: card-0, card-1, card-2 and 1"
    assert well in shown
    assert shown.count("It is online") == 0
    assert shown.count("It is disabled, and was not asked.") == 3, "three are told each"
    assert "server gone problem" in shown


def test_each_server_is_told_of_on_demand_and_to_programs(many: list[str]) -> None:
    for option in ("-v", "--verbose"):
        assert run("doctor", option, *many).output.count("It is online") == 4
    told = json.loads(run("doctor", "--json", *many).stdout)
    assert sum(each["subject"].startswith("server card-") for each in told["findings"]) >= 7


def test_a_missing_folder_is_no_traceback(tmp_path: Path) -> None:
    result = run("doctor", "--data-dir", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "data folder\n  problem  It is not there." in result.output
    assert not (tmp_path / "nowhere").exists()


def test_programs_get_json(data: list[str]) -> None:
    result = run("doctor", "--json", *data)
    told = json.loads(result.stdout)
    assert told["verdict"] == "ok"
    (found,) = [each for each in told["findings"] if each["subject"] == "server Laptop"]
    assert found["verdict"] == "ok"
    assert found["advice"] is None
    assert found["sentence"].startswith("It is online")


def test_settings_that_cannot_be_used_are_findings_among_others(data: list[str]) -> None:
    result = run("doctor", *data, STABLEQUEUE_POLL="often", STABLEQUEUE_MAX_ATEMPTS="3")
    assert result.exit_code == 1
    assert result.output.count("\nsettings\n") + result.output.startswith("settings\n") == 1
    assert "STABLEQUEUE_POLL 'often' is no number." in result.output
    assert "Did you mean STABLEQUEUE_MAX_ATTEMPTS?" in result.output
    assert "It is online" in result.output


def test_an_address_of_the_database_that_is_none_is_a_finding(data: list[str]) -> None:
    result = run("doctor", *data, STABLEQUEUE_DATABASE_URL="mysql://me:geheim@host/queue")
    assert result.exit_code == 1
    assert "database_url must be an address like postgresql://user@host/database." in " ".join(
        result.output.split()
    )
    assert "It is online" in result.output
    assert "geheim" not in result.output


def test_a_model_folder_of_an_unknown_kind_is_a_finding(data: list[str]) -> None:
    result = run("doctor", *data, "--model-dir", "hat=hats")
    assert result.exit_code == 1
    assert "'hat' is no kind of model" in result.output


def test_every_model_folder_is_looked_at(data: list[str], tmp_path: Path) -> None:
    (tmp_path / "Lora").mkdir()
    result = run("doctor", *data, "--loras", str(tmp_path / "Lora"))
    assert f"model folder {tmp_path.name}/Lora" in result.output


def test_the_key_is_shown_nowhere(data: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stablequeue_core.doctor.civitai_key.PATIENCE", 0.2)
    nobody = "http://127.0.0.1:9/api/v1"
    variables = {
        "CIVITAI_API_KEY": "geheim123",
        "STABLEQUEUE_CIVITAI_URL": nobody,
        "STABLEQUEUE_CIVITAI_SECOND_URL": "none",
    }
    result = run("doctor", *data, **variables)
    assert "Civitai key\n  warning  " in result.output
    assert "geheim" not in result.output
    assert result.exit_code == 0


def keep_old_jobs(folder: Path, count: int) -> None:
    """Keep jobs that ended two days ago."""
    at = SystemClock().now() - timedelta(days=2)
    jobs = [
        Job(
            id=str(uuid.uuid4()),
            target="Laptop",
            params={},
            created_at=at,
            updated_at=at,
            ended_at=at,
            status=JobStatus.CANCELLED,
        )
        for _ in range(count)
    ]
    with SqliteStorage(folder / "queue.sqlite3") as storage:
        storage.jobs.add(jobs)


def left(folder: Path) -> int:
    with SqliteStorage(folder / "queue.sqlite3") as storage:
        return storage.jobs.counts()[JobStatus.CANCELLED]


def test_old_jobs_are_forgotten_on_demand(tmp_path: Path) -> None:
    keep_old_jobs(tmp_path, 120)
    result = run("tidy", "--data-dir", str(tmp_path), "--keep-days", "1")
    assert result.exit_code == 0, result.output
    assert "120 jobs, 0 pictures" in result.output
    assert left(tmp_path) == 0


def test_the_newest_so_many_stay(tmp_path: Path) -> None:
    keep_old_jobs(tmp_path, 20)
    assert run("tidy", "--data-dir", str(tmp_path), STABLEQUEUE_KEEP_JOBS="7").exit_code == 0
    assert left(tmp_path) == 7


def test_jobs_that_have_just_ended_stay_and_that_is_told(tmp_path: Path) -> None:
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:1")
        for _ in range(2):
            queue.cancel(queue.submit("Laptop", positive_prompt="a cat").id)
    result = run("tidy", "--data-dir", str(tmp_path), "--keep-jobs", "1")
    assert "What ended within the last hour always stays." in result.output
    assert left(tmp_path) == 2


def test_without_a_limit_no_job_is_forgotten(tmp_path: Path) -> None:
    keep_old_jobs(tmp_path, 3)
    result = run("tidy", "--data-dir", str(tmp_path))
    assert "No job is forgotten: say --keep-days or --keep-jobs." in result.output
    assert left(tmp_path) == 3


def test_two_cannot_tidy_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stablequeue_core.dispatch.upkeep.tidying.PATIENCE", 0.2)
    keep_old_jobs(tmp_path, 3)
    with SqliteStorage(tmp_path / "queue.sqlite3") as storage:
        lock = storage.tidying_lock()
        assert lock.try_acquire()
        result = run("tidy", "--data-dir", str(tmp_path), "--keep-days", "1")
        lock.release()
    check_sentence(result, "being tidied up already")


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_limit_that_is_no_number_above_zero_is_told(tmp_path: Path, value: str) -> None:
    result = run("tidy", "--data-dir", str(tmp_path), "--keep-jobs", value)
    check_sentence(result, "keep_jobs")


def test_half_a_job_is_no_limit(tmp_path: Path) -> None:
    result = run("tidy", "--data-dir", str(tmp_path), "--keep-jobs", "1.5")
    check_sentence(result, "keep_jobs", "whole number")


def test_a_setting_can_be_taken_back_for_once(tmp_path: Path) -> None:
    keep_old_jobs(tmp_path, 3)
    arguments = ("tidy", "--data-dir", str(tmp_path), "--keep-days", "none")
    result = run(*arguments, STABLEQUEUE_KEEP_DAYS="1")
    assert result.exit_code == 0, result.output
    assert left(tmp_path) == 3
