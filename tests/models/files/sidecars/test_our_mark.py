"""A ``.civitai.info`` of our own: of which file it speaks, and what it keeps for ever."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.files.sidecars.beside import (
    ANOTHER_SHA256,
    SHA256,
    SIZE,
    Folder,
    recorded,
)

from stablequeue_core.models.files.sidecars import (
    Dialect,
    Mark,
    ShownPicture,
    civitai_info_content,
    mark_in,
)

VERSION: dict[str, Any] = {"id": 2, "modelId": 1, "baseModel": "Pony", "name": "v2"}
CIVITAIS = {"files": [{"sizeKB": SIZE / 1024, "hashes": {"SHA256": SHA256.upper()}}]}
WRONG = {"files": [{"sizeKB": SIZE / 1024, "hashes": {"SHA256": ANOTHER_SHA256.upper()}}]}
OURS = Mark(sha256=SHA256, size=SIZE, fetched_at="2025-01-01T12:00:00.000Z")
PINNED = Mark(sha256=SHA256, size=SIZE, pinned=True)

texts = st.text(max_size=8)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
marks = st.builds(
    Mark,
    sha256=digests.filter(lambda text: not text.startswith("e3b0")),
    size=st.none() | st.integers(0, 2**40),
    fetched_at=st.just("2025-01-01T12:00:00.000Z"),
    pinned=st.booleans(),
    words=st.dictionaries(texts, st.lists(texts, max_size=2).map(tuple), max_size=3),
    pictures=st.dictionaries(
        texts, st.lists(st.builds(ShownPicture, digests, texts), max_size=2).map(tuple), max_size=2
    ),
    before=st.lists(st.fixed_dictionaries({"id": st.integers(1, 9)}), max_size=2).map(tuple),
)
json_values = st.none() | st.booleans() | st.integers() | texts | st.lists(texts, max_size=2)
objects = st.dictionaries(texts, json_values, max_size=3)


def written(mark: Mark, *told: dict[str, Any]) -> dict[str, Any]:
    """What stands in the file when we have written it."""
    version = dict(VERSION)
    for each in told:
        version |= each
    return civitai_info_content({}, version, None, mark)


@given(marks)
def test_what_is_noted_is_read_back(mark: Mark) -> None:
    assert mark_in({"extensions": {"stablequeue": mark.as_json()}}) == mark


@given(st.recursive(json_values, lambda inner: st.dictionaries(texts, inner, max_size=3)))
def test_notes_of_any_shape_are_read_without_an_error(value: Any) -> None:
    keys = ("sha256", "size", "fetched_at", "pinned", "written", "before")
    for notes in (
        value,
        dict.fromkeys(keys, value),
        {"sha256": SHA256, "written": {"json": value}},
    ):
        mark_in({"extensions": {"stablequeue": notes}})
        mark_in({"extensions": notes})


@pytest.mark.parametrize("extensions", [None, [], {}, {"sd_civitai_helper": {"version": "1"}}])
def test_without_our_mark_it_is_another_tools(folder: Folder, extensions: object) -> None:
    folder.put(".civitai.info", VERSION | {"extensions": extensions})
    assert folder.card.sources == (Dialect.CIVITAI_INFO,)


def test_with_our_mark_it_is_civitais_answer_to_us(folder: Folder) -> None:
    folder.put(".civitai.info", written(OURS, CIVITAIS))
    card = folder.read(sha256=SHA256).card
    assert card.sources == (Dialect.CIVITAI_API,)
    assert (card.version_id, card.model_id, card.base_model_confirmed) == (2, 1, True)


def test_its_ids_hold_for_the_file_that_we_noted_whatever_civitais_hashes_say(
    folder: Folder,
) -> None:
    """Hashes at Civitai can be wrong. Then nobody says that the base model is this file's."""
    folder.put(".civitai.info", written(OURS, WRONG))
    read = folder.read(sha256=SHA256)
    assert (read.card.version_id, read.card.base_model) == (2, "Pony")
    assert not read.card.base_model_confirmed
    assert read.problems == ()


