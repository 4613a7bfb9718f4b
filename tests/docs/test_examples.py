"""The programs in examples/ do what their first lines say, started as their readers start them."""

from __future__ import annotations

import csv
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from examples.flask_embed import make_app
from tests.docs.forges import Forges
from tests.docs.pages import ROOT

from stablequeue_core import StableQueue

EXAMPLES = ROOT / "examples"


def started(name: str, *arguments: str) -> subprocess.Popen[str]:
    """The program, in the present folder."""
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def finished(process: subprocess.Popen[str]) -> str:
    """What the program has printed; it must have ended well."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    return out


def test_every_example_is_tested_here() -> None:
    tested = {"notebook_style.py", "flask_embed.py", "listener.py", "batch_from_csv.py", "fleet.py"}
    assert {path.name for path in EXAMPLES.glob("*.py")} == tested


def test_the_notebook_shows_progress_and_what_came_of_it(reader: Path, forges: Forges) -> None:
    printed = finished(started("notebook_style.py", forges.laptop.url))
    assert printed.count("completed ") == 4
    assert "sampling" in printed
    assert len(list(reader.glob("queue-data/images/*.png"))) == 4


def test_the_fleet_lets_clients_take_turns(reader: Path, forges: Forges) -> None:
    """Ben came last, behind a series of six; his is among the first that two servers make."""
    printed = finished(started("fleet.py", forges.laptop.url, forges.tower.url))
    assert "The queue is paused." in printed
    assert printed.count("can run it") == 2
    (turn,) = re.findall(r"Ben's picture was number (\d) of 7", printed)
    assert int(turn) <= 3
    assert "Card 1 made" in printed
    assert "Card 2 made" in printed


def test_a_table_becomes_pictures_once(reader: Path, forges: Forges) -> None:
    """Started a second time, it finds its jobs done."""
    arguments = [str(EXAMPLES / "prompts.csv"), "results.csv", forges.laptop.url]
    for _ in range(2):
        finished(started("batch_from_csv.py", *arguments))
        with open("results.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [row["status"] for row in rows] == ["completed"] * 3
        assert (rows[0]["seed"], rows[2]["seed"]) == ("1", "3")
    assert forges.laptop.forge.pictures == 3
    assert len(list(reader.glob("queue-data/images/*.png"))) == 3


def test_the_gallery_takes_an_order_and_shows_the_picture(reader: Path, forges: Forges) -> None:
    with StableQueue.open(reader / "queue-data") as queue:
        queue.servers.add("Laptop", forges.laptop.url)
        client = make_app(queue).test_client()
        assert client.post("/", data={"motif": "a lighthouse"}).status_code == 302
        (job,) = queue.list().jobs
        (picture,) = queue.wait(job.id, timeout=60).images
        assert f'src="/outputs/{picture.name}"' in client.get("/").text
        with client.get(f"/outputs/{picture.name}") as answer:
            assert answer.mimetype == "image/png"
        assert client.post("/", data={"motif": "x" * 100_001}).status_code == 400


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process")
def test_the_listener_goes_on_where_it_was_broken_off(reader: Path, forges: Forges) -> None:
    """What ended while it was not running is told too, and nothing twice."""
    with StableQueue.open(reader / "queue-data") as queue:
        queue.servers.add("Laptop", forges.laptop.url)
        for prompt in ("a lighthouse", "a fox"):
            job = queue.submit("Laptop", positive_prompt=prompt, width=64, height=64)
            queue.wait(job.id, timeout=60)
            last = queue.events()[-1].sequence
            listener = started("listener.py", "queue-data")
            bookmark = reader / "queue-data" / "listener.bookmark"
            until(lambda: bookmark.exists() and bookmark.read_text() == str(last))  # noqa: B023
            listener.send_signal(signal.SIGINT)
            printed = finished(listener)
            assert printed.count("completed ") == 1
            assert f"completed {job.id}" in printed


def until(condition: Callable[[], bool]) -> None:
    """Look again and again until it holds."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)
