"""One model, brought up to date: found by id, by hash, by its tensors, or by a certain name."""

from __future__ import annotations

import pytest
from tests.civitai.library import (
    Library,
    a_file,
    a_picture,
    at_civitai,
    lora,
    sha256_of,
)

from stablequeue_core.civitai.library.refreshing import FoundBy
from stablequeue_core.errors import (
    CivitaiNotFound,
    CivitaiUnavailable,
    ModelNotFound,
    NotIdentified,
    SidecarNotWritten,
)
from stablequeue_core.models import Confidence, HashSource
from stablequeue_core.testing.civitai_simulator import Fault, SimulatedModel, SimulatedVersion
from stablequeue_core.testing.model_files import sdxl_lora

INK = "ink.safetensors"
NOBODYS = {"SHA256": "AB" * 32}
"""What Civitai says of a file that has another hash, or was scanned wrongly."""


def test_a_model_that_nobody_knows_is_found_by_its_hash(library: Library) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file("else.safetensors", lora(INK))))
    refreshed = library.refresher.refresh(library.model(INK))
    assert (refreshed.version_id, refreshed.model_id) == (5, 50)
    assert refreshed.found_by is FoundBy.HASH
    assert refreshed.updated_at == library.clock.now()
    assert refreshed.problems == ()


def test_the_catalogue_has_it_at_once_without_a_scan(library: Library) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file(INK), pictures=[a_picture(1)]))
    refreshed = library.refresher.refresh(library.model(INK))
    (known,) = library.models
    assert refreshed.model == known
    assert (known.card.name, known.card.version_id) == ("Ink Wash", 5)
    assert (known.base_model.name, known.base_model.confidence) == ("Pony", Confidence.CONFIRMED)
    assert known.card.sources[:2] == ("forge_json", "civitai_api")
    assert known.previews == refreshed.previews == ("ink.jpg",)
    assert library.queue.models.scan().changed == 0


def test_a_file_that_nobody_has_hashed_is_hashed_now_and_the_hash_is_kept(
    library: Library,
) -> None:
    library.put(INK)
    model = library.model(INK, hashed=False)
    library.civitai.world.add(at_civitai(5, a_file(INK)))
    library.refresher.refresh(model)
    (known,) = library.models
    assert known.hashes.sha256 == sha256_of(lora(INK))
    assert known.hashes.source is HashSource.COMPUTED


def test_the_id_beside_the_model_is_taken_if_civitai_lists_this_very_file_there(
    library: Library,
) -> None:
    library.put(INK)
    library.write("ink.civitai.json", {"modelVersionId": 6})
    library.civitai.world.add(at_civitai(5, a_file(INK)), at_civitai(6, a_file(INK)))
    refreshed = library.refresher.refresh(library.model(INK))
    assert (refreshed.version_id, refreshed.found_by) == (6, FoundBy.ID)
    assert library.asked == ["GET /model-versions/6", "GET /models/60"]


def test_the_hash_is_better_evidence_than_an_id_that_was_left_beside_the_model(
    library: Library,
) -> None:
    library.put(INK)
    library.write("ink.civitai.json", {"modelVersionId": 6})
    library.civitai.world.add(at_civitai(5, a_file(INK)), at_civitai(6, a_file("other")))
    refreshed = library.refresher.refresh(library.model(INK))
    assert (refreshed.version_id, refreshed.found_by) == (5, FoundBy.HASH)


def test_a_wrong_hash_at_civitai_does_not_lose_a_model_that_is_known_by_its_id(
    library: Library,
) -> None:
    """Hashes at Civitai can be wrong; but then nothing confirms the base model."""
    library.put(INK)
    library.write("ink.civitai.json", {"modelVersionId": 5})
    library.civitai.world.add(at_civitai(5, a_file(INK, told_hashes=NOBODYS)))
    refreshed = library.refresher.refresh(library.model(INK))
    assert (refreshed.version_id, refreshed.found_by) == (5, FoundBy.ID)
    card = refreshed.model.card
    assert (card.version_id, card.base_model, card.base_model_confirmed) == (5, "Pony", False)
    assert refreshed.model.problems == ()


def test_an_id_that_is_gone_from_civitai_is_no_answer(library: Library) -> None:
    library.put(INK)
    library.write("ink.civitai.json", {"modelVersionId": 6})
    library.civitai.world.add(at_civitai(5, a_file(INK)))
    assert library.refresher.refresh(library.model(INK)).version_id == 5


