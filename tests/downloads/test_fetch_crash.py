"""A large file survives everything that happens on its way."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.downloads.errands import FILE, FILENAME, MODEL, VERSION
from tests.downloads.fetch_victim import download_of

from stablequeue_core.downloads.fetching.part_file import bytes_here
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

VICTIM = Path(__file__).with_name("fetch_victim.py")
ROOT = Path(__file__).resolve().parent.parent.parent
GIGABYTE = 1024**3


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_three_kills_expired_links_and_a_reset_cost_nothing_of_what_is_here(
    tmp_path: Path,
) -> None:
    size, pause = 2 * GIGABYTE, threading.Event()
    content = generated_model(size)
    digest = hashlib.sha256()
    for piece in content.pieces(0, size):
        digest.update(piece)
    civitai = SimulatedCivitai()
    file = SimulatedFile(id=FILE, name=FILENAME, content=content, told_hashes={})
    version = SimulatedVersion(id=VERSION, files=[file])
    civitai.world.add(SimulatedModel(id=MODEL, name="Big", versions=[version]))
    civitai.world.add(SimulatedAccount(key=GOOD_KEY))
    root = tmp_path / "models"
    root.mkdir()
    download = download_of(str(root), digest.hexdigest())
    civitai.faults.next("storage", Fault.RESET, after=size // 8)
    with CivitaiServer(civitai) as server:
        arguments = [server.url, str(root), digest.hexdigest(), str(tmp_path / "noted.json")]
        command = [sys.executable, "-m", "tests.downloads.fetch_victim", *arguments]
        for part in (2, 4, 6):
            with subprocess.Popen(command, cwd=ROOT) as victim:
                while bytes_here(download) <= size * part // 8:
                    assert victim.poll() is None, "it ended before it was killed"
                    pause.wait(0.002)
                victim.kill()
            civitai.expire_links()
            civitai.faults.next("storage", Fault.EXPIRED)
        subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    with download.file.open("rb") as whole:
        assert hashlib.file_digest(whole, "sha256").hexdigest() == digest.hexdigest()
    assert [path.name for path in root.iterdir()] == [FILENAME]
    assert not civitai.leaks
    starts = [
        int(request.headers.get("range", "bytes=0-")[6:-1])
        for request in civitai.requests
        if request.place is Place.STORAGE
    ]
    assert len(starts) >= 5
    assert starts == sorted(starts)
    assert starts.count(0) == 1
