"""FolderImageStore: all or nothing, nothing half-written, nothing but pictures within reach."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stablequeue_core.errors import DiskFull, ImageNotFound, ImageStoreError
from stablequeue_core.generation.image import ImageFormat
from stablequeue_core.images import picture_name
from stablequeue_core.images.folder import FolderImageStore
from stablequeue_core.testing.full_disk import FullDiskImageStore

JOB = "8861f4e4-3a5c-4be1-9a55-0f6c9d3a3c11"
START = datetime(2025, 5, 14, 2, 34, 48, 985000, tzinfo=UTC)
NAME = "8861f4e4_1747190088985_00000-42.png"
TEMPORARY = f".{NAME}.0123456789abcdef.tmp"

posix_only = pytest.mark.skipif(os.name == "nt", reason="POSIX rules")


def name_of(index: int, *, job: str = JOB, start: datetime = START) -> str:
    return picture_name(job, start, index, 42, ImageFormat.PNG)


def content(folder: Path) -> dict[str, bytes]:
    """Everything in the folder, hidden files included."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def store(tmp_path: Path) -> FolderImageStore:
    return FolderImageStore(tmp_path)


def failing(error: int, *, after: int = 0) -> Callable[..., Any]:
    """A system call that works so many times, then fails."""
    left = [after]

    def call(*args: Any, **kwargs: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(error, os.strerror(error), "/a/path/of/the/machine")

    return call


def test_a_saved_picture_can_be_found(store: FolderImageStore, tmp_path: Path) -> None:
    store.save(NAME, b"picture")
    assert store.path(NAME) == tmp_path / NAME
    assert content(tmp_path) == {NAME: b"picture"}


def test_the_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    store = FolderImageStore(tmp_path / "a" / "b")
    store.save(NAME, b"picture")
    assert store.folder == tmp_path / "a" / "b"
    assert store.path(NAME).read_bytes() == b"picture"


def test_a_relative_folder_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = FolderImageStore("images")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.save(NAME, b"picture")
    assert (tmp_path / "images" / NAME).exists()


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ImageStoreError, match="image folder") as caught:
        FolderImageStore(tmp_path / "file" / "images")
    assert str(tmp_path) not in caught.value.message


def test_pictures_are_saved_all_or_none(store: FolderImageStore, tmp_path: Path) -> None:
    store.save(name_of(2), b"old")
    pictures = [(name_of(index), b"new") for index in range(4)]
    with pytest.raises(ImageStoreError, match="taken"):
        store.save_all(pictures)
    assert content(tmp_path) == {name_of(2): b"old"}


def test_nothing_is_saved_from_nothing(store: FolderImageStore, tmp_path: Path) -> None:
    store.save_all([])
    assert content(tmp_path) == {}


def test_a_name_twice_in_one_call_is_taken(store: FolderImageStore, tmp_path: Path) -> None:
    with pytest.raises(ImageStoreError, match="taken"):
        store.save_all([(NAME, b"one"), (NAME, b"two")])
    assert content(tmp_path) == {}


@pytest.mark.parametrize("name", ["../x.png", "x.png", TEMPORARY, "", NAME + "\n", "a/" + NAME])
def test_only_names_of_pictures_are_saved(
    store: FolderImageStore, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ValueError, match="not the name of a picture"):
        store.save_all([(NAME, b"fine"), (name, b"bad")])
    assert content(tmp_path) == {}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize(("call", "after"), [("fsync", 0), ("fsync", 1), ("fsync", 3)])
def test_a_full_disk_leaves_nothing_behind(
    store: FolderImageStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: int,
    call: str,
    after: int,
) -> None:
    if after == 3 and os.name == "nt":
        pytest.skip("the fourth one is that of the folder, which Windows cannot sync")
    monkeypatch.setattr(os, call, failing(error, after=after))
    with pytest.raises(DiskFull):
        store.save_all([(name_of(index), b"picture") for index in range(3)])
    assert content(tmp_path) == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_really_full_disk_is_recognised(
    store: FolderImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str, mode: str) -> Any:
        return real_open("/dev/full", "wb")

    real_open = open
    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(DiskFull):
        store.save(NAME, b"picture")
    monkeypatch.undo()
    assert content(tmp_path) == {}


