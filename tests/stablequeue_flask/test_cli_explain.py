"""``stablequeue explain``: why a job waits, on a terminal of eighty columns, with forty servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.stablequeue_flask.test_cli import run

from stablequeue_core import StableQueue
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

CARDS = [f"card-{number:02}" for number in range(40)]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A data folder with forty servers that nobody answers for."""
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        for port, alias in enumerate(CARDS, 1):
            queue.servers.add(alias, f"http://127.0.0.1:{port}")
    return tmp_path


def explain(folder: Path, target: str = "auto", **wishes: object) -> str:
    """What a terminal shows of a new job."""
    params = {"positive_prompt": "a cat", "checkpoint_name": "nowhere.safetensors"}
    with StableQueue.open(folder, dispatch=False) as queue:
        job = queue.submit(target, params, **wishes)  # type: ignore[arg-type]
    result = run("explain", job.id, "--data-dir", str(folder), COLUMNS="80")
    assert result.exit_code == 0, result.output
    return result.stdout


def test_servers_that_are_not_the_target_are_left_out(fleet: Path) -> None:
    shown = explain(fleet, "card-07")

    assert "39 other servers are not its target.\n" in shown
    assert "card-07" in shown
    assert not any(alias in shown for alias in CARDS if alias != "card-07")


def test_nothing_is_wider_than_the_terminal(fleet: Path) -> None:
    assert max(map(len, explain(fleet).splitlines())) < 80


def test_what_is_alike_is_said_once_with_the_first_names(fleet: Path) -> None:
    shown = explain(fleet)

    assert shown.count("refuses connections") == 1
    told = " ".join(shown[shown.index("refuses connections") :].split())
    assert "The same goes for 'card-01', 'card-02', 'card-03' and 36 more." in told


def test_forty_servers_that_are_alike_share_a_row(fleet: Path) -> None:
    lines = explain(fleet).splitlines()

    (row,) = (line for line in lines if line.startswith("40 servers: card-00, card-01"))
    assert "  ?  " in row
    assert len(lines) < 20


@contextmanager
def at_work(folder: Path, *aliases: str) -> Iterator[None]:
    """Simulated servers of these names, and a process that sends them jobs."""
    with ExitStack() as stack:
        queue = stack.enter_context(StableQueue.open(folder))
        for alias in aliases:
            forge = stack.enter_context(ForgeServer(SimulatedForge.with_sample_models()))
            queue.servers.add(alias, forge.url)
        pause = threading.Event()
        for _ in range(1000):
            if {*queue.reports()} == {*aliases}:
                break
            pause.wait(0.01)
        yield


def test_what_why_has_said_is_not_said_again(tmp_path: Path) -> None:
    with at_work(tmp_path, "Laptop", "Tower"):
        shown = " ".join(explain(tmp_path).split())

    assert "Why: No server can run it." in shown
    assert shown.count("(guess)") == 0, "nobody loads what he has not"
    assert shown.count("'Laptop'") == shown.count("'Tower'") == 1


def test_a_far_start_is_told_as_a_date(tmp_path: Path) -> None:
    start = datetime.now(UTC) + timedelta(days=20_000)
    with at_work(tmp_path, "Laptop"):
        shown = explain(tmp_path, "Laptop", not_before=start)

    assert f"Done on:        {start:%Y-%m-%d}" in shown
    row = next(line for line in shown.splitlines() if line.startswith("Laptop"))
    assert row.count(f"{start:%Y-%m-%d}") == 2
