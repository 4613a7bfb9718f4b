"""A walk lists names, sizes and times, keeps to its root, and always comes to an end."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from stablequeue_core.models.scanning.walking import Walk

LINKS = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX file system")


def put(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def files_of(walk: Walk) -> dict[str, set[str]]:
    return {listing.folder: {name for name, _, _ in listing.files} for listing in walk}


def test_every_folder_is_listed_with_forward_slashes(tmp_path: Path) -> None:
    put(tmp_path / "a.safetensors")
    put(tmp_path / "Pony" / "styles" / "b.safetensors")
    assert files_of(Walk(tmp_path)) == {
        "": {"a.safetensors"},
        "Pony": set(),
        "Pony/styles": {"b.safetensors"},
    }


def test_a_file_comes_with_its_size_and_its_time(tmp_path: Path) -> None:
    file = put(tmp_path / "a.safetensors", b"12345")
    os.utime(file, ns=(1, 1_700_000_000_123_456_700))
    ((entry,),) = [listing.files for listing in Walk(tmp_path)]
    assert entry == ("a.safetensors", 5, file.stat().st_mtime_ns)


def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Its models must not be taken for deleted."""
    with pytest.raises(OSError):
        list(Walk(tmp_path / "unmounted"))


def test_a_root_below_another_one_is_left_to_itself(tmp_path: Path) -> None:
    put(tmp_path / "Lora" / "a.safetensors")
    put(tmp_path / "b.safetensors")
    walk = Walk(tmp_path, others=[tmp_path, tmp_path / "Lora"])
    assert files_of(walk) == {"": {"b.safetensors"}}


@LINKS
def test_a_link_to_a_file_of_the_root_is_a_file(tmp_path: Path) -> None:
    put(tmp_path / "a.safetensors", b"12345")
    (tmp_path / "same.safetensors").symlink_to("a.safetensors")
    ((*entries,),) = [listing.files for listing in Walk(tmp_path)]
    assert {name: size for name, size, _ in entries} == {"a.safetensors": 5, "same.safetensors": 5}


@LINKS
def test_links_that_leave_the_root_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(tmp_path / "elsewhere" / "secret.safetensors")
    put(root / "a.safetensors")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    (root / "b.safetensors").symlink_to(tmp_path / "elsewhere" / "secret.safetensors")
    walk = Walk(root)
    assert files_of(walk) == {"": {"a.safetensors"}}
    problems = {problem.path: problem.code for problem in walk.problems}
    assert problems == {"out": "link_leaves_root", "b.safetensors": "link_leaves_root"}


@LINKS
def test_loops_of_links_end(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.safetensors")
    put(tmp_path / "b" / "y.safetensors")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "to-b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to-a").symlink_to(tmp_path / "a")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    walk = Walk(tmp_path)
    listed = [name for names in files_of(walk).values() for name in names]
    assert {"x.safetensors", "y.safetensors"} == set(listed)
    assert len(listed) <= 6
    assert ("self", "broken_link") in [(problem.path, problem.code) for problem in walk.problems]


@LINKS
def test_a_broken_link_is_reported(tmp_path: Path) -> None:
    (tmp_path / "gone.safetensors").symlink_to(tmp_path / "nowhere")
    walk = Walk(tmp_path)
    assert files_of(walk) == {"": set()}
    assert [problem.code for problem in walk.problems] == ["broken_link"]


@POSIX
@pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="nothing is forbidden to root"
)
def test_a_folder_that_may_not_be_listed_is_not_seen(tmp_path: Path) -> None:
    put(tmp_path / "locked" / "a.safetensors")
    (tmp_path / "locked").chmod(0)
    walk = Walk(tmp_path)
    try:
        assert files_of(walk) == {"": set()}
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert not walk.has_seen("locked")
    assert not walk.has_seen("locked/below")
    assert walk.has_seen("lockedaway")


@POSIX
def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    """Whoever opens a pipe waits for ever."""
    os.mkfifo(tmp_path / "pipe.safetensors")
    walk = Walk(tmp_path)
    assert files_of(walk) == {"": set()}
    assert [(problem.path, problem.code) for problem in walk.problems] == [
        ("pipe.safetensors", "no_file")
    ]


def test_files_that_come_and_go_lose_nothing_else(tmp_path: Path) -> None:
    """As every download has one; the folder is still there."""
    for number in range(300):
        put(tmp_path / f"{number}.safetensors")
    finished = threading.Event()

    def come_and_go() -> None:
        while not finished.is_set():
            put(tmp_path / "download.part").unlink()

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        for _ in range(50):
            names = files_of(Walk(tmp_path))[""]
            assert len(names - {"download.part"}) == 300
    finally:
        finished.set()
        other.join()


def test_a_folder_that_changes_while_it_is_walked_through(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put(tmp_path / name / "x.safetensors")
    walk = iter(Walk(tmp_path))
    next(walk)
    for name in ("a", "b"):
        (tmp_path / name / "x.safetensors").unlink()
        (tmp_path / name).rmdir()
    assert [listing.folder for listing in walk] == ["c"]
