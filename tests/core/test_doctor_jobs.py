"""What the doctor says of jobs that are stuck, and of those who should run them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.core.doctor_clinic import OK, WARNING, Clinic, told
from tests.worlds import World

from stablequeue_core import JobStatus
from stablequeue_core.errors import QueueClosed
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Job, Lease
from stablequeue_core.servers import ServerHealth, ServerReport
from stablequeue_core.testing.forge_simulator import SimulatedForge


def clinic_with(tmp_path: Path, *aliases: str) -> Clinic:
    return Clinic(tmp_path, {each: SimulatedForge.with_sample_models() for each in aliases})


def waiting(clinic: Clinic, **fields: Any) -> Job:
    """Keep a job that waits."""
    now = clinic.clock.now()
    given = {"id": str(uuid.uuid4()), "target": "auto", "params": {}}
    (job,) = clinic.storage.jobs.add(
        [Job(**{**given, "created_at": now, "updated_at": now, **fields})]
    )
    return job


def report(clinic: Clinic, alias: str, worker: str, *, age: float) -> None:
    """A process told of its server so many seconds ago."""
    at = clinic.clock.now() - timedelta(seconds=age)
    clinic.storage.reports.put(
        ServerReport(alias=alias, health=ServerHealth(), worker=worker, at=at)
    )


def test_jobs_that_can_run_are_not_stuck(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "Laptop")
    waiting(clinic)
    waiting(clinic, target="Laptop")
    assert clinic.said("jobs") == "ok: None is stuck."


def test_a_job_that_nobody_can_run_is_told_with_what_is_missing(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "Laptop", "Tower")
    wants = Requirements(checkpoints=("nowhere.safetensors",))
    jobs = {waiting(clinic, requirements=wants).id for _ in range(3)}
    said = clinic.said("jobs", WARNING)
    assert "3 jobs waiting in vain" in said
    assert any(job_id in said for job_id in jobs)
    assert "nowhere.safetensors" in said


def test_a_job_for_a_server_that_is_gone_is_told(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "Laptop")
    waiting(clinic, target="Desktop")
    assert "'Desktop', but there is no such server" in clinic.said("jobs", WARNING)


def test_a_job_for_a_group_without_servers_is_told(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "Laptop")
    waiting(clinic, target="auto:studio")
    assert "no server has this tag" in clinic.said("jobs", WARNING)
    clinic.change("Laptop", tags=("studio",))
    assert clinic.said("jobs", OK)


def test_a_job_whose_server_is_paused_is_told(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "Laptop")
    clinic.change("Laptop", paused=True)
    waiting(clinic, target="Laptop")
    assert "disabled or paused" in clinic.said("jobs", WARNING)


def test_a_job_whose_server_is_away_is_told(tmp_path: Path) -> None:
    forge = SimulatedForge.with_sample_models()
    clinic = Clinic(tmp_path, {"Laptop": forge})
    waiting(clinic)
    with forge.unplugged():
        assert "nothing of that is online" in clinic.said("jobs", WARNING)


def test_jobs_that_wait_on_purpose_are_not_stuck(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "Laptop")
    waiting(clinic, target="Desktop", held=True)
    assert clinic.said("jobs", OK)


def test_a_job_whose_process_is_gone_is_told(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "Laptop")
    now = clinic.clock.now()
    lost = Lease(worker="w", until=now - timedelta(minutes=5))
    alive = Lease(worker="w", until=now + timedelta(seconds=20))
    job = waiting(clinic, status=JobStatus.PROCESSING, lease=lost)
    waiting(clinic, status=JobStatus.PROCESSING, lease=alive)
    waiting(clinic, status=JobStatus.PROCESSING, parts=("x",))
    said = clinic.said("jobs", WARNING)
    assert "1 job marked as running that no process works on" in said
    assert f"{job.id} for 5 min" in said


def test_a_job_whose_downloads_have_ended_is_told(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "Laptop")
    waiting(clinic, waits_for=("8861f4e4-3a5c-4be1-9a55-0f6c9d3a3c11",))
    assert "waiting for downloads that have ended" in clinic.said("jobs", WARNING)


def test_jobs_that_nobody_runs_are_told(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "Laptop")
    assert clinic.said("processes") == "ok: Nobody runs jobs now."
    waiting(clinic)
    said = clinic.said("processes", WARNING)
    assert "Nobody runs jobs, and 1 job is waiting." in said
    assert "stablequeue work" in said


def test_processes_that_run_jobs_are_counted_by_their_reports(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "A", "B", "C")
    waiting(clinic)
    report(clinic, "A", "host:1:aa", age=0)
    report(clinic, "B", "host:1:aa", age=5)
    report(clinic, "C", "host:2:bb", age=9)
    assert clinic.said("processes") == "ok: 2 processes run jobs."


def test_a_process_that_holds_no_server_runs_jobs_too(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "A")
    waiting(clinic)
    clinic.storage.reports.beat("host:1:aa", clinic.clock.now())
    assert clinic.said("processes") == "ok: 1 process runs jobs."


def test_a_process_that_is_stopped_is_told_with_what_it_keeps_from_the_others(
    tmp_path: Path,
) -> None:
    clinic = clinic_with(tmp_path, "A", "B", "C", "D")
    for alias in ("A", "B"):
        report(clinic, alias, "studio:42:aa", age=300)
    report(clinic, "C", "host:1:bb", age=0)
    report(clinic, "D", "studio:42:aa", age=300)
    clinic.change("D", enabled=False)
    said = clinic.said("processes", WARNING)
    assert said == (
        "warning: Process 42 on 'studio' has told nothing for 5 min: it seems to be stopped, or "
        "its computer asleep. It keeps servers 'A', 'B'. Continue it (`fg`, or `kill -CONT 42`), "
        "or end it (`kill -9 42`): then another process takes its servers over within seconds."
    )


def test_a_process_that_is_stopped_or_gone_is_told_when_nobody_else_runs_jobs(
    tmp_path: Path,
) -> None:
    clinic = clinic_with(tmp_path, "A")
    waiting(clinic)
    report(clinic, "A", "studio:42:aa", age=300)
    said = clinic.said("processes", WARNING)
    assert "Nobody runs jobs, and 1 job is waiting. Process 42 on 'studio'" in said
    assert "If it is stopped, continue it (`fg`, or `kill -CONT 42`); else start one" in said


def test_a_job_whose_process_is_stopped_is_not_said_to_need_another_one(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "A", "B")
    long_ago = clinic.clock.now() - timedelta(minutes=5)
    lease = Lease(worker="studio:42:aa", until=long_ago)
    waiting(clinic, target="A", status=JobStatus.PROCESSING, lease=lease)
    clinic.storage.reports.beat("host:1:bb", clinic.clock.now())
    assert "as soon as that answers" in clinic.said("jobs", WARNING)
    report(clinic, "A", "studio:42:aa", age=300)
    said = clinic.said("jobs", WARNING)
    assert "`kill -CONT 42`" in said
    assert "stablequeue work" not in said


def test_a_paused_queue_is_told(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "Laptop")
    event = Event(kind=EventKind.QUEUE_PAUSED, at=clinic.clock.now())
    clinic.storage.jobs.set_paused(True, event)
    assert "It is paused" in clinic.said("queue", WARNING)


def test_an_open_queue_can_be_examined_while_it_works(world: World) -> None:
    world.queue.wait(world.submit().id, timeout=10)
    diagnosis = world.queue.examine()
    assert "It is online" in told(diagnosis, "server Laptop")
    assert "1 process runs jobs" in told(diagnosis, "processes")
    assert told(diagnosis, "pictures") == "ok: The newest 1 are there."
    assert "SQLite" in told(diagnosis, "database")


def test_a_closed_queue_can_be_neither_examined_nor_tidied(world: World) -> None:
    queue = world.queue
    world.close()
    with pytest.raises(QueueClosed):
        queue.examine()
    with pytest.raises(QueueClosed):
        queue.tidy()