@pytest.mark.parametrize("told_hashes", [None, {}], ids=["by hash", "by name and size"])
def test_of_a_model_that_is_known_the_version_is_found_by_its_files(
    library: Library, told_hashes: dict[str, str] | None
) -> None:
    library.put(INK)
    library.write("ink.cm-info.json", {"ModelId": 7, "ModelName": "Ink"})
    versions = [
        SimulatedVersion(id=71, files=[a_file("x.safetensors", told_hashes={})]),
        SimulatedVersion(id=72, files=[a_file(INK, told_hashes=told_hashes)]),
    ]
    library.civitai.world.add(SimulatedModel(id=7, name="Ink", type="LORA", versions=versions))
    refreshed = library.refresher.refresh(library.model(INK))
    assert (refreshed.version_id, refreshed.model_id, refreshed.found_by) == (72, 7, FoundBy.ID)
    assert library.read("ink.civitai.info")["modelId"] == 7


def test_a_version_that_its_model_does_not_list_yet_is_found_by_its_hash(
    library: Library,
) -> None:
    """New versions can be missing from their model for a while."""
    library.put(INK)
    library.write("ink.cm-info.json", {"ModelId": 50})
    library.civitai.world.add(at_civitai(5, a_file(INK), is_listed=False))
    refreshed = library.refresher.refresh(library.model(INK))
    assert (refreshed.version_id, refreshed.found_by) == (5, FoundBy.HASH)


def test_a_hash_that_two_versions_share_means_the_one_that_calls_its_file_so(
    library: Library,
) -> None:
    library.put(INK)
    library.civitai.world.add(
        at_civitai(5, a_file("first.safetensors", lora(INK))), at_civitai(6, a_file(INK))
    )
    model = library.model(INK)
    refreshed = library.refresher.refresh(model)
    assert refreshed.version_id == 6
    assert refreshed.reason == (
        "2 versions at Civitai have this very file; this one calls it the same."
    )
    assert [each.version_id for each in library.refresher.candidates(model)] == [6, 5]


def test_a_retagged_file_is_found_by_its_tensors(library: Library) -> None:
    """Its header was edited: the SHA-256 is another, the AutoV3 the same, and so is the name."""
    library.put(INK, lora(INK, header="edited"))
    library.civitai.world.add(at_civitai(5, a_file(INK)))
    refreshed = library.refresher.refresh(library.model(INK))
    assert (refreshed.version_id, refreshed.found_by) == (5, FoundBy.HASH)
    assert "AutoV3" in refreshed.reason
    card = refreshed.model.card
    assert (card.version_id, card.base_model_confirmed) == (5, False)


def test_a_retagged_file_is_found_by_the_hash_in_its_header_as_well(library: Library) -> None:
    """What Civitai calls AutoV3 may be what the header tells, not what is true."""
    told = "c0ffee" * 11
    library.put(INK, tagged(told[:64]))
    at = a_file(INK, lora("something else"), told_hashes={"AutoV3": told[:12].upper()})
    library.civitai.world.add(at_civitai(5, at))
    assert library.refresher.refresh(library.model(INK)).version_id == 5


def test_the_same_tensors_under_another_name_and_of_another_size_are_no_proof(
    library: Library,
) -> None:
    library.put(INK, lora(INK, header="edited"))
    far = a_file("far.safetensors", lora(INK), told_bytes=20_000_000)
    library.civitai.world.add(at_civitai(5, far))
    with pytest.raises(NotIdentified):
        library.refresher.refresh(library.model(INK))


def test_a_hash_of_nothing_in_a_header_finds_nothing(library: Library) -> None:
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    library.put(INK, tagged(nothing))
    at = a_file(INK, lora("else"), told_hashes={"AutoV3": "E3B0C44298FC"}, told_bytes=7)
    library.civitai.world.add(at_civitai(5, at))
    with pytest.raises(NotIdentified):
        library.refresher.refresh(library.model(INK))


def test_a_name_that_only_one_file_can_have_is_the_last_resort(library: Library) -> None:
    library.put("inkWash_v3.safetensors")
    at = a_file("inkWash_v3.safetensors", told_hashes={})
    library.civitai.world.add(at_civitai(5, at))
    refreshed = library.refresher.refresh(library.model("inkWash_v3.safetensors"))
    assert (refreshed.version_id, refreshed.found_by) == (5, FoundBy.NAME)
    assert not refreshed.model.card.base_model_confirmed


def test_a_name_that_two_files_have_is_refused_with_both_to_choose_from(
    library: Library,
) -> None:
    library.put("inkWash_v3.safetensors")
    for version_id in (5, 6):
        at = a_file("inkWash_v3.safetensors", told_hashes={}, id=900 + version_id)
        library.civitai.world.add(at_civitai(version_id, at))
    with pytest.raises(NotIdentified) as refused:
        library.refresher.refresh(library.model("inkWash_v3.safetensors"))
    assert isinstance(refused.value, CivitaiNotFound)
    assert [each["version_id"] for each in refused.value.details["candidates"]] == [5, 6]
    assert "pin it: 5 ('Ink Wash'), 6 ('Ink Wash')" in refused.value.message
    assert library.files == ["inkWash_v3.safetensors"]


