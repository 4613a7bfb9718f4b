"""However a folder changes, a scan knows afterwards what a first scan of it would."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from stablequeue_core.clock import SystemClock
from stablequeue_core.models import Model, ModelKind, ModelQuery, ModelRoot, ScanPhase, ScanReport
from stablequeue_core.models.scanning.scanner import Scan
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.model_files import sdxl_lora

NAMES = ("a", "pony", "c_1")
VERSIONS = {1: "Illustrious", 2: "", 3: "SDXL"}
FOLDERS = ("", "x", "x/y")
places = st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES))
changes = st.one_of(
    st.tuples(st.just("write"), places, st.integers(1, 4)),
    st.tuples(st.just("describe"), places, st.integers(1, 3)),
    st.tuples(st.just("undescribe"), places, st.just(0)),
    st.tuples(st.just("delete"), places, st.just(0)),
    st.tuples(st.just("delete folder"), places, st.just(0)),
    st.tuples(st.just("move"), places, places),
    st.tuples(st.just("scan"), st.just(("", "a")), st.just(0)),
)


class Folder:
    """A root in which no two writes have the same time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._seconds = itertools.count(1_700_000_000)
        root.mkdir()

    def change(self, what: str, place: tuple[str, str], how: int | tuple[str, str]) -> None:
        file = self._file(place)
        match what, how:
            case "write", int(size):
                self._write(file, sdxl_lora(rank=size, modules=1).content())
            case "describe", int(number):
                said = f'{{"notes": "{number}", "sd version": "{VERSIONS[number]}"}}'
                self._write(file.with_suffix(".json"), said.encode())
            case "undescribe", _:
                file.with_suffix(".json").unlink(missing_ok=True)
            case "delete", _:
                file.unlink(missing_ok=True)
            case "delete folder", _ if place[0]:
                shutil.rmtree(file.parent, ignore_errors=True)
            case "move", (str(), str()) as target:
                if file.exists():
                    self._file(target).parent.mkdir(parents=True, exist_ok=True)
                    file.replace(self._file(target))

    def _file(self, place: tuple[str, str]) -> Path:
        return self.root / place[0] / f"{place[1]}.safetensors"

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        seconds = next(self._seconds)
        os.utime(path, (seconds, seconds))


def scan(storage: MemoryStorage, root: Path) -> ScanReport:
    def tell(phase: ScanPhase, done: int, total: int, current: str | None) -> None:
        assert done <= total

    return Scan(
        storage.models,
        [ModelRoot(ModelKind.LORA, root)],
        clock=SystemClock(),
        tell=tell,
        stopping=lambda: False,
    ).run()


def known(storage: MemoryStorage, *, missing: bool = False) -> list[Model]:
    """Without what a first scan cannot know: ids, and where a moved file was created."""
    found = storage.models.list(ModelQuery(limit=None, missing=missing)).models
    return [evolve(model, id=0, created_at=found[0].created_at) for model in found]


@settings(max_examples=150, deadline=None)
@given(st.lists(changes, max_size=25))
def test_a_scan_after_any_changes_knows_what_a_first_scan_would(
    steps: list[tuple[str, tuple[str, str], int | tuple[str, str]]],
) -> None:
    with TemporaryDirectory() as temporary, MemoryStorage() as storage:
        folder = Folder(Path(temporary, "Lora"))
        for what, place, how in steps:
            if what == "scan":
                scan(storage, folder.root)
            else:
                folder.change(what, place, how)
        report = scan(storage, folder.root)
        with MemoryStorage() as fresh:
            first = scan(fresh, folder.root)
            assert [evolve(m, created_at=known(fresh)[0].created_at) for m in known(storage)] == (
                known(fresh)
            )
        assert report.files == first.files == len(known(storage))
        again = scan(storage, folder.root)
        assert (again.unchanged, again.added, again.changed, again.moved, again.missing) == (
            (first.files, 0, 0, 0, 0)
        )


@settings(max_examples=100, deadline=None)
@given(st.lists(changes, max_size=25))
def test_what_is_there_is_what_is_on_the_disk_and_all_else_is_missing(
    steps: list[tuple[str, tuple[str, str], int | tuple[str, str]]],
) -> None:
    with TemporaryDirectory() as temporary, MemoryStorage() as storage:
        folder = Folder(Path(temporary, "Lora"))
        for what, place, how in steps:
            if what != "scan":
                folder.change(what, place, how)
            scan(storage, folder.root)
            everything = known(storage, missing=True)
            found = folder.root.rglob("*.safetensors")
            on_disk = {path.relative_to(folder.root).as_posix() for path in found}
            assert {model.path for model in everything if not model.missing} == on_disk
            assert len({model.path for model in everything}) == len(everything)
