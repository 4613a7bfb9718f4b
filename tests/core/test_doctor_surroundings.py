"""What the doctor says of folders, room, leftovers, settings, clocks and the key for Civitai."""

from __future__ import annotations

import os
import sys
import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve
from tests.core.doctor_clinic import PROBLEM, WARNING, Clinic, bad

from stablequeue_core import Settings, StableQueue
from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.doctor.diagnosis import Diagnosis, Verdict, ok, problem, warning
from stablequeue_core.doctor.examination import examine
from stablequeue_core.doctor.pictures import _of_room
from stablequeue_core.downloads import download_event
from stablequeue_core.errors import ImageStoreError, StorageMoved
from stablequeue_core.events import EventKind
from stablequeue_core.jobs import Job, JobResult, JobStatus
from stablequeue_core.models import ModelKind, ModelRoot
from stablequeue_core.storage.copying import move
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.civitai_simulator import (
    BANNED_KEY,
    GOOD_KEY,
    CivitaiSimulator,
    SimulatedCivitai,
)
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.contracts.download_samples import queued
from stablequeue_core.testing.contracts.samples import model
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge

TWO_HOURS = 7200


def root_of(folder: Path, kind: ModelKind = ModelKind.LORA) -> ModelRoot:
    folder.mkdir(parents=True, exist_ok=True)
    return ModelRoot(kind, folder)


def aged(path: Path) -> Path:
    """A file that nobody has written to for two hours."""
    path.write_bytes(b"x" * 1000)
    long_ago = time.time() - TWO_HOURS
    os.utime(path, (long_ago, long_ago))
    return path


def test_the_worst_of_all_findings_is_the_verdict() -> None:
    fine, doubtful, broken = ok("a", "A."), warning("b", "B.", "C."), problem("d", "D.", "E.")
    assert Diagnosis((fine,)).verdict is Verdict.OK
    assert Diagnosis((fine, doubtful)).verdict is Verdict.WARNING
    assert Diagnosis((broken, fine, doubtful)).verdict is Verdict.PROBLEM


def test_every_finding_that_is_not_well_says_what_to_do(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, roots=[ModelRoot(ModelKind.LORA, tmp_path / "nowhere")])
    clinic.add("Laptop")
    assert all(each.advice for each in bad(clinic.examine()))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path / "data")
    (tmp_path / "data").chmod(0o500)
    assert "cannot be written" in clinic.said("data folder", PROBLEM)


