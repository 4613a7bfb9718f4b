"""The shapes of models, for values that no scan of a test finds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve

from stablequeue_core.models import Model, ModelCard, ModelKind
from stablequeue_flask.model_bodies import model_body, model_info_body

URL = "/api/v1/models/x.safetensors"


def model() -> Model:
    return Model(
        kind=ModelKind.CHECKPOINT,
        root="/models",
        path="x.safetensors",
        size=0,
        mtime_ns=0,
        created_at=datetime(2024, 5, 1, 12, 30, 45, tzinfo=UTC),
    )


def test_a_model_of_which_nothing_is_known_has_all_fields() -> None:
    listed, told = model_body(model(), URL), model_info_body(model(), URL)
    assert listed["created"] == "2024-05-01T12:30:45.000Z"
    for name in ("baseModel", "preview_url", "civitai_url", "civitai_id", "description", "sha256"):
        assert listed[name] is None
    assert (told["preview_images"], told["trigger_words"], told["tags"]) == ([], [], [])
    assert told["metadata_source"] == "none"
    assert told["base_model"]["confidence"] == "unknown"


@pytest.mark.parametrize(
    ("sources", "source"),
    [
        (("forge_json", "civitai_api"), "civitai_api"),
        (("civitai_api", "lora_manager"), "civitai_api"),
        (("lora_manager", "forge_json"), "lora_manager"),
    ],
)
def test_a_model_that_we_have_asked_civitai_about_says_so(
    sources: tuple[str, ...], source: str
) -> None:
    """Whatever else somebody has typed in; else the most trusted one is named."""
    told = model_info_body(evolve(model(), card=ModelCard(sources=sources)), URL)
    assert told["metadata_source"] == source
    assert told["sidecars"] == list(sources)
