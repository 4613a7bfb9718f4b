"""What the user says a file is: it wins, wherever the file goes, until it is taken back."""

from __future__ import annotations

import os

import pytest
from tests.civitai.library import Library, a_file, at_civitai, lora

from stablequeue_core.civitai.library.refreshing import FoundBy
from stablequeue_core.errors import CivitaiNotFound
from stablequeue_core.models import CivitaiCandidate

INK = "ink.safetensors"


def test_a_pin_wins_over_what_civitai_knows_by_the_hash(library: Library) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file(INK)), at_civitai(6, a_file("other")))
    pinned = library.refresher.pin(library.model(INK), 6)
    assert (pinned.version_id, pinned.found_by) == (6, FoundBy.PIN)
    assert library.read("ink.civitai.info")["extensions"]["stablequeue"]["pinned"] is True
    again = library.refresher.refresh(library.model(INK))
    assert (again.version_id, again.found_by) == (6, FoundBy.PIN)
    report = library.refresher.refresh_all(library.models, again=True)
    assert report.refreshed == 1
    assert library.models[0].card.version_id == 6


def test_what_is_pinned_counts_as_confirmed_though_the_hashes_differ(library: Library) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(6, a_file("other"), base_model="NoobAI"))
    card = library.refresher.pin(library.model(INK), 6).model.card
    assert (card.version_id, card.base_model, card.base_model_confirmed) == (6, "NoobAI", True)
    assert library.models[0].problems == ()


def test_a_version_that_is_not_there_cannot_be_pinned(library: Library) -> None:
    library.put(INK)
    model = library.model(INK)
    with pytest.raises(CivitaiNotFound):
        library.refresher.pin(model, 99)
    assert library.identity(model) is None
    assert library.files == [INK]


def test_a_pin_goes_with_the_file_and_holds_for_copies(library: Library) -> None:
    file = library.put(INK)
    library.civitai.world.add(at_civitai(6, a_file("other")))
    library.refresher.pin(library.model(INK), 6)
    file.rename(library.folder / "wash.safetensors")
    assert library.refresher.refresh(library.model("wash.safetensors")).version_id == 6
    library.put("copy.safetensors", lora(INK))
    assert library.refresher.refresh(library.model("copy.safetensors")).found_by is FoundBy.PIN


def test_a_pin_does_not_hold_for_another_file_of_the_same_name(library: Library) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(6, a_file("other")))
    library.refresher.pin(library.model(INK), 6)
    another = library.put(INK, lora("another file"))
    later = another.stat().st_mtime_ns + 2 * 10**9
    os.utime(another, ns=(later, later))
    assert {each.code for each in library.model(INK).problems} == {"sidecar_of_another_file"}
    assert library.models[0].card.version_id is None


def test_without_the_pin_the_hash_counts_again(library: Library) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file(INK)), at_civitai(6, a_file("other")))
    library.refresher.pin(library.model(INK), 6)
    library.refresher.unpin(library.model(INK))
    assert library.models[0].card.version_id == 6
    refreshed = library.refresher.refresh(library.model(INK))
    assert (refreshed.version_id, refreshed.found_by) == (5, FoundBy.HASH)
    assert library.read("ink.civitai.info")["extensions"]["stablequeue"]["pinned"] is False


def test_a_file_that_was_pinned_or_unpinned_is_refreshed_by_the_next_run(
    library: Library,
) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file(INK)), at_civitai(6, a_file("other")))
    library.refresher.pin(library.model(INK), 6)
    library.refresher.unpin(library.model(INK))
    assert library.refresher.refresh_all(library.models).refreshed == 1
    assert library.models[0].card.version_id == 5


def test_a_pinned_version_that_civitai_has_removed_is_told_and_what_was_said_stays(
    library: Library,
) -> None:
    library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file(INK)), at_civitai(6, a_file("other")))
    library.refresher.pin(library.model(INK), 6)
    library.civitai.world.remove_model(60)
    with pytest.raises(CivitaiNotFound):
        library.refresher.refresh(library.model(INK))
    report = library.refresher.refresh_all(library.models, again=True)
    assert (report.failed, report.refreshed) == (1, 0)
    assert library.models[0].card.version_id == 6


def test_the_candidates_are_the_pin_and_all_that_have_this_very_file(library: Library) -> None:
    library.put(INK)
    library.civitai.world.add(
        at_civitai(5, a_file("first", lora(INK))), at_civitai(7, a_file(INK)), at_civitai(6)
    )
    model = library.model(INK)
    assert library.refresher.candidates(model) == [
        CivitaiCandidate(version_id=7, model_id=70),
        CivitaiCandidate(version_id=5, model_id=50),
    ]


def test_of_a_file_that_civitai_does_not_know_there_are_no_candidates(library: Library) -> None:
    library.put(INK)
    assert list(library.refresher.candidates(library.model(INK))) == []
    assert library.refresher.candidates(library.model(INK, hashed=False)) == []
