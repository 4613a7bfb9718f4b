"""What sidecars say beats every guess; only tensors tell the family better."""

from __future__ import annotations

import pytest
from attrs import evolve

from stablequeue_core.models import BaseModel, Confidence, ModelCard
from stablequeue_core.models.base_model import UNKNOWN_BASE, Family
from stablequeue_core.models.files.detection import settle

SDXL = BaseModel(
    family=Family.SDXL,
    candidates=("SDXL 1.0", "Pony"),
    variant="v-pred",
    confidence=Confidence.SHAPE,
    source="tensors",
)
PONY = BaseModel(
    family=Family.SDXL,
    name="Pony",
    candidates=("Pony",),
    confidence=Confidence.GUESS,
    source="name",
)


def card(text: str | None) -> ModelCard:
    return ModelCard(base_model=text, version_id=5, sources=("civitai_info",))


def test_civitai_s_word_of_this_file_is_certain() -> None:
    settled = settle(SDXL, evolve(card("Illustrious"), base_model_confirmed=True))
    assert (settled.name, settled.confidence) == ("Illustrious", Confidence.CONFIRMED)
    assert (settled.family, settled.variant, settled.source) == (Family.SDXL, "v-pred", "civitai")


def test_it_beats_a_guess() -> None:
    assert settle(PONY, card("NoobAI")).name == "NoobAI"


def test_another_s_word_is_stated() -> None:
    settled = settle(SDXL, card("Pony"))
    assert (settled.name, settled.confidence) == ("Pony", Confidence.STATED)
    assert settled.source == "sidecar"


def test_free_text_stays_free_text() -> None:
    settled = settle(UNKNOWN_BASE, card("My own base 3"))
    assert (settled.name, settled.family) == ("My own base 3", Family.UNKNOWN)
    assert settled.label == "My own base 3"


def test_the_family_comes_with_the_name_where_tensors_do_not_tell() -> None:
    assert settle(UNKNOWN_BASE, card("Flux.1 D")).family is Family.FLUX1


def test_the_family_of_the_tensors_stays_whatever_is_written() -> None:
    settled = settle(SDXL, card("SD 1.5"))
    assert (settled.name, settled.family) == ("SD 1.5", Family.SDXL)


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("SD1", Family.SD1),
        ("SD2", Family.SD2),
        ("SDXL", Family.SDXL),
        ("Flux", Family.FLUX1),
        ("stable-diffusion-xl-v1-base", Family.SDXL),
    ],
)
def test_a_class_is_a_family_without_a_name(text: str, family: Family) -> None:
    settled = settle(UNKNOWN_BASE, card(text))
    assert (settled.family, settled.name) == (family, None)
    assert settled.confidence is Confidence.STATED


def test_a_class_adds_nothing_to_what_is_known_better() -> None:
    assert settle(PONY, card("SDXL")) == PONY
    assert settle(SDXL, card("SD1")) == SDXL


@pytest.mark.parametrize("text", [None, "", "  "])
def test_where_nothing_is_written_the_file_speaks(text: str | None) -> None:
    assert settle(SDXL, card(text)) == SDXL


@pytest.mark.parametrize(
    ("written", "name"),
    [("lumina-2", "Lumina"), ("flux-1-dev/lora", "Flux.1 D"), ("auraflow-v1", "AuraFlow")],
)
def test_swarmuis_architectures_are_called_as_civitai_does(written: str, name: str) -> None:
    assert settle(UNKNOWN_BASE, ModelCard(base_model=written)).name == name
