"""Forge's own file: only what was asked is changed, and nothing is ever lost or half written."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.models.files.sidecars.beside import RECORDINGS, Folder

from stablequeue_core.errors import SidecarNotWritten
from stablequeue_core.models.files.sidecars import write_forge_json

posix_only = pytest.mark.skipif(os.name == "nt", reason="POSIX rules")
linux_only = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")

keys = st.sampled_from(["notes", "description", "preferred weight"]) | st.text()
json_values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


class Shelf:
    """A folder with one model file, and the locks elsewhere."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "loras"
        self.folder.mkdir()
        self.locks = root / "data" / "locks"
        self.model = self.folder / "x.v2.safetensors"
        self.sidecar = self.folder / "x.v2.json"

    def write(self, changes: Mapping[str, object]) -> None:
        write_forge_json(self.model, changes, self.locks)

    @property
    def content(self) -> Any:
        """What Forge would read."""
        return json.loads(self.sidecar.read_text(encoding="utf-8"))

    @property
    def files(self) -> list[str]:
        """All that lies beside the model, hidden files included."""
        return sorted(entry.name for entry in self.folder.iterdir())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_a_new_file_is_written_as_forge_writes_it(shelf: Shelf) -> None:
    shelf.write({"description": "weich, café", "preferred weight": 0.8})
    assert shelf.sidecar.read_bytes().decode() == (
        '{\n    "description": "weich, café",\n    "preferred weight": 0.8\n}'
    )


def test_nothing_else_is_left_in_the_models_folder(shelf: Shelf) -> None:
    shelf.write({"notes": "a"})
    shelf.write({"notes": "b"})
    assert shelf.files == ["x.v2.json"]


def test_only_the_given_keys_change_and_the_order_stays(shelf: Shelf) -> None:
    recorded = json.loads((RECORDINGS / "forge_and_browser_plus.json").read_bytes())
    before = recorded | {"a tool's own": {"deep": [1, None, "é"]}, "null": None}
    shelf.sidecar.write_text(json.dumps(before))
    shelf.write({"description": "mine", "notes": "new"})
    assert list(shelf.content.items()) == list(
        (before | {"description": "mine", "notes": "new"}).items()
    )


def test_a_value_of_none_removes_its_key(shelf: Shelf) -> None:
    shelf.write({"notes": "a", "description": "b"})
    shelf.write({"notes": None, "never there": None})
    assert shelf.content == {"description": "b"}


def test_a_change_that_changes_nothing_does_not_touch_the_file(shelf: Shelf) -> None:
    shelf.sidecar.write_text('{"preferred weight": 1}')
    before = shelf.sidecar.stat()
    shelf.write({"preferred weight": 1, "notes": None})
    after = shelf.sidecar.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    shelf.write({"preferred weight": 1.0})
    assert shelf.sidecar.read_text() == '{\n    "preferred weight": 1.0\n}'


def test_no_file_is_made_to_hold_nothing(shelf: Shelf) -> None:
    shelf.write({"notes": None})
    assert shelf.files == []


def test_what_was_written_is_read_back(folder: Folder, tmp_path: Path) -> None:
    write_forge_json(
        folder.path / "inkWash_v3.safetensors",
        {
            "description": "two\nlines, 🦊",
            "notes": "a < b",
            "activation text": "inkwash style, sumi-e",
            "negative text": "photo",
            "preferred weight": -0.5,
        },
        tmp_path / "locks",
    )
    card = folder.card
    assert (card.description, card.notes) == ("two\nlines, 🦊", "a < b")
    assert card.trigger_words == ("inkwash style", "sumi-e")
    assert (card.negative_text, card.preferred_weight) == ("photo", -0.5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    before=st.dictionaries(keys, st.none() | json_values, max_size=4),
    several=st.lists(st.dictionaries(keys, st.none() | json_values, max_size=3), max_size=4),
)
def test_any_sequence_of_writes_keeps_all_that_it_does_not_name(
    shelf: Shelf, before: dict[str, Any], several: list[dict[str, Any]]
) -> None:
    shelf.sidecar.write_text(json.dumps(before))
    expected = dict(before)
    for changes in several:
        shelf.write(changes)
        expected |= changes
        for key in [key for key, value in changes.items() if value is None]:
            del expected[key]
    assert list(shelf.content.items()) == list(expected.items())


@pytest.mark.parametrize(
    "text",
    [
        '{"half a pair": "\\ud800"}',
        '{"number": NaN, "other": -Infinity}',
        '{"digits": 123456789012345678901234567890123456789012345678901234567890}',
    ],
)
def test_odd_values_of_others_stay(shelf: Shelf, text: str) -> None:
    shelf.sidecar.write_text(text)
    shelf.write({"notes": "new"})
    assert repr(shelf.content) == repr(json.loads(text) | {"notes": "new"})


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "not valid JSON"),
        (b'{"notes": "half', "not valid JSON"),
        (b"[]", "no object"),
        (b'{"a": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"notes": "caf\xe9"}', "not UTF-8"),
        (b" " * (8 * 2**20 + 1), "more than 8 MiB"),
    ],
)
def test_a_broken_file_is_never_overwritten(shelf: Shelf, content: bytes, what: str) -> None:
    shelf.sidecar.write_bytes(content)
    with pytest.raises(SidecarNotWritten, match=what) as caught:
        shelf.write({"notes": "new"})
    assert shelf.sidecar.read_bytes() == content
    assert "Repair or delete it" in caught.value.message
    assert shelf.files == ["x.v2.json"]