def test_looking_whether_a_folder_can_be_written_leaves_nothing_there(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.examine()
    assert [path.name for path in tmp_path.rglob("*")] == ["images"]


def test_an_image_folder_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (tmp_path / "images").rmdir()
    assert clinic.said("image folder") == "ok: It is not there yet; the first start makes it."


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_an_image_folder_that_is_a_link_to_nowhere_is_a_problem(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (tmp_path / "images").rmdir()
    (tmp_path / "images").symlink_to(tmp_path / "away")
    with pytest.raises(ImageStoreError):
        StableQueue.open(tmp_path, dispatch=False)
    said = clinic.said("image folder", PROBLEM)
    assert "It is a link to something that is not there: nothing starts." in said
    assert "mount it; else remove the link" in said
    (tmp_path / "images").unlink()
    StableQueue.open(tmp_path, dispatch=False).close()


def test_a_file_in_the_place_of_the_image_folder_is_a_problem(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (tmp_path / "images").rmdir()
    (tmp_path / "images").write_bytes(b"x")
    assert "It is a file, and no folder: nothing starts." in clinic.said("image folder", PROBLEM)


def test_a_model_folder_that_is_not_there_may_not_be_mounted(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, roots=[ModelRoot(ModelKind.LORA, tmp_path / "models" / "Lora")])
    assert "mount" in clinic.said("model folder models/Lora", PROBLEM)


def test_an_empty_folder_in_which_models_were_found_is_not_mounted(tmp_path: Path) -> None:
    root = root_of(tmp_path / "models" / "Lora")
    clinic = Clinic(tmp_path, roots=[root])
    assert "empty" in clinic.said("model folder models/Lora", WARNING)
    clinic.storage.models.save([model("a.safetensors", root=root.name)])
    assert "models were found there before (1)" in clinic.said("model folder models/Lora", PROBLEM)


def test_no_path_of_the_machine_is_told(tmp_path: Path) -> None:
    root = root_of(tmp_path / "models" / "Lora")
    clinic = Clinic(tmp_path, roots=[root, ModelRoot(ModelKind.VAE, tmp_path / "models" / "VAE")])
    assert str(tmp_path) not in repr(clinic.examine())


def test_room_is_told_beside_the_rate_of_the_pictures() -> None:
    gigabyte = 1_000_000_000
    assert _of_room(100 * gigabyte, 0).sentence == "100.0 GB are free."
    assert "enough for 50 days" in _of_room(100 * gigabyte, 2 * gigabyte).sentence
    assert _of_room(10 * gigabyte, 2 * gigabyte).verdict is Verdict.WARNING
    assert _of_room(gigabyte // 2, 0).verdict is Verdict.PROBLEM


def test_pictures_that_are_not_in_the_folder_are_a_warning(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    now = clinic.clock.now()
    names = tuple(f"8861f4e4_{int(now.timestamp())}000_0000{n}-42.png" for n in range(3))
    (tmp_path / "images" / names[0]).write_bytes(b"x")
    job = Job(
        id=str(uuid.uuid4()),
        target="Laptop",
        params={},
        created_at=now,
        updated_at=now,
        ended_at=now,
        status=JobStatus.COMPLETED,
        result=JobResult(images=names, info="", generation_info={}),
    )
    clinic.storage.jobs.add([job])
    assert "2 of the newest 3 are not in the image folder" in clinic.said("pictures", WARNING)
    assert "days" in clinic.said("disk space") or "years" in clinic.said("disk space")


def test_temporary_files_of_dead_processes_are_found(tmp_path: Path) -> None:
    root = root_of(tmp_path / "models")
    clinic = Clinic(tmp_path / "data", roots=[root])
    hexes = "0123456789abcdef"
    left = aged(tmp_path / "data" / "images" / f".8861f4e4_1_00000-1.png.{hexes}.tmp")
    aged(root.folder / f".{hexes}.tmp")
    (root.folder / ".fedcba9876543210.tmp").write_bytes(b"somebody writes this now")
    (root.folder / "mine.tmp").write_bytes(b"somebody's own")
    assert "2 temporary files (2.0 kB)" in clinic.said("leftovers", WARNING)
    assert left.exists()


def test_parts_of_files_that_no_download_knows_are_found(tmp_path: Path) -> None:
    root = root_of(tmp_path / "models")
    clinic = Clinic(tmp_path / "data", roots=[root])
    download = queued(root=root.name, filename="ink.safetensors")
    clinic.storage.downloads.add(download, download_event(EventKind.DOWNLOAD_ADDED, download))
    aged(root.folder / f"ink.{download.id[:8]}.part")
    assert not clinic.said("leftovers", WARNING)
    aged(root.folder / "gone.01234567.part")
    assert "1 part (1.0 kB)" in clinic.said("leftovers", WARNING)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(backoff_base=10, backoff_cap=1), "backoff_base is longer than backoff_cap"),
        (Settings(circuit_base=10, circuit_cap=1), "circuit_base is longer than circuit_cap"),
        (Settings(lease=1, poll=1), "running jobs may be taken for lost"),
        (Settings(split_batches=True, split_smallest=9), "split_batches never cuts a job"),
        (Settings(keep_images=False), "no job is ever forgotten"),
        (Settings(civitai_second_url=Settings().civitai_url), "asked for twice"),
    ],
)
def test_settings_that_make_no_sense_together_are_told(
    tmp_path: Path, settings: Settings, expected: str
) -> None:
    assert expected in Clinic(tmp_path, settings=settings).said("settings", WARNING)


def test_the_defaults_go_together(tmp_path: Path) -> None:
    assert Clinic(tmp_path, settings=Settings()).said("settings") == "ok: They go together."


def test_a_misspelled_variable_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    environment = {
        "STABLEQUEUE_MAX_ATEMPTS": "3",
        "STABLEQUEUE_PORT": "8083",
        "STABLEQUEUE_DATA_DIR": "x",
        "STABLEQUEUE_POLL": "1",
    }
    said = Clinic(tmp_path, environment=environment).said("settings", WARNING)
    assert "Did you mean STABLEQUEUE_MAX_ATTEMPTS?" in said
    assert said.count("\n") == 0


def test_the_file_that_was_left_behind_for_a_database_server_is_told(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql://me@host/queue")
    clinic = Clinic(tmp_path, settings=settings)
    assert "migrate" not in clinic.said("settings")
    (tmp_path / "queue.sqlite3").write_bytes(b"")
    assert "migrate" in clinic.said("settings", WARNING)
    clinic.add("Laptop")
    said = clinic.said("settings", WARNING)
    assert "cannot be joined" in said
    assert "migrate" not in said


def test_the_file_of_a_queue_that_was_moved_to_a_database_server_does_no_harm(
    tmp_path: Path,
) -> None:
    clinic = Clinic(tmp_path, settings=Settings(database_url="postgresql://me@host/queue"))
    with SqliteStorage(tmp_path / "queue.sqlite3") as left:
        move(left, clinic.storage)
    said = clinic.said("settings")
    assert said.startswith(
        "ok: They go together.\nok: The file in the data folder is what was left"
    )
    assert "moved to the memory of a process" in said
    assert "may be removed" in said


def test_the_file_that_a_queue_was_moved_back_to_is_not_called_forgotten(tmp_path: Path) -> None:
    (tmp_path / "queue.sqlite3").write_bytes(b"")
    settings = Settings(database_url="postgresql://me@host/queue")
    moved = StorageMoved("the file 'queue.sqlite3' in the folder 'data'", "2025-05-14T00:00:00Z")
    clinic = Clinic(tmp_path, settings=settings, refusal=moved)
    assert clinic.said("settings") == "ok: They go together."
    assert "--reopen" in clinic.said("database", PROBLEM)


class LateClock(Clock):
    """A clock that is wrong."""

    def __init__(self, late: float) -> None:
        self._right = SystemClock()
        self._late = timedelta(seconds=late)

    def now(self) -> datetime:
        return self._right.now() - self._late

    def monotonic(self) -> float:
        return self._right.monotonic()


def test_clocks_that_agree_are_well(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, {"Laptop": SimulatedForge.with_sample_models()})
    assert clinic.said("clock") == "ok: This computer's clock agrees with those of the others."


def test_a_clock_that_all_others_contradict_is_wrong(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, {"Laptop": SimulatedForge.with_sample_models()})
    clinic.premises = evolve(clinic.premises, clock=LateClock(3600))
    said = clinic.said("clock", WARNING)
    assert "This computer's clock is 60 min behind all others" in said
    assert "NTP" in said


def test_a_single_clock_that_is_wrong_is_named(tmp_path: Path) -> None:
    """Nobody can tell which of two is right, but three can."""
    clinic = Clinic(tmp_path, {"Laptop": SimulatedForge.with_sample_models()})
    clinic.premises = evolve(clinic.premises, storage=wrong_storage(clinic))
    assert "The clock of the database is" in clinic.said("clock", WARNING)


def wrong_storage(clinic: Clinic) -> MemoryStorage:
    storage = MemoryStorage(clock=FakeClock())
    for server in clinic.storage.servers.list():
        clinic.storage = storage
        clinic.add(server.alias)
    return storage


def with_key(folder: Path, key: str | None) -> Clinic:
    transport = CivitaiSimulator(
        SimulatedCivitai.with_sample_models(),
        elsewhere=ForgeSimulator(SimulatedForge.with_sample_models()),
    )
    return Clinic(folder, transport=transport, settings=Settings(civitai_api_key=key))


def test_a_good_key_is_told_with_the_name_of_its_account(tmp_path: Path) -> None:
    said = with_key(tmp_path, GOOD_KEY).said("Civitai key")
    assert said.startswith("ok: Civitai accepts it; it belongs to ")


@pytest.mark.parametrize("key", [BANNED_KEY, "0123456789abcdef0123456789abcdef"])
def test_a_key_that_civitai_does_not_accept_is_a_problem(tmp_path: Path, key: str) -> None:
    clinic = with_key(tmp_path, key)
    assert "does not accept it" in clinic.said("Civitai key", PROBLEM)
    assert key not in repr(clinic.examine())


def test_without_a_key_nobody_is_asked(tmp_path: Path) -> None:
    clinic = with_key(tmp_path, None)
    assert clinic.said("Civitai key").startswith("ok: There is none (CIVITAI_API_KEY)")
    assert isinstance(clinic.premises.transport, CivitaiSimulator)
    assert not clinic.premises.transport.civitai.requests


def test_without_the_internet_the_key_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stablequeue_core.doctor.civitai_key.PATIENCE", 0.2)
    clinic = Clinic(tmp_path, settings=Settings(civitai_api_key=GOOD_KEY))
    said = clinic.said("Civitai key")
    assert said.startswith("warning: ")
    assert GOOD_KEY not in said


def test_a_check_that_breaks_off_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)

    def broken(abort: object) -> object:
        raise ZeroDivisionError

    premises = evolve(
        clinic.premises,
        settings=Settings(civitai_api_key=GOOD_KEY),
        account=broken,  # type: ignore[arg-type]
    )
    (found,) = [each for each in examine(premises).findings if each.verdict is PROBLEM]
    assert (found.subject, "ZeroDivisionError" in found.sentence) == ("civitai key", True)


def test_this_process_is_described(tmp_path: Path) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    assert f"Python {version}" in Clinic(tmp_path).said("this process")
