"""A download of gigabytes outlives its process, its link and its connection."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stablequeue_core import StableQueue
from stablequeue_core.downloads import DownloadStatus
from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiServer,
    Fault,
    Place,
    SimulatedAccount,
    SimulatedCivitai,
    SimulatedFile,
    SimulatedModel,
    SimulatedVersion,
    generated_model,
)

VICTIM = Path(__file__).with_name("download_victim.py")
SIZE = 2 * 2**30


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_two_gigabytes_survive_three_kills_an_expired_link_and_a_reset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = generated_model(SIZE)
    digest = hashlib.sha256()
    for piece in content.pieces(0, SIZE):
        digest.update(piece)
    civitai = SimulatedCivitai()
    civitai.world.add(
        SimulatedAccount(key=GOOD_KEY),
        SimulatedModel(
            id=7,
            name="Huge",
            type="LORA",
            versions=[
                SimulatedVersion(
                    id=70,
                    files=[
                        SimulatedFile(
                            id=700,
                            name="huge.safetensors",
                            content=content,
                            told_hashes={"SHA256": digest.hexdigest().upper()},
                        )
                    ],
                )
            ],
        ),
    )
    loras = tmp_path / "Lora"
    loras.mkdir()
    with CivitaiServer(civitai) as server:
        environment = {
            "STABLEQUEUE_CIVITAI_URL": server.url,
            "STABLEQUEUE_CIVITAI_SECOND_URL": "none",
            "STABLEQUEUE_ALLOW_PRIVATE_DOWNLOADS": "1",
            "STABLEQUEUE_BACKOFF_BASE": "0.05",
            "CIVITAI_API_KEY": GOOD_KEY,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for share in (1 / 8, 1 / 4, 3 / 8):
            with victim(tmp_path / "data", loras) as process:
                until_here(loras, int(SIZE * share), process)
                process.kill()
        civitai.faults.next("storage", Fault.EXPIRE_MIDWAY, after=SIZE // 8)
        civitai.faults.next("storage", Fault.RESET, after=SIZE // 8)
        with victim(tmp_path / "data", loras) as process:
            assert process.wait(timeout=300) == 0

    with StableQueue.open(tmp_path / "data", dispatch=False) as queue:
        (done,) = queue.downloads.list().downloads
    assert (done.status, done.notes) == (DownloadStatus.COMPLETED, ())
    assert [file.name for file in loras.iterdir() if file.suffix == ".part"] == []
    with done.file.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").digest() == digest.digest()
    asked = [seen.headers.get("range") for seen in civitai.requests if seen.place is Place.STORAGE]
    assert len(asked) == 6, "once, after each of the kills, with a new link, after the reset"
    starts = [int(each.removeprefix("bytes=").rstrip("-")) for each in asked[1:] if each]
    assert starts == sorted(set(starts)), "each goes on where the one before it was"
    assert len(starts) == 5
    assert civitai.leaks == []


def victim(data: Path, loras: Path) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, str(VICTIM), str(data), str(loras), "70"]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL)


def until_here(folder: Path, size: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until so many bytes are on disk."""
    pause = threading.Event()
    while sum(part.stat().st_size for part in folder.glob("*.part")) < size:
        assert process.poll() is None, "the victim died by itself, or was too quick"
        pause.wait(0.001)