def test_another_failure_is_explained_without_a_path(
    store: FolderImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(ImageStoreError, match=os.strerror(errno.EIO)) as caught:
        store.save(NAME, b"picture")
    assert not isinstance(caught.value, DiskFull)
    assert "machine" not in caught.value.message
    assert content(tmp_path) == {}


def test_a_folder_that_vanished_is_explained(store: FolderImageStore, tmp_path: Path) -> None:
    tmp_path.rmdir()
    with pytest.raises(ImageStoreError, match="Check that the image folder exists"):
        store.save(NAME, b"picture")


@posix_only
@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_hard_links_will_do(
    store: FolderImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    monkeypatch.setattr(os, "link", failing(error))
    store.save(NAME, b"picture")
    with pytest.raises(ImageStoreError, match="taken"):
        store.save(NAME, b"another")
    assert content(tmp_path) == {NAME: b"picture"}


@posix_only
def test_the_bytes_are_on_disk_before_the_name_and_the_name_before_the_return(
    store: FolderImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        kind = "folder" if os.path.isdir(f"/dev/fd/{descriptor}") else "file"
        seen.append((kind, sorted(name for name in os.listdir(tmp_path) if name[0] != ".")))
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store.save_all([(name_of(0), b"one"), (name_of(1), b"two")])
    both = [name_of(0), name_of(1)]
    assert [names for _, names in seen] == [[], [], both]


def test_one_of_many_writers_of_a_name_wins(store: FolderImageStore, tmp_path: Path) -> None:
    def write(number: int) -> bool:
        try:
            store.save(NAME, bytes([number]) * 1000)
        except ImageStoreError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 1
    (data,) = content(tmp_path).values()
    assert len(set(data)) == 1
    assert len(data) == 1000


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../secret.png",
        "..%2fsecret.png",
        "..\\secret.png",
        "sub/" + NAME,
        "sub\\" + NAME,
        "/etc/passwd",
        "C:" + NAME,
        "C:\\" + NAME,
        NAME + "\0",
        NAME + "\0.png",
        NAME + "\n",
        NAME + " ",
        NAME + ".",
        NAME + "::$DATA",
        NAME.upper(),
        "CON",
        "NUL.png",
        ".hidden",
        TEMPORARY,
        "secret.png",
        "８８６１f4e4_1747190088985_00000-42.png",
        NAME.replace("00000", "0000"),
    ],
)
def test_nothing_but_pictures_is_within_reach(
    store: FolderImageStore, tmp_path: Path, name: str
) -> None:
    (tmp_path / "sub").mkdir()
    for each in (NAME, TEMPORARY, "secret.png", ".hidden", f"sub/{NAME}"):
        (tmp_path / each).write_bytes(b"here")
    with pytest.raises(ImageNotFound):
        store.path(name)


@given(name=st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_finds_what_is_no_picture(store: FolderImageStore, name: str) -> None:
    with pytest.raises(ImageNotFound):
        store.path(name)


def test_a_folder_with_the_name_of_a_picture_is_none(
    store: FolderImageStore, tmp_path: Path
) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(ImageNotFound):
        store.path(NAME)


@posix_only
@pytest.mark.parametrize("target", ["/etc/passwd", "real.png", "nowhere"])
def test_a_link_is_no_picture(store: FolderImageStore, tmp_path: Path, target: str) -> None:
    (tmp_path / "real.png").write_bytes(b"here")
    (tmp_path / NAME).symlink_to(target)
    with pytest.raises(ImageNotFound):
        store.path(NAME)
    store.discard([NAME])
    assert content(tmp_path) == {"real.png": b"here"}


def test_pictures_are_discarded_and_nothing_else(store: FolderImageStore, tmp_path: Path) -> None:
    store.save_all([(name_of(0), b"0"), (name_of(1), b"1")])
    (tmp_path / "notes.txt").write_bytes(b"keep")
    store.discard([name_of(0), name_of(7), "notes.txt", "../notes.txt", ""])
    assert content(tmp_path) == {name_of(1): b"1", "notes.txt": b"keep"}


def test_a_picture_that_cannot_be_deleted_is_reported(
    store: FolderImageStore, tmp_path: Path
) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(ImageStoreError, match="could not be deleted"):
        store.discard([NAME])


def test_what_a_broken_attempt_left_is_discarded(store: FolderImageStore, tmp_path: Path) -> None:
    other_job = "0" + JOB[1:]
    later = START + timedelta(milliseconds=1)
    kept = [name_of(0, job=other_job), name_of(0, start=later)]
    store.save_all([(name, b"") for name in (name_of(0), name_of(1), *kept)])
    (tmp_path / TEMPORARY).write_bytes(b"half")
    assert store.discard_attempt(JOB, START) == 3
    assert store.discard_attempt(JOB, START) == 0
    assert sorted(content(tmp_path)) == sorted(kept)


def test_leftovers_of_dead_writers_are_swept(tmp_path: Path) -> None:
    old = time.time() - 3700
    for name in (TEMPORARY, NAME, ".mine.tmp", f".{NAME}.tmp", ".x.0123456789abcdef.tmp"):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (old, old))
    young = TEMPORARY.replace("0123", "4567")
    (tmp_path / young).write_bytes(b"")
    FolderImageStore(tmp_path)
    assert TEMPORARY not in content(tmp_path)
    assert {NAME, ".mine.tmp", f".{NAME}.tmp", ".x.0123456789abcdef.tmp", young} == set(
        content(tmp_path)
    )


@posix_only
def test_a_writer_killed_at_any_moment_leaves_no_half_picture(tmp_path: Path) -> None:
    code = (
        "import sys, itertools\n"
        "from stablequeue_core.images.folder import FolderImageStore\n"
        "store = FolderImageStore(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "for number in itertools.count():\n"
        "    store.save(f'8861f4e4_{number}_00000-42.png', b'x' * 300_000)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        while len(list(tmp_path.glob("8861*"))) < 20:
            time.sleep(0.005)
        writer.kill()
    sizes = {path.stat().st_size for path in tmp_path.glob("8861*")}
    assert sizes == {300_000}


def test_a_full_disk_store_refuses_until_it_is_freed(tmp_path: Path) -> None:
    store = FullDiskImageStore(FolderImageStore(tmp_path))
    assert store.folder == tmp_path
    with pytest.raises(DiskFull):
        store.save(NAME, b"picture")
    store.free()
    store.save(NAME, b"picture")
    store.fill()
    with pytest.raises(DiskFull):
        store.save(name_of(1), b"picture")
    assert store.path(NAME).read_bytes() == b"picture"
    store.discard([name_of(1)])
    assert store.discard_attempt(JOB, START) == 1


def test_a_broken_attempt_at_one_part_of_a_job_leaves_the_other_parts_alone(
    store: FolderImageStore, tmp_path: Path
) -> None:
    """Two servers may begin parts of one job in the same millisecond."""
    names = [name_of(index) for index in range(6)]
    store.save_all([(name, b"") for name in names])

    assert store.discard_attempt(JOB, START, range(2, 4)) == 2
    assert sorted(content(tmp_path)) == [*names[:2], *names[4:]]
