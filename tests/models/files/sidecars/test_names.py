"""Which model a sidecar belongs to, told by its name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.files.sidecars.beside import Folder
from tests.models.strategies import names

from stablequeue_core.models.files.sidecars import sidecar_stem

SUFFIXES = (
    *(".json", ".civitai.info", ".civitai.json", ".api_info.json", ".metadata.json"),
    *(".cm-info.json", ".swarm.json", ".txt", ".description.txt"),
)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_sidecar_is_called_like_its_model(suffix: str) -> None:
    assert sidecar_stem(f"x.v2{suffix}") == "x.v2"


@pytest.mark.parametrize(
    "name",
    [
        *("x.safetensors", "x.png", "x.info", "x", "", ".json", ".txt", "x.jsonl", "x.json.bak"),
        *("x.civitai.inf", "json", "x.html"),
    ],
)
def test_other_files_belong_to_no_model(name: str) -> None:
    assert sidecar_stem(name) is None


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("x.civitai.json", "x"),
        ("x.civitai.civitai.json", "x.civitai"),
        ("x.preview.json", "x.preview"),
        (".civitai.json", ".civitai"),
        ("X.Civitai.INFO", "X"),
        ("a b\n🦊.JSON", "a b\n🦊"),
    ],
)
def test_the_longest_suffix_wins_in_any_case(name: str, stem: str) -> None:
    assert sidecar_stem(name) == stem


@given(names.filter(lambda name: not name.startswith(".")), st.sampled_from(SUFFIXES))
def test_every_stem_with_a_suffix_leads_back(stem: str, suffix: str) -> None:
    # What ends like the first half of a longer suffix is read as that one.
    assert sidecar_stem(stem + suffix) in (stem, stem.rpartition(".")[0])


def test_a_model_that_ends_like_a_suffix_still_has_its_forge_json(folder: Folder) -> None:
    folder.stem = "x.civitai"
    folder.put(".json", {"notes": "mine"})
    assert folder.card.notes == "mine"


def test_case_and_unicode_form_may_differ_from_the_models(folder: Folder) -> None:
    folder.stem = "cafe\u0301"
    folder.put(".json", {"notes": "mine"}).rename(folder.path / "Caf\u00e9.JSON")
    assert folder.card.notes == "mine"


def test_of_two_spellings_the_models_own_wins(folder: Folder) -> None:
    folder.put(".json", {"notes": "of another"}).rename(folder.path / "INKWASH_V3.json")
    folder.put(".json", {"notes": "mine"})
    assert folder.card.notes == "mine"
