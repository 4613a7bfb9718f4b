"""What a scan finds, and what it leaves alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

import pytest
from attrs import evolve
from tests.models.catalog.conftest import Library, rewrite

from stablequeue_core.errors import InvalidSettings, ModelNotFound, NoModelFolders
from stablequeue_core.models import Confidence, FileFormat, ModelKind
from stablequeue_core.testing.model_files import flux_checkpoint, sdxl_lora, vector_b, vector_d

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="names that Windows does not know")


def test_models_are_found_with_what_their_headers_tell(library: Library) -> None:
    library.checkpoint("Pony/model_v8.safetensors")
    library.lora("styles/ink.safetensors", sdxl_lora(rank=32))
    report = library.queue.models.scan()
    assert (report.files, report.added, report.problems) == (2, 2, ())
    lora, checkpoint = library.models()
    assert (checkpoint.kind, checkpoint.path) == (ModelKind.CHECKPOINT, "Pony/model_v8.safetensors")
    assert (checkpoint.filename, checkpoint.folder) == ("model_v8.safetensors", "Pony")
    assert checkpoint.format is FileFormat.SAFETENSORS
    assert checkpoint.size == (library.checkpoints / checkpoint.path).stat().st_size
    assert lora.kind is ModelKind.LORA
    assert lora.base_model.label == "SDXL 1.0" or lora.base_model.family.label == "SDXL"
    assert lora.details["rank"] == 32


def test_a_scan_begins_as_soon_as_the_queue_is_opened(library: Library) -> None:
    library.checkpoint("a.safetensors")
    with library.open() as queue:
        assert queue.models.scan().unchanged == 1


def test_the_end_of_a_scan_tells_what_was_found(library: Library) -> None:
    library.checkpoint("a.safetensors")
    library.queue.models.scan()
    finished = [e for e in library.queue.events() if e.kind.value == "models.scan_finished"]
    assert sum(event.data["added"] for event in finished) == 1
    assert finished[-1].data["files"] == 1


def test_a_second_scan_of_unchanged_folders_opens_no_file(library: Library) -> None:
    """What cannot be opened any more is still known, so it was not opened."""
    made = library.checkpoint("a.safetensors")
    library.lora("b.safetensors")
    (library.loras / "b.json").write_text('{"description": "ink"}')
    library.queue.models.scan()
    before = library.models()
    stamp = made.stat()
    made.write_bytes(b"\0" * stamp.st_size)
    os.utime(made, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    report = library.queue.models.scan()
    assert (report.files, report.unchanged, report.changed, report.added) == (2, 2, 0, 0)
    assert [m.details for m in library.models()] == [m.details for m in before]


def test_what_was_found_survives_a_restart(library: Library) -> None:
    library.checkpoint("a.safetensors")
    library.queue.models.scan(hashes=True)
    before = library.models()
    library.close()
    report = library.queue.models.scan()
    assert report.unchanged == 1
    assert library.models() == before


def test_a_file_that_was_written_anew_is_read_anew(library: Library) -> None:
    file = library.checkpoint("a.safetensors")
    library.queue.models.scan(hashes=True)
    (before,) = library.models()
    rewrite(file, flux_checkpoint().content())
    report = library.queue.models.scan()
    (now,) = library.models()
    assert (report.changed, report.added) == (1, 0)
    assert now.id == before.id
    assert now.base_model != before.base_model
    assert now.hashes.sha256 != before.hashes.sha256


def test_a_deleted_file_is_missing_and_never_forgotten(library: Library) -> None:
    file = library.checkpoint("a.safetensors")
    library.queue.models.scan()
    file.unlink()
    report = library.queue.models.scan()
    assert (report.files, report.missing) == (0, 1)
    assert library.names() == []
    (model,) = library.models(missing=True)
    assert model.missing
    assert library.queue.models.get("a.safetensors").missing


def test_a_deleted_folder_makes_its_models_missing(library: Library) -> None:
    library.checkpoint("Pony/a.safetensors")
    library.checkpoint("Pony/deep/b.safetensors")
    library.checkpoint("c.safetensors")
    library.queue.models.scan()
    shutil.rmtree(library.checkpoints / "Pony")
    assert library.queue.models.scan().missing == 2
    assert library.names() == ["c.safetensors"]


def test_a_root_that_is_not_mounted_makes_its_models_missing(library: Library) -> None:
    """The others stay, and nothing has to be read when it comes back."""
    library.checkpoint("a.safetensors")
    library.lora("b.safetensors")
    library.queue.models.scan(hashes=True)
    before = library.models()
    away = library.checkpoints.rename(library.checkpoints.with_name("unmounted"))
    report = library.queue.models.scan()
    assert report.missing == 1
    assert [problem.code for problem in report.problems] == ["root_missing"]
    assert library.names() == ["b.safetensors"]
    away.rename(library.checkpoints)
    report = library.queue.models.scan()
    assert (report.added, report.changed, report.problems) == (1, 0, ())
    assert library.models() == before


def test_an_empty_mount_point_is_asked_about(library: Library) -> None:
    library.checkpoint("a.safetensors").with_suffix(".txt").write_text("x")
    library.queue.models.scan()
    shutil.rmtree(library.checkpoints)
    library.checkpoints.mkdir()
    report = library.queue.models.scan()
    assert (report.missing, [p.code for p in report.problems]) == (1, ["root_empty"])
    assert library.models(missing=True)


def test_a_moved_file_is_recognised(library: Library) -> None:
    """Its id and its hashes go with it; it is not opened."""
    file = library.checkpoint("a.safetensors")
    os.utime(file, ns=(1_700_000_000_123_456_700, 1_700_000_000_123_456_700))
    library.queue.models.scan(hashes=True)
    (before,) = library.models()
    (library.checkpoints / "Pony").mkdir()
    file.rename(library.checkpoints / "Pony" / "renamed.safetensors")
    report = library.queue.models.scan()
    assert (report.moved, report.added, report.missing) == (1, 0, 0)
    (now,) = library.models(missing=True)
    assert now == evolve(before, path="Pony/renamed.safetensors")


def test_another_file_of_the_same_second_and_size_is_not_taken_for_a_moved_one(
    library: Library,
) -> None:
    """Archives know whole seconds only, and LoRAs of one rank have one size."""
    one = library.lora("one.safetensors", fill=b"1")
    os.utime(one, (1_700_000_000, 1_700_000_000))
    library.queue.models.scan(hashes=True)
    (before,) = library.models()
    one.unlink()
    library.queue.models.scan()
    two = library.lora("two.safetensors", fill=b"2")
    os.utime(two, (1_700_000_000, 1_700_000_000))
    library.queue.models.scan(hashes=True)
    (now,) = library.models()
    assert now.hashes.sha256 == hashlib.sha256(two.read_bytes()).hexdigest()
    assert (now.id != before.id, now.size) == (True, before.size)


def test_a_moved_file_is_recognised_at_a_later_scan_too(library: Library) -> None:
    file = library.checkpoint("a.safetensors")
    os.utime(file, ns=(1_700_000_000_123_456_700, 1_700_000_000_123_456_700))
    library.queue.models.scan()
    (before,) = library.models()
    away = file.rename(library.data / "elsewhere")
    library.queue.models.scan()
    away.rename(library.checkpoints / "b.safetensors")
    assert library.queue.models.scan().moved == 1
    assert [(m.id, m.path) for m in library.models()] == [(before.id, "b.safetensors")]


def test_a_copy_in_place_of_a_missing_file_is_recognised_by_its_hash(library: Library) -> None:
    """Copying to another disk gives a file another time."""
    file = library.checkpoint("a.safetensors")
    library.queue.models.scan(hashes=True)
    (before,) = library.models()
    data = file.read_bytes()
    file.unlink()
    copy = library.checkpoints / "copied.safetensors"
    copy.write_bytes(data)
    os.utime(copy, ns=(1_600_000_000_000_000_000, 1_600_000_000_000_000_000))
    library.queue.models.scan(hashes=True)
    (now,) = library.models(missing=True)
    assert (now.id, now.path) == (before.id, "copied.safetensors")


def test_a_missing_checkpoint_is_not_found_again_as_a_lora(library: Library) -> None:
    file = library.checkpoint("a.safetensors")
    library.queue.models.scan(hashes=True)
    data = file.read_bytes()
    file.unlink()
    (library.loras / "a.safetensors").write_bytes(data)
    library.queue.models.scan(hashes=True)
    found = {model.kind.value: model.missing for model in library.models(missing=True)}
    assert found == {"checkpoint": True, "lora": False}


def test_two_copies_of_a_file_are_two_models(library: Library) -> None:
    file = library.checkpoint("a.safetensors")
    shutil.copy2(file, library.checkpoints / "b.safetensors")
    library.queue.models.scan(hashes=True)
    assert library.names() == ["a.safetensors", "b.safetensors"]


def test_every_file_is_hashed_when_that_is_waited_for(library: Library) -> None:
    (library.loras / "b.safetensors").write_bytes(vector_b())
    (library.loras / "d.pt").write_bytes(vector_d())
    library.queue.models.scan(hashes=True)
    b, d = library.models()
    assert (b.hashes.autov2, b.hashes.autov3, b.hashes.autov1) == (
        "863411b2a7",
        "b9c80b5adeca",
        None,
    )
    assert (d.hashes.autov2, d.hashes.autov3) == ("b94d27b993", None)
    assert library.queue.models.status().unhashed == 0


def test_vaes_beside_checkpoints_are_no_checkpoints(library: Library) -> None:
    library.checkpoint("a.safetensors")
    library.checkpoint("a.vae.safetensors")
    (library.checkpoints / "readme.txt").write_text("x")
    library.queue.models.scan()
    assert library.names() == ["a.safetensors"]


def test_other_kinds_are_listed_too(library: Library, tmp_path: Path) -> None:
    for kind in ("vae", "embedding", "upscaler", "controlnet"):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / f"{kind}.safetensors").write_bytes(vector_b())
    dirs = {kind: tmp_path / kind for kind in ("vae", "embedding", "upscaler", "controlnet")}
    with library.open(model_dirs=dirs) as queue:
        queue.models.scan()
        found = {model.filename: model.kind.value for model in queue.models.find().models}
    assert found == {f"{kind}.safetensors": kind for kind in dirs}


def test_a_file_in_the_wrong_folder_is_told(library: Library) -> None:
    library.checkpoint("ink.safetensors", sdxl_lora())
    library.queue.models.scan()
    (model,) = library.models()
    assert [problem.code for problem in model.problems] == ["wrong_folder"]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.safetensors", b"", "empty_file"),
        ("page.safetensors", b"<!DOCTYPE html><html>login</html>", "html_page"),
        ("half.safetensors", vector_b()[:-3], "truncated"),
        ("pointer.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "git_lfs_pointer"),
    ],
)
def test_a_broken_file_is_listed_with_what_it_is(
    library: Library, name: str, data: bytes, code: str
) -> None:
    """And the scan goes on."""
    (library.checkpoints / name).write_bytes(data)
    library.checkpoint("z.safetensors")
    report = library.queue.models.scan()
    assert report.files == 2
    broken, sound = library.models()
    assert [problem.code for problem in broken.problems] == [code]
    assert broken.base_model.confidence is Confidence.UNKNOWN
    assert sound.problems == ()


def test_a_half_copied_file_is_read_again_when_it_is_whole(library: Library) -> None:
    file = library.lora("b.safetensors")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    library.queue.models.scan()
    assert library.models()[0].problems
    rewrite(file, whole)
    library.queue.models.scan()
    assert library.models()[0].problems == ()


def test_names_of_every_kind_come_back_as_they_are(library: Library) -> None:
    names = ["🦊 fox.safetensors", "n" * 240 + ".safetensors", "Zoë [v1] 100%.safetensors"]
    if sys.platform != "win32":
        names += ["two\nlines.safetensors", "back\\slash.safetensors", 'quo"te.safetensors']
    for name in names:
        library.lora(name)
    library.queue.models.scan()
    assert sorted(library.names()) == sorted(names)


@POSIX
def test_a_backslash_in_a_name_is_part_of_it(library: Library) -> None:
    library.lora("b.safetensors").with_suffix(".json").write_text('{"notes": "of b"}')
    library.lora("a\\b.safetensors")
    library.queue.models.scan()
    a, b = library.models()
    assert (a.stem, a.card.notes, b.card.notes) == ("a\\b", None, "of b")
    name = library.queue.models.link_name(a)
    library.queue.models.describe(name, notes="of a")
    notes = {model.path: model.card.notes for model in library.models()}
    assert notes == {"a\\b.safetensors": "of a", "b.safetensors": "of b"}


@POSIX
@pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="nothing is forbidden to root"
)
def test_a_file_that_could_not_be_read_is_tried_again(library: Library) -> None:
    """Its rights have changed, which is seen neither in its size nor in its time."""
    file = library.lora("a.safetensors")
    file.chmod(0)
    library.queue.models.scan(hashes=True)
    assert [problem.code for problem in library.models()[0].problems] == ["unreadable"]
    file.chmod(0o600)
    library.queue.models.scan(hashes=True)
    assert library.models()[0].problems == ()
    assert library.models()[0].hashes.sha256


@POSIX
@pytest.mark.skipif(sys.platform == "darwin", reason="its file system refuses such names")
def test_a_name_that_is_no_text_is_reported(library: Library) -> None:
    path = os.fsencode(library.checkpoints) + b"/\xff\xfe.safetensors"
    with open(path, "wb") as file:
        file.write(vector_b())
    folder = os.fsencode(library.checkpoints) + b"/\xff"
    os.mkdir(folder)
    with open(folder + b"/x.safetensors", "wb") as file:
        file.write(vector_b())
    for _ in range(2):  # it is told each time
        report = library.queue.models.scan()
        assert [problem.code for problem in report.problems] == ["name_not_unicode"] * 2
        assert (report.files, library.names()) == (0, [])


def test_without_folders_there_is_nothing_to_scan(library: Library) -> None:
    with library.open(checkpoints=[], loras=[]) as queue:
        with pytest.raises(NoModelFolders):
            queue.models.scan()
        with pytest.raises(NoModelFolders):
            queue.models.start_scan()


def test_an_empty_name_is_no_folder(library: Library) -> None:
    """It would be the present one, wherever that is."""
    with pytest.raises(InvalidSettings, match="empty"):
        library.open(checkpoints=[""])


def test_a_process_without_folders_lists_what_others_have_found(library: Library) -> None:
    library.checkpoint("a.safetensors")
    library.queue.models.scan()
    with library.open(checkpoints=[], loras=[]) as other:
        assert [model.path for model in other.models.find().models] == ["a.safetensors"]


def test_a_process_with_folders_lists_only_theirs(library: Library) -> None:
    library.checkpoint("a.safetensors")
    library.lora("b.safetensors")
    library.queue.models.scan()
    with library.open(loras=[]) as other:
        assert [model.path for model in other.models.find().models] == ["a.safetensors"]
        with pytest.raises(ModelNotFound):
            other.models.get("b.safetensors")


def test_two_processes_scan_one_after_the_other(library: Library) -> None:
    for number in range(20):
        library.checkpoint(f"{number}.safetensors")
    with library.open() as one, library.open() as other:
        reports = [one.models.scan(), other.models.scan()]
    assert [report.files for report in reports] == [20, 20]
    assert len(library.names()) == 20
