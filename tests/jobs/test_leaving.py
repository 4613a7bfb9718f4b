"""What becomes of a server's jobs when it is drained, renamed or removed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.jobs.hands import SPLIT, Hands, hands
from tests.waiting import until

from stablequeue_core import Event, EventKind, Job, JobStatus, Settings
from stablequeue_core.errors import ServerInUse, ServerNotFound
from stablequeue_core.jobs import event_of
from stablequeue_core.jobs.queue import ANOTHER_PROCESS_SECONDS
from stablequeue_core.jobs.whereabouts import may_run_on, runs_on

KNOWN = ("Desktop", "Laptop", "Attic")


def begun(plain: Hands, target: str, server: str = "Tower") -> Job:
    """A job that runs on the server."""
    plain.submit(target, seed=1)
    return plain.start(server)


@pytest.mark.parametrize("timeout", [0.0, 5.0])
def test_a_server_is_drained_once_nobody_can_still_be_taking_a_job_there(
    plain: Hands, timeout: float
) -> None:
    """Whoever looked just before it was paused; the bells of a busy queue say nothing of that."""
    began = time.monotonic()
    with ThreadPoolExecutor(1) as somebody:
        drained = somebody.submit(plain.queue.servers.drain, "Tower", timeout)
        until(lambda: plain.submit("Laptop").id and drained.done())

    assert drained.result()
    assert time.monotonic() - began >= ANOTHER_PROCESS_SECONDS


@pytest.mark.parametrize("target", ["Tower", "auto"])
def test_a_renamed_server_is_idle_only_when_what_began_there_before_has_ended(
    plain: Hands, target: str
) -> None:
    job = begun(plain, target)
    plain.queue.servers.update("Tower", {"alias": "Desktop"})

    assert not plain.queue.servers.drain("Desktop", timeout=0)

    plain.complete(plain.queue.get(job.id))
    assert plain.queue.servers.drain("Desktop", timeout=5)


def test_another_server_is_idle_while_a_job_runs_on_one_that_was_renamed(plain: Hands) -> None:
    begun(plain, "Tower")
    plain.queue.servers.update("Tower", {"alias": "Desktop"})

    assert plain.queue.servers.drain("Laptop", timeout=5)


@pytest.mark.parametrize("target", ["Tower", "auto"])
def test_a_job_that_runs_counts_for_the_new_name_of_its_server_only(
    plain: Hands, target: str
) -> None:
    job = begun(plain, target)
    plain.queue.servers.update("Tower", {"alias": "Desktop"})
    running = plain.queue.get(job.id)

    assert (runs_on(running), running.server) == ("Desktop", "Desktop")
    assert not may_run_on(running, "Tower", KNOWN)


def test_a_job_for_any_server_that_was_renamed_may_run_on_each(plain: Hands) -> None:
    job = begun(plain, "auto")
    assert not may_run_on(job, "Laptop", (*KNOWN, "Tower"))
    assert all(may_run_on(job, server, KNOWN) for server in KNOWN)


def test_a_batch_itself_runs_nowhere_only_its_parts_do(split: Hands) -> None:
    whole = split.submit()
    part = split.start("Tower")
    split.join()

    running = split.queue.get(whole.id)
    assert running.status is JobStatus.PROCESSING
    assert runs_on(running) is None
    assert not may_run_on(running, "Tower", KNOWN)
    assert runs_on(part) == "Tower"


def test_a_server_that_runs_a_job_for_any_is_in_use(plain: Hands) -> None:
    job = begun(plain, "auto")
    plain.submit("auto")

    with pytest.raises(ServerInUse, match="1 open job;"):
        plain.queue.servers.remove("Tower")
    plain.queue.servers.remove("Laptop")

    plain.complete(job)
    plain.queue.servers.remove("Tower")
    assert [server.alias for server in plain.queue.servers.list()] == ["Attic"]


def test_force_cancels_what_runs_there_and_nothing_else(plain: Hands) -> None:
    here, elsewhere = begun(plain, "auto"), begun(plain, "auto", "Laptop")
    waiting = plain.submit("auto")
    named = plain.submit("Tower")

    plain.queue.servers.remove("Tower", force=True)

    assert plain.status_of(here) is JobStatus.CANCELLED
    assert plain.status_of(named) is JobStatus.CANCELLED
    assert plain.status_of(elsewhere) is JobStatus.PROCESSING
    assert not plain.queue.get(elsewhere.id).cancel_requested
    assert plain.status_of(waiting) is JobStatus.PENDING


def test_a_server_that_got_the_former_name_of_another_has_none_of_its_jobs(plain: Hands) -> None:
    job = begun(plain, "Tower")
    plain.queue.servers.update("Tower", {"alias": "Desktop"})
    plain.queue.servers.add("Tower", "http://another:7860")

    plain.queue.servers.remove("Tower")

    assert not plain.queue.get(job.id).cancel_requested
    with pytest.raises(ServerInUse):
        plain.queue.servers.remove("Desktop")


def test_a_server_goes_by_force_though_its_running_job_is_deleted_meanwhile(
    tmp_path: Path,
) -> None:
    with hands(tmp_path, Settings(cancel_wait=60)) as plain:
        job = begun(plain, "Tower")
        with deleted_when_asked_to_stop(plain, job):
            plain.queue.servers.remove("Tower", force=True)

        with pytest.raises(ServerNotFound):
            plain.queue.servers.get("Tower")


def test_a_server_that_runs_a_part_goes_by_force_with_the_whole_batch(tmp_path: Path) -> None:
    with hands(tmp_path, SPLIT) as split:
        whole = split.submit()
        here, elsewhere = split.start("Tower"), split.start("Laptop")
        split.join()

        with pytest.raises(ServerInUse):
            split.queue.servers.remove("Tower")
        split.queue.servers.remove("Tower", force=True)

        assert split.status_of(here) is JobStatus.CANCELLED
        assert split.queue.get(elsewhere.id).cancel_requested
        asked = split.queue.get(whole.id)
        assert (asked.status, asked.cancel_requested) == (JobStatus.PROCESSING, True)
        assert split.claim("Attic") is None

        split.stop(elsewhere)
        split.join()
        assert split.status_of(whole) is JobStatus.CANCELLED


def test_a_batch_of_which_one_part_is_left_has_ended_when_its_server_is_gone(
    split: Hands,
) -> None:
    whole = split.submit()
    for _ in range(2):
        split.complete(split.start("Laptop"))
    split.start("Tower")
    split.join()

    split.queue.servers.remove("Tower", force=True)

    assert split.status_of(whole) is JobStatus.CANCELLED
    assert split.queue.retry(whole.id).status is JobStatus.PROCESSING
    assert len(split.queue.parts(whole.id)) == 3


@contextmanager
def deleted_when_asked_to_stop(plain: Hands, job: Job) -> Iterator[None]:
    """Another process deletes the job as soon as it is asked to stop."""

    def delete(event: Event) -> None:
        if event.kind is EventKind.JOB_CANCEL_REQUESTED:
            present = plain.storage.jobs.get(job.id)
            plain.storage.jobs.delete(present, event_of(EventKind.JOB_DELETED, present))

    with plain.queue.subscribe(delete):
        yield