@pytest.mark.parametrize("told", [WRONG, {}, {"files": []}], ids=["wrong", "no files", "empty"])
def test_a_pin_confirms_the_base_model(folder: Folder, told: dict[str, Any]) -> None:
    folder.put(".civitai.info", written(PINNED, told))
    card = folder.read(sha256=SHA256).card
    assert (card.version_id, card.base_model_confirmed) == (2, True)


@pytest.mark.parametrize("mark", [OURS, PINNED])
@pytest.mark.parametrize("told", [CIVITAIS, {}], ids=["hashes", "no hashes"])
def test_of_another_file_it_tells_no_ids(folder: Folder, mark: Mark, told: dict[str, Any]) -> None:
    folder.put(".civitai.info", written(mark, told))
    read = folder.read(sha256=ANOTHER_SHA256)
    assert (read.card.version_id, read.card.base_model) == (None, None)
    assert [problem.code for problem in read.problems] == ["sidecar_of_another_file"]


def test_the_other_file_of_the_same_version_is_still_of_that_version(folder: Folder) -> None:
    """The pruned one was replaced by the full one."""
    folder.put(".civitai.info", written(OURS, WRONG))
    card = folder.read(sha256=ANOTHER_SHA256).card
    assert (card.version_id, card.base_model_confirmed) == (2, True)


def test_it_vouches_for_the_hash_of_the_file_that_we_noted(folder: Folder) -> None:
    folder.put(".civitai.info", written(OURS, WRONG))
    read = folder.read()
    assert (read.sha256, read.card.version_id) == (SHA256, 2)
    assert folder.read(size=SIZE + 1).sha256 is None
    folder.put(".civitai.info", written(OURS, WRONG), later=-2)
    assert folder.read().sha256 is None


def test_two_that_disagree_vouch_for_nothing(folder: Folder) -> None:
    folder.put(".civitai.info", written(OURS, CIVITAIS))
    other = recorded("lora_manager.metadata.json") | {"sha256": ANOTHER_SHA256}
    folder.put(".metadata.json", other)
    assert folder.read().sha256 is None


def test_it_comes_after_what_the_user_typed_and_before_the_tools(folder: Folder) -> None:
    folder.put(".json", {"description": "typed"})
    folder.put(".metadata.json", {"modelDescription": "a tool's", "base_model": "NoobAI"})
    folder.put(
        ".civitai.info",
        written(OURS, CIVITAIS, {"description": "Civitai's", "trainedWords": ["ours"]}),
    )
    card = folder.read(sha256=SHA256).card
    assert (card.description, card.trigger_words, card.base_model) == ("typed", ("ours",), "Pony")
    assert card.sources == ("forge_json", "civitai_api", "lora_manager")


@given(objects, objects, objects, marks)
def test_civitais_words_stay_as_they_came(
    old: dict[str, Any], version: dict[str, Any], model: dict[str, Any], mark: Mark
) -> None:
    version = version | {"id": 2}
    content = civitai_info_content(old, version, model, mark)
    told = {key: value for key, value in version.items() if key not in ("model", "extensions")}
    assert {key: content[key] for key in told} == told
    assert mark_in(content) is not None


@given(objects, st.integers(1, 3), st.integers(1, 3), marks)
def test_writing_twice_changes_nothing_more(
    old: dict[str, Any], old_id: int, version_id: int, mark: Mark
) -> None:
    version = VERSION | {"id": version_id}
    once = civitai_info_content(old | {"id": old_id}, version, None, mark)
    assert civitai_info_content(once, version, None, mark) == once


def test_what_civitai_said_of_other_versions_is_kept_each_once() -> None:
    content: dict[str, Any] = {"id": 9, "name": "of another tool"}
    for version_id in (1, 2, 1, 2, 3):
        content = civitai_info_content(content, VERSION | {"id": version_id}, None, OURS)
    mark = mark_in(content)
    assert mark is not None
    assert [each["id"] for each in mark.before] == [2, 1, 9]
    assert not any("extensions" in each for each in mark.before)
