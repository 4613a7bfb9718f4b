"""Every name of a base model at Civitai has a family, or is known to have none of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.models.base_model import Family
from stablequeue_core.models.files.detection import family_of
from stablequeue_core.models.files.detection.families import NAMES

RECORDINGS = Path(__file__).parents[3] / "recordings" / "models"
FAMILIES: dict[str, str] = json.loads(
    (RECORDINGS / "detection_families.json").read_text(encoding="utf-8")
)["families"]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_name_of_civitai_belongs_to_its_family(name: str) -> None:
    assert family_of(name) == FAMILIES[name]


def test_all_names_of_civitai_are_there() -> None:
    assert len(FAMILIES) == 99


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("SD1", Family.SD1),
        ("SD 2.1 768", Family.SD2),
        ("Stable Diffusion XL 1.0", Family.SDXL),
        ("pony diffusion v6 xl", Family.SDXL),
        ("Animagine XL 3.1", Family.SDXL),
        ("FLUX", Family.FLUX1),
        ("Z-Image Turbo", Family.Z_IMAGE),
        ("", Family.UNKNOWN),
        ("???", Family.UNKNOWN),
    ],
)
def test_free_text_is_tolerated(text: str, family: Family) -> None:
    assert family_of(text) is family


@pytest.mark.parametrize("family", [family for family in Family if family is not Family.UNKNOWN])
def test_a_family_is_found_again_by_what_people_call_it(family: Family) -> None:
    assert family.label is not None
    assert family_of(family.label) is family


@pytest.mark.parametrize("family", [f for f in NAMES if f is not Family.SDXL_REFINER])
def test_the_names_of_a_family_belong_to_it(family: Family) -> None:
    assert {family_of(name) for name in NAMES[family]} == {family}
    assert set(NAMES[family]) <= set(FAMILIES)


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    assert family_of(text) in Family
