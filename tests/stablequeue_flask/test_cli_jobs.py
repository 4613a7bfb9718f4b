"""``stablequeue jobs``: look at the queue from a terminal, and change it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stablequeue_flask.test_cli import check_sentence, run

from stablequeue_core import JobStatus, Settings, StableQueue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with two servers."""
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:1")
        queue.servers.add("Tower", "http://127.0.0.1:2")
    return tmp_path


def submit(folder: Path, prompt: str = "a cat", target: str = "Laptop") -> str:
    with StableQueue.open(folder, dispatch=False) as queue:
        return queue.submit(target, positive_prompt=prompt).id


def jobs(folder: Path, *arguments: str) -> str:
    result = run("jobs", *arguments, "--data-dir", str(folder))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_empty_queue_is_told_of_in_words(folder: Path) -> None:
    assert jobs(folder, "list") == "There is no job.\n"
    assert jobs(folder, "list", "--status", "failed") == "No job is failed.\n"


def test_the_newest_jobs_are_listed_first_and_how_many_more_there_are(folder: Path) -> None:
    made = [submit(folder, f"cat number {each}") for each in range(3)]

    lines = jobs(folder, "list", "--limit", "2").splitlines()

    assert lines[0].split() == ["status", "target", "priority", "submitted", "prompt", "id"]
    assert {line.split()[-1] for line in lines[1:3]} <= set(made)
    assert lines[3] == "… and 1 older ones."


def test_a_prompt_cannot_command_the_terminal(folder: Path) -> None:
    submit(folder, "\x1b[2J" + "long " * 40)

    shown = jobs(folder, "list")

    assert "\x1b" not in shown
    assert "…" in shown


def test_a_job_is_held_released_and_moved_to_the_front(folder: Path) -> None:
    first, second = submit(folder), submit(folder)

    assert jobs(folder, "hold", first) == f"Job {first} is pending, and held.\n"
    assert jobs(folder, "release", first) == f"Job {first} is pending.\n"
    jobs(folder, "front", second)
    assert "Before it:      0 jobs" in jobs(folder, "show", second)
    assert "Before it:      1 job\n" in jobs(folder, "show", first)


def test_a_held_job_that_is_cancelled_is_held_no_more(folder: Path) -> None:
    job = submit(folder)
    jobs(folder, "hold", job)

    assert jobs(folder, "cancel", job) == f"Job {job} is cancelled.\n"
    assert jobs(folder, "list").splitlines()[1].startswith("cancelled")


def test_several_jobs_stand_at_the_front_in_the_order_in_which_they_were_named(
    folder: Path,
) -> None:
    made = [submit(folder) for _ in range(3)]

    jobs(folder, "front", made[2], made[1])

    with StableQueue.open(folder, dispatch=False) as queue:
        places = [queue.position(queue.get(each)) for each in (made[2], made[1], made[0])]
    assert places == [0, 1, 2]


def test_a_job_is_cancelled_and_tried_again(folder: Path) -> None:
    job_id = submit(folder)

    assert jobs(folder, "cancel", job_id) == f"Job {job_id} is cancelled.\n"
    assert jobs(folder, "retry", job_id) == f"Job {job_id} is pending.\n"


def test_all_that_is_known_of_a_job_is_shown(folder: Path) -> None:
    with StableQueue.open(folder, dispatch=False) as queue:
        job = queue.submit("Laptop", positive_prompt="a cat", client_id="studio-7", priority=3)

    shown = jobs(folder, "show", job.id)

    for line in ("Prompt:         a cat", "Target:         Laptop", "Client:         studio-7"):
        assert line in shown.splitlines()


def test_the_parts_of_a_big_batch_are_shown(folder: Path) -> None:
    splitting = Settings(split_batches=True, split_smallest=2)
    with StableQueue.open(folder, dispatch=False, settings=splitting) as queue:
        job = queue.submit("auto", positive_prompt="a", checkpoint_name="pony", num_images=5)

    shown = jobs(folder, "show", job.id).splitlines()

    assert "Part 1:         3 pictures, pending" in shown
    assert "Part 2:         2 pictures, pending" in shown
    assert len(jobs(folder, "list").splitlines()) == 2


def test_a_job_that_is_not_there_is_told_of_in_one_sentence(folder: Path) -> None:
    result = run("jobs", "show", "nobody", "--data-dir", str(folder))

    check_sentence(result, "Job nobody not found")


def test_an_id_that_is_no_text_is_told_of_in_one_sentence(folder: Path) -> None:
    # So Python spells a byte of the command line that is no Unicode.
    for command in ("show", "hold", "release", "front", "cancel", "retry"):
        check_sentence(run("jobs", command, "a\udcff", "--data-dir", str(folder)), "character")
    check_sentence(run("explain", "a\udcff", "--data-dir", str(folder)), "character")


def test_a_job_that_does_not_wait_is_told_of_in_one_sentence(folder: Path) -> None:
    job_id = submit(folder)
    jobs(folder, "cancel", job_id)

    result = run("jobs", "hold", job_id, "--data-dir", str(folder))

    check_sentence(result, JobStatus.CANCELLED.value, "only a pending job")