def test_a_file_that_is_called_alike_is_listed_and_not_taken(library: Library) -> None:
    library.put("inkWash_v3.safetensors")
    others = [a_file(f"inkWash_v{n}.safetensors", told_hashes={}) for n in range(10, 30)]
    library.civitai.world.add(at_civitai(5, *others))
    with pytest.raises(NotIdentified) as refused:
        library.refresher.refresh(library.model("inkWash_v3.safetensors"))
    listed = refused.value.details["candidates"]
    assert len(listed) == 10
    assert listed[0]["filename"].startswith("inkWash_v")


def test_a_file_that_civitai_does_not_know_is_remembered_as_such(library: Library) -> None:
    library.put(INK)
    model = library.model(INK)
    with pytest.raises(NotIdentified):
        library.refresher.refresh(model)
    identity = library.identity(model)
    assert identity is not None
    assert identity.candidates == ()
    assert identity.asked_at is not None
    assert library.files == [INK]
    report = library.refresher.refresh_all(library.models)
    assert report.unknown == 1


def test_an_answer_that_there_is_none_never_removes_what_was_written(library: Library) -> None:
    """Removed models do not come back: what Civitai once said is kept for ever."""
    library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file(INK), pictures=[a_picture(1)]))
    library.refresher.refresh(library.model(INK))
    before = {name: (library.folder / name).read_bytes() for name in library.files}
    library.civitai.world.remove_model(50)
    with pytest.raises(CivitaiNotFound):
        library.refresher.refresh(library.model(INK))
    assert {name: (library.folder / name).read_bytes() for name in library.files} == before
    assert library.models[0].card.version_id == 5


def test_while_civitai_is_down_nothing_is_changed(library: Library) -> None:
    library.put(INK)
    model = library.model(INK)
    library.civitai.faults.next("*", Fault.EDGE_ERROR, times=None)
    with pytest.raises(CivitaiUnavailable):
        library.refresher.refresh(model)
    assert library.files == [INK]
    assert library.identity(model) is None


def test_a_picture_that_cannot_be_fetched_does_not_stop_the_rest(library: Library) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file(INK), pictures=[a_picture(1), a_picture(2)]))
    library.civitai.faults.next("cdn", Fault.LOGIN_PAGE)
    refreshed = library.refresher.refresh(library.model(INK))
    assert refreshed.previews == ("ink.jpg",)
    assert len(refreshed.problems) == 1
    assert refreshed.model.card.version_id == 5


def test_a_file_that_is_missing_is_not_refreshed(library: Library) -> None:
    file = library.put(INK)
    model = library.model(INK)
    file.unlink()
    with pytest.raises(ModelNotFound):
        library.refresher.refresh(model)
    assert library.models[0].missing
    assert library.asked == []


def test_a_file_that_was_replaced_since_the_scan_is_not_taken_for_the_old_one(
    library: Library,
) -> None:
    library.put(INK)
    model = library.model(INK)
    library.put(INK, lora("another"))
    library.civitai.world.add(
        at_civitai(5, a_file(INK)), at_civitai(6, a_file(INK, lora("another")))
    )
    assert library.refresher.refresh(model).version_id == 6


def test_what_cannot_be_written_is_an_error_and_the_catalogue_stays(library: Library) -> None:
    library.put(INK)
    library.write("ink.civitai.info", b"[]")
    library.civitai.world.add(at_civitai(5, a_file(INK)))
    with pytest.raises(SidecarNotWritten):
        library.refresher.refresh(library.model(INK))
    assert library.models[0].card.version_id is None


def test_a_second_refresh_goes_by_the_id_that_the_first_one_wrote(library: Library) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file(INK)))
    library.refresher.refresh(library.model(INK))
    again = library.refresher.refresh(library.model(INK))
    assert (again.found_by, again.version_id) == (FoundBy.ID, 5)


def test_an_archived_model_is_described_all_the_same(library: Library) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file(INK)))
    library.refresher.refresh(library.model(INK))
    archived = at_civitai(5, a_file(INK))
    library.civitai.world.add(
        SimulatedModel(
            id=50, name="Ink Wash", type="LORA", mode="Archived", versions=archived.versions
        )
    )
    assert library.refresher.refresh(library.model(INK)).version_id == 5


def tagged(told: str) -> bytes:
    """A LoRA whose header tells a hash of itself that is not true."""
    return sdxl_lora(rank=1, metadata={"sshs_model_hash": told}).content(b"tagged")
