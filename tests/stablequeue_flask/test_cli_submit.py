"""``stablequeue submit``: jobs from a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from tests.stablequeue_flask.test_cli import check_sentence, run
from tests.worlds import PONY, World

from stablequeue_core import Job, StableQueue

PROMPT = ("--prompt", "a lighthouse")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a server that nobody looks after."""
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:1")
    return tmp_path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A queue that this process drives."""
    world = World(tmp_path)
    world.queue.servers.get("Laptop")  # opened, that is
    yield world
    world.close(grace=0)


def tried(folder: Path, *words: str) -> Result:
    return run("submit", *words, "--data-dir", str(folder))


def submitted(folder: Path, *words: str) -> list[Job]:
    """The jobs whose ids the command tells."""
    result = tried(folder, *words)
    assert result.exit_code == 0, result.output
    with StableQueue.open(folder, dispatch=False) as queue:
        return [queue.get(each) for each in re.findall(r"^Job (\S+)", result.stdout, re.MULTILINE)]


def test_a_job_is_handed_in_with_what_was_said_of_it(folder: Path) -> None:
    more = ("--checkpoint", "pony", "--param", "steps=8", "--param", "sampler_name=Euler a")
    (job,) = submitted(folder, "Laptop", *PROMPT, *more, "--priority", "3", "--hold")

    assert job.params == {
        "positive_prompt": "a lighthouse",
        "checkpoint_name": "pony",
        "steps": 8,
        "sampler_name": "Euler a",
    }
    assert (job.target, job.priority, job.held) == ("Laptop", 3, True)


def test_why_it_waits_is_told_beside_the_ids(folder: Path) -> None:
    result = tried(folder, "auto", *PROMPT)
    assert "Why it waits: No process runs jobs now" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_so_many_jobs_are_handed_in(folder: Path) -> None:
    assert len(submitted(folder, "auto", *PROMPT, "--count", "3")) == 3


@pytest.mark.parametrize("zone", ["Z", "+02:00"])
def test_a_time_is_taken_with_its_zone(folder: Path, zone: str) -> None:
    (job,) = submitted(folder, "auto", *PROMPT, "--not-before", f"2031-05-01T20:00{zone}")
    assert job.not_before == datetime.fromisoformat(f"2031-05-01T20:00{zone}").astimezone(UTC)


def test_a_time_without_a_zone_is_of_this_computers_clock(folder: Path) -> None:
    (job,) = submitted(folder, "auto", *PROMPT, "--not-before", "2031-05-01T20:00")
    assert job.not_before == datetime(2031, 5, 1, 20).astimezone()


def test_who_waits_is_told_of_the_pictures(world: World) -> None:
    result = tried(world.folder, "Laptop", *PROMPT, "--checkpoint", PONY, "--count", "2", "--wait")

    assert result.exit_code == 0, result.output
    assert result.stdout.count("is completed.") == 2
    pictures = [line for line in result.stdout.splitlines() if line.endswith(".png")]
    assert len(pictures) == 2
    assert all(Path(each).is_file() for each in pictures)


def test_who_waits_for_a_job_that_fails_is_told_why(world: World) -> None:
    result = tried(world.folder, "Laptop", *PROMPT, "--param", "sampler_name=nonsense", "--wait")
    assert result.exit_code == 1
    told = result.stderr.splitlines()[-1]
    assert told.startswith("Error: Job ")
    assert "is failed: Server 'Laptop' has no sampler 'nonsense'" in told


def test_who_waits_no_longer_is_told_that_the_job_goes_on(world: World) -> None:
    world.queue.pause()
    result = tried(world.folder, "Laptop", *PROMPT, "--wait", "--timeout", "0.01")
    assert result.exit_code == 1
    assert "has not ended after 0.01 s; it goes on without you." in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("Nobody", *PROMPT), "'Nobody' not found"),
        (("auto:nobody", *PROMPT), "nobody"),
        (("auto", *PROMPT, "--param", "steps=many"), "steps: must be a whole number"),
    ],
)
def test_what_the_queue_refuses_is_told_in_one_sentence(
    folder: Path, words: tuple[str, ...], sentence: str
) -> None:
    check_sentence(tried(folder, *words), sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("auto",), "--prompt"),
        (("auto", *PROMPT, "--param", "steps"), "must look like steps=20"),
        (("auto", *PROMPT, "--param", "=20"), "must look like steps=20"),
        (("auto", *PROMPT, "--param", "steps=1", "--param", "steps=2"), "steps is given twice"),
        (("auto", *PROMPT, "--param", "positive_prompt=b"), "positive_prompt is given twice"),
        (("auto", *PROMPT, "--not-before", "soon"), "is no time"),
        (("auto", *PROMPT, "--count", "0"), "--count"),
        (("auto", *PROMPT, "--hold", "--wait"), "--hold or --wait"),
        (("auto", *PROMPT, "--timeout", "5"), "--timeout is for --wait"),
    ],
)
def test_what_is_mistyped_is_refused_and_nothing_is_handed_in(
    folder: Path, words: tuple[str, ...], sentence: str
) -> None:
    result = tried(folder, *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    with StableQueue.open(folder, dispatch=False) as queue:
        assert queue.list().total == 0


@pytest.mark.parametrize("value", ["NaN", "Infinity", "[" * 100_000, "9" * 5000])
def test_a_value_that_is_no_json_is_refused_as_the_text_that_it_is(
    folder: Path, value: str
) -> None:
    check_sentence(tried(folder, "auto", *PROMPT, "--param", f"cfg_scale={value}"), "cfg_scale")
