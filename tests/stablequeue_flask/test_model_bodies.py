"""The shapes of models, for values that no scan of a test finds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stablequeue_core.models import Model, ModelKind
from stablequeue_flask.model_bodies import model_body, model_info_body, modified

URL = "/api/v1/models/x.safetensors"


def model(mtime_ns: int = 0) -> Model:
    return Model(
        kind=ModelKind.CHECKPOINT,
        root="/models",
        path="x.safetensors",
        size=0,
        mtime_ns=mtime_ns,
        created_at=datetime(2024, 5, 1, 12, 30, 45, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("mtime_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_714_566_645_123_456_789, "2024-05-01T12:30:45.123Z"),
        (-1_000_000_000, "1969-12-31T23:59:59.000Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854Z"),
        (10**30, "9999-12-31T00:00:00.000Z"),
        (-(10**30), "1970-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_of_writing_is_shown_even_if_no_calendar_has_it(mtime_ns: int, text: str) -> None:
    assert modified(model(mtime_ns)) == text


def test_a_model_of_which_nothing_is_known_has_all_fields() -> None:
    listed, told = model_body(model(), URL), model_info_body(model(), URL)
    assert listed["created"] == "2024-05-01T12:30:45.000Z"
    for name in ("baseModel", "preview_url", "civitai_url", "civitai_id", "description", "sha256"):
        assert listed[name] is None
    assert (told["preview_images"], told["trigger_words"], told["tags"]) == ([], [], [])
    assert told["metadata_source"] == "none"
    assert told["base_model"]["confidence"] == "unknown"
