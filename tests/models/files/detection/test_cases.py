"""The table of cases: what real files of each architecture look like, and what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.models.files.detection.headers_of import detected

RECORDINGS = Path(__file__).parents[3] / "recordings" / "models"
CASES: list[dict[str, Any]] = json.loads(
    (RECORDINGS / "detection_cases.json").read_text(encoding="utf-8")
)["cases"]
CHECKPOINTS = [case for case in CASES if case["expect"]["kind"] == "checkpoint"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_file_is_known_by_its_tensors(case: dict[str, Any]) -> None:
    found = detected(case["tensors"], case["metadata"])
    base = found.base_model
    told = {
        "kind": found.kind,
        "family": base.family,
        "candidates": list(base.candidates),
        "variant": base.variant,
        "confidence": base.confidence,
        "rank": found.details.get("rank"),
        "prediction": found.details.get("prediction"),
    }
    assert {key: told[key] for key in case["expect"]} == case["expect"]


@pytest.mark.parametrize("case", CHECKPOINTS, ids=[case["name"] for case in CHECKPOINTS])
def test_what_stands_beside_it_does_not_disturb(case: dict[str, Any]) -> None:
    """An all-in-one file holds text encoders and a VAE, too."""
    beside = {
        "first_stage_model.decoder.conv_out.weight": [3, 128, 3, 3],
        "text_encoders.t5xxl.transformer.shared.weight": [32128, 4096],
    }
    found = detected(beside | case["tensors"], case["metadata"])
    assert found.base_model.family == case["expect"]["family"]


def test_all_cases_are_there() -> None:
    assert len(CASES) == 49
