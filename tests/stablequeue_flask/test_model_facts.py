"""All that is known of a model, line by line, for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import fields

from stablequeue_core.models import (
    BaseModel,
    Confidence,
    Family,
    FileFormat,
    FileProblem,
    Hashes,
    HashSource,
    Model,
    ModelCard,
    ModelKind,
)
from stablequeue_flask.model_facts import base_model_text, facts_of
from stablequeue_flask.plain_text import INDENT, fact_lines

CARD = ModelCard(
    name="Ink Wash",
    version="v3",
    description="Soft ink.\nTwo lines.",
    notes="CFG 5",
    base_model="told by the card",
    creator="somebody",
    tags=("ink", "wash"),
    trigger_words=("inkwash style",),
    negative_text="photograph",
    preferred_weight=0.8,
    nsfw=True,
    model_id=343221,
    version_id=123456,
    downloads=54210,
    favorited=342,
    rating=4.8,
    sources=("civitai_info",),
)
HASHES = Hashes(
    sha256="5" * 64, autov1="1" * 8, autov3="3" * 12, told="a" * 64, source=HashSource.COMPUTED
)


def ink(**changes: Any) -> Model:
    known: dict[str, Any] = {
        "id": 10,
        "kind": ModelKind.LORA,
        "root": "/models/Lora",
        "path": "styles/ink.safetensors",
        "size": 172_956,
        "mtime_ns": 1_714_566_645_123_456_789,
        "created_at": datetime(2024, 5, 1, 12, 30, 45, tzinfo=UTC),
    }
    return Model(**{**known, **changes})


def told(model: Model) -> dict[str, str]:
    """By its name, each fact; the lines of one joined with a slash."""
    facts: dict[str, str] = {}
    name = ""
    for line in fact_lines(facts_of(model)):
        name = line[:INDENT].rstrip(": ") or name
        facts[name] = "/".join(filter(None, [facts.get(name), line[INDENT:]]))
    return facts


def test_all_that_is_known_is_told() -> None:
    model = ink(
        format=FileFormat.SAFETENSORS,
        base_model=BaseModel(
            family=Family.SDXL,
            name="Pony",
            variant="v-pred",
            confidence=Confidence.STATED,
            source="metadata",
        ),
        details={"alias": "ink", "trigger_words": "inkwash", "tensors": 6},
        hashes=HASHES,
        card=CARD,
        previews=("ink.png", "ink.mp4"),
        problems=(FileProblem(code="wrong_folder", message="Move it."),),
        missing=True,
    )
    assert told(model) == {
        "Name": "Ink Wash",
        "Version": "v3",
        "Id": "id:10",
        "File": "styles/ink.safetensors",
        "Folder": "/models/Lora",
        "Missing": "it is not there now",
        "Kind": "lora",
        "Size": "173.0 kB (172,956 bytes)",
        "Created": "2024-05-01T12:30:45.000Z",
        "Modified": "2024-05-01T12:30:45.123Z",
        "Format": "safetensors",
        "Header": "alias: ink; trigger words: inkwash; tensors: 6",
        "Base model": "Pony (stated, by metadata)",
        "Family": "SDXL",
        "Variant": "v-pred",
        "SHA-256": f"{'5' * 64} (computed)",
        "AutoV1": "1" * 8,
        "AutoV2": "5" * 10,
        "AutoV3": "3" * 12,
        "Told in header": "a" * 64,
        "Trigger words": "inkwash style",
        "Negative text": "photograph",
        "Weight": "0.8",
        "Tags": "ink, wash",
        "Creator": "somebody",
        "NSFW": "yes",
        "Description": "Soft ink./Two lines.",
        "Notes": "CFG 5",
        "Civitai": "https://civitai.com/models/343221",
        "Its version": "123456",
        "Downloads": "54,210",
        "Favorited": "342",
        "Rating": "4.8",
        "Previews": "ink.png, ink.mp4",
        "Said by": "civitai_info",
        "Problem": "Move it.",
    }


@pytest.mark.parametrize("name", [field.name for field in fields(ModelCard)])
def test_nothing_of_a_card_is_left_out(name: str) -> None:
    """But what it says of the base model, of which the model itself knows better."""
    with_it = told(ink(card=ModelCard(**{name: getattr(CARD, name)})))
    assert (with_it == told(ink())) is name.startswith("base_model")


def test_what_nobody_knows_is_left_out() -> None:
    assert set(told(ink())) == {
        *("Name", "Id", "File", "Folder", "Kind", "Size", "Created", "Modified", "Format"),
        "Base model",
    }


def test_the_names_that_it_could_be_are_told_where_only_the_family_is_known() -> None:
    base = BaseModel(family=Family.SDXL, candidates=("Pony", "SDXL 1.0"))
    assert told(ink(base_model=base))["It could be"] == "Pony, SDXL 1.0"


def test_a_cover_is_told_where_there_is_no_other_preview() -> None:
    assert told(ink(has_cover=True))["Previews"] == "in its header"
    assert told(ink(has_cover=True, previews=("ink.png",)))["Previews"] == "ink.png"


def test_no_description_can_pass_for_another_fact_or_give_orders_to_the_terminal() -> None:
    lines = list(
        fact_lines(facts_of(ink(card=ModelCard(description="a\x1b[2J\nSHA-256: 00\n\nb"))))
    )
    assert not any("\x1b" in line for line in lines)
    assert not any(line.startswith("SHA-256") for line in lines)
    assert f"{'':<{INDENT}}SHA-256: 00" in lines
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize(
    ("base", "text"),
    [
        (BaseModel(), "?"),
        (BaseModel(name="Pony", confidence=Confidence.GUESS), "Pony?"),
        (BaseModel(name="Pony", confidence=Confidence.CONFIRMED), "Pony"),
        (BaseModel(family=Family.SDXL, confidence=Confidence.SHAPE), "SDXL"),
    ],
)
def test_a_guess_is_marked(base: BaseModel, text: str) -> None:
    assert base_model_text(base) == text
