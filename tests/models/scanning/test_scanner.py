"""What a scan makes of what is known already."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from stablequeue_core.clock import SystemClock
from stablequeue_core.models import Hashes, Model, ModelKind, ModelQuery, ModelRoot, ScanPhase
from stablequeue_core.models.scanning.scanner import Scan, ScanStopped
from stablequeue_core.storage import Storage
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.model_files import sdxl_lora


def scan_of(storage: Storage, root: Path, *, stop_after: int = 10**9) -> Scan:
    seen = 0

    def tell(phase: ScanPhase, done: int, total: int, current: str | None) -> None:
        nonlocal seen
        seen += phase is ScanPhase.READING

    return Scan(
        storage.models,
        [ModelRoot(ModelKind.LORA, root)],
        clock=SystemClock(),
        tell=tell,
        stopping=lambda: seen >= stop_after,
    )


def known(storage: Storage) -> list[Model]:
    return list(storage.models.list(ModelQuery(limit=None)).models)


def test_what_an_older_version_has_read_is_read_again_but_not_hashed_again(tmp_path: Path) -> None:
    """It may have learned to read more out of a file."""
    sdxl_lora(rank=32).write(tmp_path / "a.safetensors")
    with MemoryStorage() as storage:
        scan_of(storage, tmp_path).run()
        (model,) = known(storage)
        hashes = Hashes(sha256="ab" * 32)
        storage.models.save([evolve(model, surroundings="0", details={}, hashes=hashes)])
        storage.models.keep_fingerprints(model.root, {"": "1:of an older version"})
        assert scan_of(storage, tmp_path).run().changed == 1
        (now,) = known(storage)
    assert now == evolve(model, hashes=hashes)


def test_a_scan_that_is_stopped_keeps_what_it_has_read(tmp_path: Path) -> None:
    """In whole batches; the next one goes on from there."""
    for number in range(600):
        sdxl_lora(modules=1).write(tmp_path / f"{number}.safetensors")
    with MemoryStorage() as storage:
        with pytest.raises(ScanStopped):
            scan_of(storage, tmp_path, stop_after=300).run()
        assert len(known(storage)) == 250
        report = scan_of(storage, tmp_path).run()
        assert (report.unchanged, report.added) == (250, 350)
