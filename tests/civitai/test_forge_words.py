"""What we put into Forge's JSON: only where nobody else has written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.civitai.library.forge_words import filling, forge_words
from stablequeue_core.models import ModelCard
from stablequeue_core.models.files.sidecars import digest_of

SHA256 = "ab" * 32
CARD = ModelCard(
    description="Soft ink.",
    trigger_words=("ink wash", "sumi-e"),
    base_model="Pony",
    model_id=50,
    version_id=5,
)
WORDS = {
    "description": "Soft ink.",
    "activation text": "ink wash, sumi-e",
    "sd version": "SDXL",
    "modelId": 50,
    "modelVersionId": 5,
    "sha256": SHA256.upper(),
}
KEYS = st.sampled_from([*WORDS, "notes", "preferred weight"])
VALUES = st.none() | st.text(max_size=5) | st.integers(0, 9) | st.lists(st.integers(), max_size=2)


def test_the_words_are_those_of_forge_and_of_browser_plus() -> None:
    assert forge_words(CARD, SHA256) == WORDS


def test_what_civitai_does_not_say_is_left_out() -> None:
    assert forge_words(ModelCard(), SHA256) == {}
    assert forge_words(ModelCard(version_id=5), SHA256) == {}


def test_notes_are_the_users_alone() -> None:
    assert "notes" not in forge_words(ModelCard(notes="mine", description="x"), SHA256)


@pytest.mark.parametrize(
    ("base_model", "told"),
    [
        ("SD 1.4", "SD1"),
        ("SD 1.5", "SD1"),
        ("SD 1.5 LCM", "SD1"),
        ("SD 2.1 768", "SD2"),
        ("SDXL 1.0", "SDXL"),
        ("SDXL Lightning", "SDXL"),
        ("Pony", "SDXL"),
        ("Illustrious", "SDXL"),
        ("NoobAI", "SDXL"),
        ("Flux.1 D", "Flux"),
        ("Flux.1 Kontext", "Flux"),
        ("Pony V7", None),
        ("Flux.2 D", None),
        ("Flux 3 Video", None),
        ("SD 3.5 Large", None),
        ("Qwen", None),
        ("Something of tomorrow", None),
        ("Other", None),
    ],
)
def test_only_what_forge_has_a_class_for_is_given_one(base_model: str, told: str | None) -> None:
    """``Unknown`` would hide what Forge finds out by itself."""
    assert forge_words(ModelCard(base_model=base_model), SHA256).get("sd version") == told


def test_empty_places_are_filled_and_others_left() -> None:
    present = {"description": "mine", "activation text": "  ", "sd version": "Unknown", "notes": ""}
    found = filling(present, WORDS, {})
    assert found.changes == {key: WORDS[key] for key in WORDS if key != "description"}


def test_what_we_wrote_is_known_again_and_replaced() -> None:
    first = filling({}, WORDS, {})
    now = dict(WORDS) | {"description": "Softer ink."}
    second = filling(dict(WORDS), now, first.ours)
    assert second.changes == now
    assert second.ours["description"] == (digest_of("Softer ink."),)


def test_a_word_of_ours_that_the_user_changed_is_the_users_from_then_on() -> None:
    first = filling({}, WORDS, {})
    edited = dict(WORDS) | {"activation text": "ink wash, my own"}
    second = filling(edited, WORDS, first.ours)
    assert "activation text" not in second.changes
    assert "activation text" not in second.ours


def test_a_word_that_the_user_typed_just_like_civitai_is_still_the_users() -> None:
    same = {"activation text": "ink wash, sumi-e"}
    assert "activation text" not in filling(same, WORDS, {}).ours


def test_the_ids_of_another_tool_are_not_mixed_with_ours() -> None:
    found = filling({"modelVersionId": 77}, WORDS, {})
    assert not {"modelId", "modelVersionId", "sha256"} & found.changes.keys()
    assert "description" in found.changes


def test_an_id_that_browser_plus_could_not_find_counts_as_none() -> None:
    found = filling({"modelId": "Model not found", "sha256": ""}, WORDS, {})
    assert found.changes["modelId"] == 50


def test_what_civitai_does_not_say_any_more_stays_unless_it_was_said_of_another_version() -> None:
    first = filling({}, WORDS, {})
    less = {key: WORDS[key] for key in WORDS if key != "description"}
    kept = filling(dict(WORDS), less, first.ours)
    assert "description" not in kept.changes
    assert kept.ours["description"] == first.ours["description"]
    gone = filling(dict(WORDS), less, first.ours, outdated=True)
    assert gone.changes["description"] is None
    assert "description" not in gone.ours


@given(st.dictionaries(KEYS, VALUES), st.dictionaries(KEYS, st.sampled_from(list(WORDS.values()))))
def test_nothing_that_anybody_else_wrote_is_ever_changed(
    present: dict[str, Any], written: dict[str, Any]
) -> None:
    """The law: what changes was empty, said nothing, or is what we wrote last."""
    ours = {key: (digest_of(value),) for key, value in written.items()}
    found = filling(present, WORDS, ours, outdated=True)
    for key in found.changes:
        value = present.get(key)
        is_empty = value is None or not str(value).strip()
        assert is_empty or digest_of(value) in ours.get(key, ())


@given(st.dictionaries(KEYS, VALUES))
def test_filling_twice_changes_nothing_more(present: dict[str, Any]) -> None:
    first = filling(present, WORDS, {})
    after = {**present, **first.changes}
    second = filling(after, WORDS, first.ours)
    assert {**after, **second.changes} == after
    assert second.ours == first.ours
