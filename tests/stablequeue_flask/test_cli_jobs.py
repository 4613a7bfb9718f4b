"""``stablequeue jobs``: look at the queue from a terminal, and change it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.stablequeue_flask.test_cli import check_sentence, run
from tests.storage.real_postgres import real_postgres
from tests.worlds import World

from stablequeue_core import Job, JobStatus, Settings, StableQueue
from stablequeue_core.assembly.storages import DATABASE
from stablequeue_core.clock import SystemClock
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_flask.demo import simulated


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

    result = run("jobs", "list", "--limit", "2", "--data-dir", str(folder))

    lines = result.stdout.splitlines()

    assert lines[0].split() == ["id", "status", "server", "prio", "submitted", "prompt"]
    assert {line.split()[0] for line in lines[1:3]} <= {each[:8] for each in made}
    assert lines[3:] == []
    assert result.stderr == "… and 1 older ones.\n"


def test_a_job_that_may_not_start_yet_says_from_when_on_it_may(folder: Path) -> None:
    soon, far = (datetime.now(UTC) + timedelta(hours=hours) for hours in (2, 100))
    with StableQueue.open(folder, dispatch=False) as queue:
        for time in (soon, far):
            queue.submit("Laptop", positive_prompt="a cat", not_before=time)

    shown = jobs(folder, "list")

    assert f"  pending, not before {soon:%H:%M}Z  " in shown
    assert f"  pending, not before {far:%Y-%m-%d}  " in shown


def test_whoever_goes_first_in_his_time_is_told_so(folder: Path) -> None:
    with StableQueue.open(folder, dispatch=False) as queue:
        time = datetime.now(UTC) + timedelta(hours=2)
        job = queue.submit("Laptop", positive_prompt="a cat", not_before=time)

    shown = jobs(folder, "front", job.id)

    assert shown.endswith("goes before all others of priority 0 now, once its time has come.\n")


def test_a_prompt_cannot_command_the_terminal(folder: Path) -> None:
    submit(folder, "\x1b[2J" + "long " * 40)

    shown = jobs(folder, "list")

    assert "\x1b" not in shown
    assert "…" in shown


def test_a_job_is_held_released_and_moved_to_the_front(folder: Path) -> None:
    first, second = submit(folder), submit(folder)

    assert jobs(folder, "hold", first) == f"Job {first} is pending, and held.\n"
    assert jobs(folder, "release", first) == f"Job {first} is pending.\n"
    assert "goes before all others of priority 0 now.\n" in jobs(folder, "front", second)
    assert "Before it:      0 jobs" in jobs(folder, "show", second)
    assert "Before it:      1 job\n" in jobs(folder, "show", first)


def test_a_held_job_that_is_cancelled_is_held_no_more(folder: Path) -> None:
    job = submit(folder)
    jobs(folder, "hold", job)

    assert jobs(folder, "cancel", job) == f"Job {job} is cancelled.\n"
    assert jobs(folder, "list").splitlines()[1].split()[1] == "cancelled"


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


def test_what_fails_with_one_job_is_done_to_the_others(folder: Path) -> None:
    ended, waiting = submit(folder), submit(folder)
    jobs(folder, "cancel", ended)

    result = run("jobs", "hold", ended, waiting, "--data-dir", str(folder))

    check_sentence(result, "only a pending job")
    assert result.stdout == f"Job {waiting} is pending, and held.\n"


def test_a_held_job_goes_first_once_it_is_released(folder: Path) -> None:
    job = submit(folder)
    jobs(folder, "hold", job)
    assert jobs(folder, "front", job).endswith("priority 0 now, once it is released.\n")


def test_a_list_fits_the_terminal(folder: Path) -> None:
    with StableQueue.open(folder, dispatch=False) as queue:
        queue.servers.add("A" * 60, "http://127.0.0.1:3")
    submit(folder, "many words " * 20, target="A" * 60)

    result = run("jobs", "list", "--data-dir", str(folder), COLUMNS="80")

    assert max(map(len, result.stdout.splitlines())) < 80
    assert result.stdout.count("…") == 2


def test_a_list_tells_which_server_ran_a_job_for_any(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run("auto")
    world.queue.submit("auto", positive_prompt="later", hold=True)
    world.close()

    _, later, made = jobs(tmp_path, "list").splitlines()

    assert "Laptop (auto)" in made
    assert "Laptop" not in later


@pytest.mark.parametrize("command", ["show", "hold", "front", "release", "cancel", "retry"])
def test_the_beginning_of_an_id_is_enough(folder: Path, command: str) -> None:
    others = [submit(folder, f"cat {each}") for each in range(3)]
    job = next(each for each in others if each[:4] not in {o[:4] for o in others if o != each})
    if command == "retry":
        jobs(folder, "cancel", job)
    assert job in jobs(folder, command, job[:8])
    assert job in run("explain", job[:4], "--data-dir", str(folder)).stdout


def test_a_beginning_that_several_ids_share_is_told_with_all_of_them(folder: Path) -> None:
    alike = [made_with(folder, f"feedbee{each}-71ec-4803-88b0-14f5162f6c66") for each in range(2)]

    result = run("jobs", "show", "feedbee", "--data-dir", str(folder))

    check_sentence(result, "several jobs", *alike, "Give more of the id")
    assert alike[1] in jobs(folder, "show", "feedbee1")


def test_ids_that_are_listed_can_be_told_apart(folder: Path) -> None:
    for each in range(2):
        made_with(folder, f"feedbeef-71e{each}-4803-88b0-14f5162f6c66")
    ids = [line.split()[0] for line in jobs(folder, "list").splitlines()[1:]]
    assert sorted(ids) == ["feedbeef-71e0", "feedbeef-71e1"]


def made_with(folder: Path, job_id: str) -> str:
    """A job with this id, as it may come from a copied queue."""
    now = SystemClock().now()
    with SqliteStorage(folder / DATABASE) as storage:
        job = Job(
            id=job_id,
            target="Laptop",
            params={"positive_prompt": "a cat"},
            created_at=now,
            updated_at=now,
        )
        storage.jobs.add([job])
    return job_id


def test_too_short_a_beginning_is_told_of(folder: Path) -> None:
    job = submit(folder)
    check_sentence(run("jobs", "show", job[:3], "--data-dir", str(folder)), "at least the first 4")


def test_a_pending_job_that_no_server_can_run_says_so(tmp_path: Path) -> None:
    with simulated(0.0, 0.0) as forges, StableQueue.open(tmp_path) as queue:
        for alias, url in forges.items():
            queue.servers.add(alias, url)
        job = queue.submit("auto", positive_prompt="a cat", checkpoint_name="nowhere.safetensors")

        shown = " ".join(jobs(tmp_path, "show", job.id).split())

    assert "It waits: No server can run it." in shown
    assert "nowhere.safetensors" in shown


def test_whoever_only_looks_makes_no_folder_beside_a_database_server(tmp_path: Path) -> None:
    with real_postgres() as server:
        StableQueue.open(tmp_path / "data", dispatch=False, database_url=server.url).close()
        folder = tmp_path / "mistyped"
        assert jobs(folder, "list", "--database-url", server.url) == "There is no job.\n"
        assert not folder.exists()
