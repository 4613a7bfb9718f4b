"""The five vectors that tests of hashing stand on are, to the byte, what was recorded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from stablequeue_core.testing import model_files

RECORDINGS = Path(__file__).parents[3] / "recordings" / "models"
VECTORS: list[dict[str, Any]] = json.loads(
    (RECORDINGS / "hash_vectors.json").read_text(encoding="utf-8")
)["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_vector_has_its_recorded_hash(vector: dict[str, Any]) -> None:
    content: bytes = getattr(model_files, vector["maker"])()
    assert len(content) == vector["size"]
    assert hashlib.sha256(content).hexdigest() == vector["sha256"]


def test_a_sparse_file_holds_the_same_as_a_whole_one_of_zeros(tmp_path: Path) -> None:
    lora = model_files.sdxl_lora()
    sparse = lora.write(tmp_path / "a" / "sparse.safetensors")
    whole = lora.write(tmp_path / "whole.safetensors", sparse=False)
    assert sparse.read_bytes() == whole.read_bytes() == lora.content()


@pytest.mark.parametrize("sparse", [True, False])
def test_what_fills_a_file_makes_it_another(tmp_path: Path, sparse: bool) -> None:
    lora = model_files.sdxl_lora()
    files = [
        lora.write(tmp_path / f"{fill!r}", fill=fill, sparse=sparse).read_bytes()
        for fill in (b"one", b"two")
    ]
    assert len(files[0]) == len(files[1])
    assert files[0] != files[1]