@posix_only
def test_a_link_is_never_replaced_and_nothing_is_written_through_it(shelf: Shelf) -> None:
    elsewhere = shelf.folder.parent / "elsewhere.json"
    elsewhere.write_text("{}")
    shelf.sidecar.symlink_to(elsewhere)
    with pytest.raises(SidecarNotWritten, match="is a link"):
        shelf.write({"notes": "new"})
    assert shelf.sidecar.is_symlink()
    assert elsewhere.read_text() == "{}"


@posix_only
def test_the_rights_of_the_file_stay(shelf: Shelf) -> None:
    shelf.sidecar.write_text("{}")
    shelf.sidecar.chmod(0o640)
    shelf.write({"notes": "new"})
    assert shelf.sidecar.stat().st_mode & 0o777 == 0o640


def test_a_name_as_long_as_a_name_may_be_can_be_written(shelf: Shelf) -> None:
    name = "x" * 250
    write_forge_json(shelf.folder / f"{name}.sft", {"notes": "new"}, shelf.locks)
    assert shelf.files == [f"{name}.json"]


def test_a_folder_that_went_away_is_said_without_its_path(shelf: Shelf) -> None:
    shelf.folder.rmdir()
    with pytest.raises(SidecarNotWritten, match="model folder exists") as caught:
        shelf.write({"notes": "new"})
    assert str(shelf.folder.parent) not in caught.value.message


def test_a_folder_with_the_name_of_the_file_is_said(shelf: Shelf) -> None:
    shelf.sidecar.mkdir()
    with pytest.raises(
        SidecarNotWritten, match=r"'x\.v2\.json' is no regular file, so it was left"
    ):
        shelf.write({"notes": "new"})


@linux_only
def test_a_folder_that_may_not_be_written_to_is_said(shelf: Shelf) -> None:
    """Not even root may write into this one."""
    with pytest.raises(SidecarNotWritten, match="may be written to"):
        write_forge_json(Path("/proc/self/x.safetensors"), {"notes": "new"}, shelf.locks)


def test_a_place_for_locks_that_cannot_be_made_is_said(shelf: Shelf) -> None:
    shelf.locks.parent.write_text("a file")
    with pytest.raises(SidecarNotWritten, match="could not be written"):
        shelf.write({"notes": "new"})
    assert shelf.files == []


def write_with_little_room(root: str, told: Any) -> None:
    """What a process does that may write no file of more than 4 KiB."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    folder = Path(root)
    try:
        write_forge_json(
            folder / "x.safetensors", {"notes": "n" * 10_000}, folder.with_name("locks")
        )
    except SidecarNotWritten as error:
        told.put(error.message)


@posix_only
def test_a_write_that_runs_out_of_room_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "loras"
    folder.mkdir()
    (folder / "x.json").write_text('{"notes": "old"}')
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    process = context.Process(target=write_with_little_room, args=(str(folder), told))
    process.start()
    message = told.get(timeout=60)
    process.join(60)
    assert "'x.json' could not be written" in message
    assert [entry.name for entry in folder.iterdir()] == ["x.json"]
    assert (folder / "x.json").read_text() == '{"notes": "old"}'


ROUNDS = 25


def write_own_keys(root: str, name: str, gate: Any) -> None:
    """What a process does that writes other keys than its neighbour, at the same time."""
    shelf = Path(root)
    gate.wait(60)
    for number in range(ROUNDS):
        write_forge_json(
            shelf / "loras" / "x.v2.safetensors", {f"{name} {number}": number}, shelf / "locks"
        )


def test_two_processes_that_write_at_once_lose_nothing(shelf: Shelf) -> None:
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(2)
    root = str(shelf.folder.parent)
    processes = [
        context.Process(target=write_own_keys, args=(root, name, gate)) for name in ("one", "two")
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(90)
        assert process.exitcode == 0
    assert shelf.content == {
        f"{name} {number}": number for name in ("one", "two") for number in range(ROUNDS)
    }
    assert shelf.files == ["x.v2.json"]


def test_who_holds_the_lock_for_too_long_is_not_waited_for(shelf: Shelf) -> None:
    shelf.write({"notes": "old"})
    [lock] = shelf.locks.iterdir()
    with FileLock(lock), pytest.raises(SidecarNotWritten, match="another process"):
        write_forge_json(shelf.model, {"notes": "new"}, shelf.locks, patience=0)
    assert shelf.content == {"notes": "old"}
