"""Single models, looked at between scans: somebody wrote beside them, or put them there."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from attrs import evolve
from filelock import FileLock
from tests.models.catalog.conftest import Library, rewrite

from stablequeue_core.errors import ModelNotFound, QueueClosed
from stablequeue_core.models import Hashes, HashSource, Model
from stablequeue_core.models.scanning.keeper import LOCK

SHA256 = "ab" * 32


def put(library: Library, *names: str) -> list[Model]:
    """LoRAs that are in the catalogue, by name."""
    for name in names:
        library.lora(name, fill=name.encode())
    library.queue.models.scan()
    return list(library.models())


def describe(library: Library, name: str, description: str) -> None:
    (library.loras / name).write_text(json.dumps({"description": description}))


def test_what_was_written_beside_models_is_read_without_a_scan(library: Library) -> None:
    models = put(library, "a.safetensors", "deep/b.safetensors", "c.safetensors")
    describe(library, "a.json", "of a")
    describe(library, "deep/b.json", "of b")
    describe(library, "c.json", "of c")
    scans = library.kinds_of_events().count("models.scan_started")
    looked = library.queue.models.look_again([models[1], models[0]])
    assert [model.card.description for model in looked] == ["of b", "of a"]
    assert [model.card.description for model in library.models()] == ["of a", "of b", None]
    assert library.kinds_of_events().count("models.scan_started") == scans


def test_the_next_scan_finds_those_as_they_are_and_the_others_changed(library: Library) -> None:
    models = put(library, "a.safetensors", "b.safetensors")
    describe(library, "a.json", "of a")
    describe(library, "b.json", "of b")
    library.queue.models.look_again([models[0]])
    report = library.queue.models.scan()
    assert (report.changed, report.unchanged) == (1, 1)


def test_a_second_look_keeps_what_is_known_of_the_file(library: Library) -> None:
    put(library, "a.safetensors")
    library.queue.models.scan(hashes=True)
    (before,) = library.models()
    describe(library, "a.json", "of a")
    (after,) = library.queue.models.look_again([before])
    assert (after.id, after.hashes, after.base_model) == (
        before.id,
        before.hashes,
        before.base_model,
    )


def test_a_file_that_was_replaced_is_read_again_and_its_hash_forgotten(library: Library) -> None:
    put(library, "a.safetensors")
    library.queue.models.scan(hashes=True)
    (before,) = library.models()
    rewrite(library.loras / "a.safetensors", b"no model")
    (after,) = library.queue.models.look_again([before])
    assert (after.id, after.size, after.hashes.sha256) == (before.id, 8, None)


def test_a_file_that_is_gone_is_missing(library: Library) -> None:
    models = put(library, "a.safetensors", "b.safetensors")
    (library.loras / "a.safetensors").unlink()
    looked = library.queue.models.look_again(models)
    assert [model.missing for model in looked] == [True, False]
    assert library.names() == ["b.safetensors"]
    library.lora("a.safetensors", fill=b"a.safetensors")
    library.queue.models.scan()
    assert library.names() == ["a.safetensors", "b.safetensors"]


def test_a_model_that_nobody_knows_any_more_comes_back_as_it_was_given(library: Library) -> None:
    (model,) = put(library, "a.safetensors")
    unknown = evolve(model, id=999, path="x")
    assert library.queue.models.look_again([unknown]) == [unknown]
    assert library.queue.models.look_again([]) == []


def test_a_second_look_waits_for_a_scan_in_another_process(library: Library) -> None:
    """Else the scan could write down what it had read before."""
    (model,) = put(library, "a.safetensors")
    describe(library, "a.json", "of a")
    with ThreadPoolExecutor(1) as pool:
        with FileLock(library.data / LOCK):
            looking = pool.submit(library.queue.models.look_again, [model])
            assert not wait([looking], timeout=0.3).done
        (looked,) = looking.result(timeout=10)
    assert looked.card.description == "of a"


def test_a_second_look_that_waits_ends_with_the_queue(library: Library) -> None:
    (model,) = put(library, "a.safetensors")
    look_again = library.queue.models.look_again
    with ThreadPoolExecutor(1) as pool, FileLock(library.data / LOCK):
        looking = pool.submit(look_again, [model])
        library.close()
        with pytest.raises(QueueClosed):
            looking.result(timeout=10)


def test_a_file_is_hashed_now_for_whoever_needs_its_hash(library: Library) -> None:
    (model,) = put(library, "a.safetensors")
    hashed, sha256 = library.queue.models.hashed(model)
    assert hashed.hashes.sha256 == sha256
    assert hashed.hashes.source is HashSource.COMPUTED
    assert hashed.hashes.autov3
    assert library.models() == (hashed,)
    again, _ = library.queue.models.hashed(model)
    assert again == hashed


def test_a_file_that_is_not_there_cannot_be_hashed(library: Library) -> None:
    (model,) = put(library, "a.safetensors")
    (library.loras / "a.safetensors").unlink()
    with pytest.raises(ModelNotFound):
        library.queue.models.hashed(model)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_folder_that_became_a_link_to_elsewhere_is_not_written_into(library: Library) -> None:
    (model,) = put(library, "deep/a.safetensors")
    outside = library.data / "outside"
    (library.loras / "deep").rename(outside)
    (library.loras / "deep").symlink_to(outside, target_is_directory=True)
    with pytest.raises(ModelNotFound, match="link to another place"):
        library.queue.models.hashed(model)


def test_a_new_file_is_taken_in_with_the_hashes_that_were_computed(library: Library) -> None:
    put(library, "a.safetensors")
    library.lora("deep/new.safetensors")
    describe(library, "deep/new.json", "fresh")
    hashes = Hashes(sha256=SHA256, source=HashSource.COMPUTED)
    taken = library.queue.models.take_in(str(library.loras), "deep/new.safetensors", hashes)
    assert taken is not None
    assert (taken.hashes.sha256, taken.card.description) == (SHA256, "fresh")
    assert library.names() == ["a.safetensors", "deep/new.safetensors"]
    report = library.queue.models.scan(hashes=True)
    assert (report.added, report.changed) == (0, 0)
    assert library.queue.models.get("new.safetensors").hashes.sha256 == SHA256


def test_a_new_file_that_lay_here_once_gets_its_id_back(library: Library) -> None:
    put(library, "a.safetensors")
    library.queue.models.scan(hashes=True)
    (before,) = library.models()
    (library.loras / "a.safetensors").unlink()
    library.queue.models.scan()
    library.lora("again.safetensors", fill=b"a.safetensors")
    taken = library.queue.models.take_in(str(library.loras), "again.safetensors", before.hashes)
    assert taken is not None
    assert taken.id == before.id
    assert [model.path for model in library.models(missing=True)] == ["again.safetensors"]


def test_what_is_no_file_of_ours_is_not_taken_in(library: Library) -> None:
    hashes = Hashes(sha256=SHA256)
    take_in = library.queue.models.take_in
    assert take_in(str(library.loras), "nowhere.safetensors", hashes) is None
    assert take_in(str(library.loras), "no folder/x.safetensors", hashes) is None
    library.lora("x.safetensors")
    assert take_in(str(library.data), "x.safetensors", hashes) is None
