"""The promises about the list of models: what is in it, in which order, and its pages."""

from __future__ import annotations

from typing import Any

import pytest

from stablequeue_core.models import BaseModel, Family, ModelCard, ModelKind, ModelQuery
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import ROOT, model, save

LORAS = "/models/Lora"

SHELF = (
    model(
        "Pony/ponyDiffusionV6.safetensors",
        base_model=BaseModel(family=Family.SDXL, name="Pony"),
        card=ModelCard(name="Pony Diffusion", creator="PurpleSmart", tags=("anime", "furry")),
    ),
    model(
        "sd_xl_base_1.0.safetensors",
        base_model=BaseModel(family=Family.SDXL, candidates=("SDXL 1.0",)),
    ),
    model(
        "old/dreamshaper_8.safetensors",
        base_model=BaseModel(family=Family.SD1),
        card=ModelCard(description="Not a pony."),
    ),
    model(
        "räv.safetensors",
        kind=ModelKind.LORA,
        root=LORAS,
        card=ModelCard(base_model="Illustrious", trigger_words=("fox girl", "100%")),
    ),
    model("flux_style.safetensors", kind=ModelKind.LORA, root=LORAS, missing=True),
)
PONY, SDXL, SD1, FOX, GONE = (one.path for one in SHELF)

WANTED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "all that are there": ({}, {PONY, SDXL, SD1, FOX}),
    "missing ones too": ({"missing": True}, {PONY, SDXL, SD1, FOX, GONE}),
    "a kind": ({"kinds": {ModelKind.LORA}}, {FOX}),
    "two kinds": ({"kinds": {ModelKind.LORA, ModelKind.CHECKPOINT}}, {PONY, SDXL, SD1, FOX}),
    "a kind that nobody has": ({"kinds": {ModelKind.VAE}}, set()),
    "a root": ({"roots": {ROOT}}, {PONY, SDXL, SD1}),
    "two roots": ({"roots": {ROOT, LORAS}, "missing": True}, {PONY, SDXL, SD1, FOX, GONE}),
    "a root that nobody has": ({"roots": {"/models"}}, set()),
    "no root": ({"roots": set()}, set()),
    "a base model": ({"base_model": "Pony"}, {PONY}),
    "a base model in any case": ({"base_model": "pONY"}, {PONY}),
    "a family": ({"base_model": "sdxl"}, {PONY, SDXL}),
    "a family's label": ({"base_model": "SD 1.5"}, {SD1}),
    "a family's label in any case": ({"base_model": "sd 1.5"}, {SD1}),
    "a base model by the card": ({"base_model": "illustrious"}, {FOX}),
    "the likeliest base model": ({"base_model": "SDXL 1.0"}, {SDXL}),
    "a base model that it might be": ({"base_model": "Illustrious"}, {FOX}),
    "a piece of a base model": ({"base_model": "Pon"}, set()),
    "an unknown base model": ({"base_model": "unknown"}, {FOX}),
    "half a base model": ({"base_model": "\ud83d"}, set()),
    "no base model": ({"base_model": ""}, set()),
    "a piece of a name": ({"text": "diff"}, {PONY}),
    "a folder": ({"text": "old/"}, {SD1}),
    "a word in any case": ({"text": "PONYDIFFUSIONV6"}, {PONY}),
    "words in any order": ({"text": " anime \t purplesmart  Pony"}, {PONY}),
    "a word that one has and another": ({"text": "anime dreamshaper"}, set()),
    "a word of a description": ({"text": "not"}, set()),
    "a trigger word": ({"text": "girl"}, {FOX}),
    "a base model as text": ({"text": "sdxl"}, {PONY, SDXL}),
    "a name in the other Unicode form": ({"text": "RA\u0308V"}, {FOX}),
    "the end of one word and the start of the next": ({"text": "smartanime"}, set()),
    "a percent sign": ({"text": "%"}, {FOX}),
    "an underscore": ({"text": "_"}, {SDXL, SD1}),
    "a pattern": ({"text": "sd%1.0"}, set()),
    "a backslash": ({"text": "\\"}, set()),
    "a quote": ({"text": "'\" OR 1"}, set()),
    "half a character": ({"text": "\ud83d"}, set()),
    "thousands of words": ({"text": " ".join(map(str, range(5000)))}, set()),
    "a word thousands of times": ({"text": "pony " * 5000}, {PONY}),
    "everything at once": (
        {
            "kinds": {ModelKind.CHECKPOINT},
            "roots": {ROOT},
            "base_model": "sdxl",
            "text": "pony",
            "missing": True,
        },
        {PONY},
    ),
}


class ListingModelsContract(StorageCase):
    """The promises of ``list``, as tests."""

    @pytest.mark.parametrize("what", WANTED)
    def test_a_list_holds_what_was_asked_for(self, storage: Storage, what: str) -> None:
        """And counts it."""
        fields, expected = WANTED[what]
        save(storage, *SHELF)
        page = storage.models.list(ModelQuery(**fields))
        assert {one.path for one in page.models} == expected
        assert page.total == len(page.models) == len(expected)

    def test_a_list_is_ordered_by_file_name(self, storage: Storage) -> None:
        """In any case and Unicode form; files of one name by path, then by root."""
        expected = [
            model("z/Alpha.safetensors"),
            model("B/ALPHA.v2.safetensors"),
            model("b/alpha.v2.safetensors"),
            model("a!/beta.safetensors"),
            model("a/beta.safetensors", root="/a"),
            model("a/beta.safetensors", root="/b"),
            model("E\u0301b.safetensors"),
            model("éc.safetensors"),
            model("🦊.safetensors"),
        ]
        save(storage, *expected[::2], *expected[1::2])
        listed = storage.models.list(ModelQuery()).models
        assert [(one.root, one.path) for one in listed] == [
            (one.root, one.path) for one in expected
        ]

    def test_pages_of_models_make_up_the_list(self, storage: Storage) -> None:
        """Each model on one page, whatever is asked for, and the same total on each."""
        kinds = (ModelKind.LORA, ModelKind.CHECKPOINT)
        kept = save(
            storage,
            *(
                model(f"{number % 3}/{number % 40}.pt", kind=kinds[number % 2], root=f"/{number}")
                for number in range(100)
            ),
        )
        for fields in ({}, {"kinds": {ModelKind.LORA}}, {"text": "1"}, {"base_model": "unknown"}):
            everything = storage.models.list(ModelQuery(**fields, limit=None))
            pages = [
                storage.models.list(ModelQuery(**fields, limit=7, offset=start))
                for start in range(0, everything.total + 7, 7)
            ]
            assert [one for page in pages for one in page.models] == list(everything.models)
            assert {page.total for page in pages} == {everything.total}
        assert storage.models.list(ModelQuery()).total == len(kept)

    def test_a_page_of_models_beyond_the_end_is_empty(self, storage: Storage) -> None:
        """And knows the total; so does a page of no length."""
        save(storage, *SHELF)
        for query in (ModelQuery(offset=50), ModelQuery(limit=0), ModelQuery(limit=None, offset=9)):
            page = storage.models.list(query)
            assert (page.total, page.models) == (4, ())

    def test_an_empty_catalogue_has_an_empty_list(self, storage: Storage) -> None:
        """Not an error."""
        page = storage.models.list(ModelQuery(text="x", base_model="Pony"))
        assert (page.total, page.models) == (0, ())
