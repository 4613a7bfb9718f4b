"""Which version a file is taken for, when there is a choice, and when there is none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.civitai.library.which_version import (
    FoundBy,
    certain_match,
    ranked,
    version_among,
)
from stablequeue_core.civitai.records import CivitaiFile, CivitaiModel, CivitaiVersion
from stablequeue_core.models import (
    CivitaiCandidate,
    Hashes,
    Identity,
    Model,
    ModelCard,
    ModelKind,
)

SHA256, OTHER = "ab" * 32, "cd" * 32
SIZE = 172_948
MODEL = Model(
    kind=ModelKind.LORA,
    root=str(Path("/loras")),
    path="styles/inkWash_v3.safetensors",
    size=SIZE,
    mtime_ns=0,
    created_at=datetime(2025, 1, 1, tzinfo=UTC),
    hashes=Hashes(sha256=SHA256),
)


def candidates(*version_ids: int) -> tuple[CivitaiCandidate, ...]:
    return tuple(CivitaiCandidate(version_id=each, model_id=each * 10) for each in version_ids)


def identity(*version_ids: int, pinned: int | None = None) -> Identity:
    (pin,) = candidates(pinned) if pinned else (None,)
    return Identity(sha256=SHA256, candidates=candidates(*version_ids), pinned=pin)


def file(name: str = "inkWash_v3.safetensors", size: int = SIZE, **more: Any) -> CivitaiFile:
    return CivitaiFile(id=1, name=name, size=size, **{"has_exact_size": True, **more})


def version(version_id: int, *files: CivitaiFile, day: int | None = None) -> CivitaiVersion:
    published = None if day is None else datetime(2025, 1, day, tzinfo=UTC)
    return CivitaiVersion(id=version_id, files=files, published_at=published)


def answer(*versions: CivitaiVersion) -> CivitaiModel:
    return CivitaiModel(id=9, versions=versions)


def order(known: Identity, *versions: CivitaiVersion, model: Model = MODEL) -> list[int]:
    return [choice.candidate.version_id for choice in ranked(known, model, versions)]


def test_nothing_is_chosen_where_nothing_is_known() -> None:
    assert order(identity()) == []


def test_the_users_pin_wins_over_all_that_civitai_knows() -> None:
    first, *rest = ranked(identity(1, 2, pinned=7), evolve(MODEL, card=ModelCard(version_id=2)))
    assert (first.candidate.version_id, first.found_by) == (7, FoundBy.PIN)
    assert first.reason == "You have said that it is this version."
    assert [(each.candidate.version_id, each.found_by) for each in rest] == [
        (2, FoundBy.HASH),
        (1, FoundBy.HASH),
    ]


def test_a_pin_that_is_one_of_the_candidates_is_listed_once() -> None:
    assert order(identity(1, 2, pinned=2)) == [2, 1]


def test_the_id_beside_the_model_decides_among_several() -> None:
    named = evolve(MODEL, card=ModelCard(version_id=3))
    found = ranked(identity(1, 2, 3), named, [version(1, file(), day=1)])
    assert [each.candidate.version_id for each in found] == [3, 1, 2]
    assert "names this one" in found[0].reason


def test_an_id_that_is_none_of_the_candidates_decides_nothing() -> None:
    """What lies beside the file may be left over from another."""
    assert order(identity(1, 2), model=evolve(MODEL, card=ModelCard(version_id=9))) == [1, 2]


def test_the_version_that_calls_its_file_the_same_goes_before_the_others() -> None:
    versions = [
        version(1, file("other.safetensors"), day=1),
        version(2, file("INKWASH_V3.safetensors"), day=9),
    ]
    found = ranked(identity(1, 2), MODEL, versions)
    assert [each.candidate.version_id for each in found] == [2, 1]
    assert "calls it the same" in found[0].reason


def test_of_equals_the_first_published_is_taken_then_the_lower_id() -> None:
    published = [version(1, day=9), version(2, day=3), version(3), version(4)]
    assert order(identity(4, 3, 2, 1), *published) == [2, 1, 3, 4]
    assert "published first" in ranked(identity(1, 2), MODEL, published)[0].reason


def test_the_only_candidate_is_said_to_be_the_only_one() -> None:
    (only,) = ranked(identity(5), MODEL)
    assert only.reason == "It is the only version at Civitai with this very file."


@given(st.permutations([1, 2, 3, 4]), st.permutations([1, 2, 3, 4]))
def test_the_choice_does_not_depend_on_the_order_of_the_answers(
    ids: list[int], fetched: list[int]
) -> None:
    versions = [version(each, day=each % 2 + 1) for each in fetched]
    assert order(identity(*ids), *versions) == [2, 4, 1, 3]


def test_a_name_and_a_size_to_the_byte_are_certain() -> None:
    found = certain_match([answer(version(1, file("INKwash_V3.SAFEtensors")))], MODEL)
    assert found is not None
    assert found.id == 1


def test_two_uploads_with_one_name_and_one_size_are_not_certain() -> None:
    assert certain_match([answer(version(1, file())), answer(version(2, file()))], MODEL) is None


def test_the_same_name_with_another_size_is_another_file() -> None:
    assert certain_match([answer(version(1, file(size=SIZE + 1)))], MODEL) is None
    found = certain_match([answer(version(1, file(size=SIZE + 1)), version(2, file()))], MODEL)
    assert found is not None
    assert found.id == 2


def test_a_name_that_only_contains_ours_is_another_file() -> None:
    names = ("inkWash_v30.safetensors", "inkWash_v3.safetensors.bak", "my inkWash_v3.safetensors")
    assert certain_match([answer(*(version(1, file(name)) for name in names))], MODEL) is None


def test_a_rounded_size_is_not_certain_and_leaves_doubt_about_others() -> None:
    rounded = version(2, file(size=SIZE + 5, has_exact_size=False))
    assert certain_match([answer(rounded)], MODEL) is None
    assert certain_match([answer(version(1, file()), rounded)], MODEL) is None
    far = version(2, file(size=SIZE * 2, has_exact_size=False))
    found = certain_match([answer(version(1, file()), far)], MODEL)
    assert found is not None


def test_the_very_hash_is_certain_whatever_the_file_is_called() -> None:
    told = version(1, file("else.safetensors", hashes=Hashes(sha256=SHA256)))
    found = certain_match([answer(told, version(2, file()))], MODEL)
    assert found is not None
    assert found.id == 1


def test_the_version_of_a_known_model_is_told_by_hash_then_name_and_size_then_either() -> None:
    by_hash = version(1, file("x", hashes=Hashes(sha256=SHA256)))
    by_both, by_name, by_size = version(2, file()), version(3, file(size=1)), version(4, file("y"))
    for several, told in (
        ((by_hash, by_both, by_name, by_size), 1),
        ((by_both, by_name, by_size), 2),
        ((by_name, by_size), 3),
        ((by_size, version(5, file("z", 2))), 4),
    ):
        found = version_among(answer(*several), MODEL)
        assert found is not None
        assert found.id == told
    assert version_among(answer(by_size, version(5, file("z"))), MODEL) is None
    assert version_among(answer(), MODEL) is None
