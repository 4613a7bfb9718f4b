"""Which bytes of a file which hash is of, on files whose hashes are known."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from stablequeue_core.models.files.hashing import FileHasher, told_hash
from stablequeue_core.models.model import Hashes, HashSource
from stablequeue_core.testing.model_files import vector_c

RECORDED: dict[str, Any] = json.loads(
    Path(__file__)
    .parents[3]
    .joinpath("recordings", "models", "hash_vectors.json")
    .read_text("utf-8")
)
VECTORS = {vector["name"]: vector for vector in RECORDED["vectors"]}
MIB = 1024 * 1024


def hashed(path: Path, content: bytes, *, with_autov3: bool = False) -> Hashes:
    path.write_bytes(content)
    hashes = FileHasher(path, with_autov3=with_autov3).run()
    assert hashes is not None
    return hashes


def content_of(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["bytes_hex"]) if "bytes_hex" in vector else vector_c()


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_the_whole_file_gives_sha256_and_autov2(tmp_path: Path, vector: dict[str, Any]) -> None:
    hashes = hashed(tmp_path / "x.safetensors", content_of(vector))
    assert (hashes.sha256, hashes.autov2) == (vector["sha256"], vector["autov2"])
    assert hashes.source is HashSource.COMPUTED


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_autov1_is_as_on_civitai_and_not_of_nothing_as_in_forge(
    tmp_path: Path, vector: dict[str, Any]
) -> None:
    assert hashed(tmp_path / "x.safetensors", content_of(vector)).autov1 == vector["autov1"]


@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_what_lies_behind_the_header_gives_autov3(tmp_path: Path, name: str) -> None:
    vector = VECTORS[name]
    hashes = hashed(tmp_path / "x.safetensors", content_of(vector), with_autov3=True)
    assert hashes.autov3 == vector["autov3"]
    assert hashes.sha256 == vector["sha256"]


def test_autov3_stays_when_only_the_header_is_edited(tmp_path: Path) -> None:
    before, after = (
        hashed(tmp_path / "x.safetensors", content_of(VECTORS[name]), with_autov3=True)
        for name in ("A", "B")
    )
    assert before.autov3 == after.autov3
    assert before.sha256 != after.sha256


def test_a_file_without_tensors_has_no_autov3(tmp_path: Path) -> None:
    """Its data section is empty: e3b0c44298fc would be the same for all such files."""
    content = content_of(VECTORS["E"])
    assert hashed(tmp_path / "x.safetensors", content, with_autov3=True).autov3 is None


def test_a_header_that_ends_behind_the_file_gives_no_autov3(tmp_path: Path) -> None:
    hashes = hashed(tmp_path / "x.safetensors", b"<!DOCTYPE html>" * 10, with_autov3=True)
    assert hashes.autov3 is None


def test_autov3_is_only_computed_when_asked_for(tmp_path: Path) -> None:
    assert hashed(tmp_path / "x.safetensors", content_of(VECTORS["A"])).autov3 is None


def test_autov2_is_of_the_whole_file_and_not_of_its_first_mebibyte(tmp_path: Path) -> None:
    wrong = VECTORS["C"]["first_mebibyte_sha256_cut_to_10"]
    assert hashlib.sha256(vector_c()[:MIB]).hexdigest().startswith(wrong)
    assert hashed(tmp_path / "x.safetensors", vector_c()).autov2 != wrong


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 0x10000, 2 * MIB - 1])
def test_a_file_below_two_mebibytes_has_no_autov1(tmp_path: Path, size: int) -> None:
    assert hashed(tmp_path / "x.ckpt", b"x" * size).autov1 is None


@pytest.mark.parametrize("size", [2 * MIB, 2 * MIB + 1, 5 * MIB])
def test_autov1_is_of_64_kib_at_one_mebibyte(tmp_path: Path, size: int) -> None:
    content = (b"%15d\n" * (size // 16 + 1) % tuple(range(size // 16 + 1)))[:size]
    expected = hashlib.sha256(content[0x100000:0x110000]).hexdigest()[:8]
    assert hashed(tmp_path / "x.ckpt", content).autov1 == expected


def test_an_empty_file_has_the_sha256_of_nothing_and_no_other(tmp_path: Path) -> None:
    hashes = hashed(tmp_path / "x.safetensors", b"", with_autov3=True)
    assert hashes.sha256 == NOTHING
    assert (hashes.autov1, hashes.autov3) == (None, None)


SSHS, SPEC = "sshs_model_hash", "modelspec.hash_sha256"
NOTHING = hashlib.sha256().hexdigest()
KOHYA = RECORDED["kohya_demo"]


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({}, None),
        ({SSHS: KOHYA[SSHS]}, KOHYA[SSHS]),
        ({SSHS: KOHYA[SSHS].upper()}, KOHYA[SSHS]),
        ({SSHS: f" {KOHYA[SSHS]}\n"}, KOHYA[SSHS]),
        ({SPEC: KOHYA[SPEC]}, KOHYA[SPEC].removeprefix("0x")),
        ({SPEC: KOHYA[SPEC].removeprefix("0x")}, KOHYA[SPEC].removeprefix("0x")),
        ({SPEC: KOHYA[SPEC], SSHS: KOHYA[SSHS]}, KOHYA[SSHS]),
        ({SPEC: KOHYA[SPEC], SSHS: "unknown"}, KOHYA[SPEC].removeprefix("0x")),
        ({SSHS: KOHYA[SSHS][:12]}, None),
        ({SSHS: KOHYA[SSHS] + "0"}, None),
        ({SSHS: "g" * 64}, None),
        ({SSHS: "٣" * 64}, None),
        ({SPEC: "0x"}, None),
    ],
)
def test_what_a_header_tells_is_taken_if_it_can_be_a_sha256(
    metadata: dict[str, str], told: str | None
) -> None:
    assert told_hash(metadata) == told


def test_a_trainer_that_hashed_nothing_is_not_believed() -> None:
    """Versions of ai-toolkit wrote the same hash into every LoRA."""
    assert told_hash({SSHS: NOTHING}) is None
    assert told_hash({SPEC: f"0x{NOTHING}"}) is None
