"""What is searched for when nothing but a name is known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.civitai.library import Library, a_file, at_civitai

from stablequeue_core.civitai.library.by_name import MOST_SEARCHES, searches, version_by_name
from stablequeue_core.errors import NotIdentified
from stablequeue_core.models import Model, ModelCard, ModelKind

INK = "inkWash_v3.safetensors"


def model(path: str, name: str | None = None, kind: ModelKind = ModelKind.LORA) -> Model:
    return Model(
        kind=kind,
        root="/loras",
        path=path,
        size=9,
        mtime_ns=0,
        created_at=datetime(2025, 1, 1, tzinfo=UTC),
        card=ModelCard(name=name),
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("inkWash_v3.safetensors", ["ink Wash", "ink Wash v 3"]),
        ("harborMixXL_v20.safetensors", ["harbor Mix XL", "harbor Mix XL v 20"]),
        ("sub/detail-tweaker xl.pt", ["detail tweaker xl"]),
        (
            "acornIsSpinningFLUX_aisf11H8stpChinfx.safetensors",
            [
                "acorn Is Spinning FLUX aisf 11 H 8 stp Chinfx",
                "acorn Is Spinning FLUX",
            ],
        ),
        ("水墨画_v1.safetensors", ["水墨画", "水墨画 v 1"]),
        ("123.safetensors", ["123"]),
        ("___.safetensors", []),
    ],
)
def test_a_file_name_is_taken_apart_into_the_words_of_its_model(
    path: str, words: list[str]
) -> None:
    assert list(searches(model(path))) == words


def test_a_name_that_is_written_beside_the_model_is_searched_for_first() -> None:
    assert next(searches(model(INK, "Ink Wash Style"))) == "Ink Wash Style"


@given(st.text(min_size=1), st.none() | st.text())
def test_any_name_gives_words_to_search_for_each_once(path: str, name: str | None) -> None:
    found = list(searches(model(path, name)))
    assert len(found) == len(set(found))
    assert all(found)


def test_no_more_is_asked_than_a_few_times_and_only_for_what_the_folder_is_for(
    library: Library,
) -> None:
    with pytest.raises(NotIdentified):
        version_by_name(library.client, model("aB_cD_v1.safetensors", "Some name"))
    searched = [each for each in library.civitai.requests if each.path.endswith("/models")]
    assert {each.query["query"][0] for each in searched} == {
        "Some name",
        "a B c D",
        "a B c D v 1",
    }
    assert len({each.query["query"][0] for each in searched}) == MOST_SEARCHES
    assert searched[0].query["types"] == ["LORA", "LoCon", "DoRA"]


def test_what_is_found_comes_with_all_that_there_is_to_know(library: Library) -> None:
    file = library.put(INK)
    library.civitai.world.add(at_civitai(5, a_file(INK, told_hashes={})))
    version = version_by_name(library.client, library.model(file.name))
    assert version.raw["modelId"] == 50
    assert "GET /model-versions/5" in library.asked
