"""Every way to say which model is meant, and what fits two."""

from __future__ import annotations

import unicodedata

import pytest
from tests.models.catalog.conftest import Library

from stablequeue_core.errors import AmbiguousModel, ModelNotFound
from stablequeue_core.models import ModelKind


@pytest.fixture
def stocked(library: Library) -> Library:
    library.checkpoint("Pony/model_v8.safetensors", fill=b"a")
    library.checkpoint("base.safetensors", fill=b"b")
    library.lora("styles/ink.safetensors", fill=b"c")
    library.queue.models.scan(hashes=True)
    return library


@pytest.mark.parametrize(
    "name",
    [
        "model_v8.safetensors",
        "Model_V8.safetensors",
        "model_v8",
        "Pony/model_v8.safetensors",
        "Pony\\model_v8.safetensors",
        "pony/MODEL_V8.safetensors",
        "./Pony//model_v8.safetensors",
        "Pony/model_v8",
    ],
)
def test_a_model_is_found_however_it_is_spelled(stocked: Library, name: str) -> None:
    assert stocked.queue.models.get(name).path == "Pony/model_v8.safetensors"


def test_a_model_is_found_by_its_hash(stocked: Library) -> None:
    model = stocked.queue.models.get("base")
    for digest in (model.hashes.sha256, model.hashes.autov2):
        assert digest
        assert stocked.queue.models.get(digest) == model
        assert stocked.queue.models.get(digest.upper()) == model


def test_a_model_is_found_by_its_id(stocked: Library) -> None:
    model = stocked.queue.models.get("ink")
    assert stocked.queue.models.get(f"id:{model.id}") == model


@pytest.mark.parametrize(
    "name",
    [
        "nothing.safetensors",
        "",
        ".",
        "..",
        "../Stable-diffusion/base.safetensors",
        "Pony/../base.safetensors",
        "other/base.safetensors",
        "C:\\base.safetensors",
        "C:base.safetensors",
        "/etc/passwd",
        "\\\\server\\share\\base.safetensors",
        "base.safetensors\0",
        "id:0",
        "id:99999999999999999999",
        "%2e%2e/base.safetensors",
        "a" * 100_000,
        "0" * 64,
        "\udcff",
    ],
)
def test_what_is_no_model_is_not_found(stocked: Library, name: str) -> None:
    """Names are looked up among those that are known; no disk is touched for them."""
    with pytest.raises(ModelNotFound):
        stocked.queue.models.get(name)


def test_a_name_of_another_kind_is_not_found_but_told(stocked: Library) -> None:
    with pytest.raises(ModelNotFound, match="There is one of type lora"):
        stocked.queue.models.get("ink.safetensors", kind="checkpoint")
    assert stocked.queue.models.get("ink.safetensors", kind=ModelKind.LORA).kind is ModelKind.LORA


def test_a_name_that_fits_two_is_an_error_that_lists_both(stocked: Library) -> None:
    stocked.checkpoint("SDXL/base.safetensors", fill=b"d")
    stocked.queue.models.scan()
    with pytest.raises(AmbiguousModel) as caught:
        stocked.queue.models.get("base.safetensors")
    assert "SDXL/base.safetensors" in caught.value.details["candidates"]
    found = [stocked.queue.models.get(name) for name in caught.value.details["candidates"]]
    assert {model.path for model in found} == {"SDXL/base.safetensors", "base.safetensors"}
    assert stocked.queue.models.get("SDXL/base.safetensors").folder == "SDXL"


def test_a_checkpoint_and_a_lora_of_one_name_can_be_told_apart(stocked: Library) -> None:
    stocked.lora("base.safetensors", fill=b"e")
    stocked.queue.models.scan()
    with pytest.raises(AmbiguousModel) as caught:
        stocked.queue.models.get("base.safetensors")
    found = [stocked.queue.models.get(name) for name in caught.value.details["candidates"]]
    assert {model.kind.value for model in found} == {"checkpoint", "lora"}
    assert stocked.queue.models.get("base.safetensors", kind="lora") in found


def test_a_file_that_is_there_goes_before_one_that_is_missing(stocked: Library) -> None:
    (stocked.checkpoints / "base.safetensors").unlink()
    stocked.queue.models.scan()
    stocked.checkpoint("SDXL/base.safetensors", fill=b"d")
    stocked.queue.models.scan()
    assert stocked.queue.models.get("base.safetensors").folder == "SDXL"


def test_a_name_is_the_same_in_both_forms_of_unicode(library: Library) -> None:
    """MacOS writes é as two characters, everyone else as one."""
    library.lora(unicodedata.normalize("NFD", "café/caché.safetensors"))
    library.queue.models.scan()
    composed = unicodedata.normalize("NFC", "café/caché.safetensors")
    assert library.queue.models.get(composed).stem.startswith("cach")


def test_the_shortest_name_that_means_one_model_only(stocked: Library) -> None:
    stocked.checkpoint("SDXL/base.safetensors", fill=b"d")
    stocked.queue.models.scan()
    catalog = stocked.queue.models
    names = {model.path: catalog.link_name(model) for model in stocked.models()}
    root = next(model for model in stocked.models() if model.path == "base.safetensors")
    assert names == {
        "Pony/model_v8.safetensors": "model_v8.safetensors",
        "SDXL/base.safetensors": "SDXL/base.safetensors",
        "base.safetensors": f"id:{root.id}",
        "styles/ink.safetensors": "ink.safetensors",
    }
    for model in stocked.models():
        assert catalog.get(catalog.link_name(model), kind=model.kind) == model


def test_models_are_found_by_words_kind_and_base_model(stocked: Library) -> None:
    assert stocked.names(text="PONY model") == ["Pony/model_v8.safetensors"]
    assert stocked.names(text="pony ink") == []
    assert stocked.names(kind="lora") == ["styles/ink.safetensors"]
    assert len(stocked.names(base_model="sdxl")) == 3
    assert stocked.names(base_model="Flux.1 D") == []
    with pytest.raises(ValueError, match="hypernetwork"):
        stocked.names(kind="hypernetwork")
    for wrong in ({"limit": -1}, {"offset": -1}):
        with pytest.raises(ValueError, match="0 or more"):
            stocked.names(**wrong)


def test_pages_follow_each_other(stocked: Library) -> None:
    first = stocked.queue.models.find(limit=2)
    second = stocked.queue.models.find(limit=2, offset=2)
    assert (first.total, second.total) == (3, 3)
    assert [m.filename for m in (*first.models, *second.models)] == [
        "base.safetensors",
        "ink.safetensors",
        "model_v8.safetensors",
    ]
