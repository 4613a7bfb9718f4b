"""A GGUF header is read; its counts and lengths are not believed."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from tests.models.files.headers.gguf_files import (
    ARRAY,
    BOOL,
    F32_VALUE,
    STRING,
    U32,
    GgufFile,
    integers,
    said,
    string,
    tensor,
    text,
)
from tests.models.files.headers.reading import header_of, refusal_of

from stablequeue_core.models import FileFormat
from stablequeue_core.models.files.headers import Tensor

RECORDINGS = Path(__file__).parents[3] / "recordings" / "models"
Q4_K, UNKNOWN_TYPE = 12, 99


def test_a_recorded_file_is_read_and_its_dimensions_are_turned() -> None:
    recorded = json.loads((RECORDINGS / "gguf_minimal.json").read_text(encoding="utf-8"))
    header = header_of(bytes.fromhex(recorded["bytes_hex"]))
    (expected,) = recorded["expect"]["tensors"]
    assert header.format is FileFormat.GGUF
    assert header.metadata == {"general.architecture": "flux", "general.file_type": "7"}
    assert header.tensors[expected["name"]] == Tensor("F32", tuple(expected["shape"]))
    assert header.data_start == 192


def test_version_2_is_read_alike() -> None:
    content = GgufFile(tensors=[tensor("a", [2])], data=b"\0" * 8, version=2).content()
    assert header_of(content).tensors["a"].shape == (2,)


def test_values_of_all_kinds_become_text_and_arrays_are_left_out() -> None:
    words = struct.pack("<IQ", STRING, 2) + text("a") + text("b")
    header = header_of(
        GgufFile(
            keys=[
                string("name", "x"),
                said("yes", BOOL, b"\1"),
                said("half", F32_VALUE, struct.pack("<f", 0.5)),
                said("words", ARRAY, words),
                integers("numbers", [1, 2]),
            ]
        ).content()
    )
    assert header.metadata == {"name": "x", "yes": "True", "half": "0.5"}


def test_the_true_shape_of_a_reshaped_tensor_is_told() -> None:
    content = GgufFile(
        keys=[integers("comfy.gguf.orig_shape.a", [2, 2, 2])],
        tensors=[tensor("a", [8])],
        data=b"\0" * 32,
    ).content()
    assert header_of(content).tensors["a"].shape == (2, 2, 2)


def test_a_true_shape_of_another_size_is_not_believed() -> None:
    content = GgufFile(
        keys=[integers("comfy.gguf.orig_shape.a", [3, 3])],
        tensors=[tensor("a", [8])],
        data=b"\0" * 32,
    ).content()
    assert header_of(content).tensors["a"].shape == (8,)


def test_packed_types_are_named_and_measured_in_blocks() -> None:
    whole = GgufFile(tensors=[tensor("a", [512], Q4_K)], data=b"\0" * 288).content()
    assert header_of(whole).tensors["a"] == Tensor("Q4_K", (512,))
    assert f"has {len(whole) - 1} of {len(whole)} bytes" in refusal_of(whole[:-1]).message


def test_a_type_of_unknown_size_is_let_pass() -> None:
    content = GgufFile(tensors=[tensor("a", [512], UNKNOWN_TYPE)]).content()
    assert header_of(content).tensors["a"].dtype == "ggml type 99"


def test_the_alignment_that_is_said_is_kept() -> None:
    content = GgufFile(
        keys=[said("general.alignment", U32, struct.pack("<I", 64))],
        tensors=[tensor("a", [2])],
        data=b"\0" * 8,
        alignment=64,
    ).content()
    assert header_of(content).data_start == len(content) - 8


def test_a_text_longer_than_what_is_read_at_once_is_read() -> None:
    content = GgufFile(keys=[string("long", "x" * 200_000), string("last", "y")]).content()
    assert header_of(content).metadata["last"] == "y"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (GgufFile(version=1), "unsupported_gguf"),
        (GgufFile(version=0x03000000), "unsupported_gguf"),
        (GgufFile(counts=(2**60, 0)), "bad_gguf"),
        (GgufFile(counts=(0, 2**60)), "bad_gguf"),
        (GgufFile(counts=(1, 0)), "truncated"),
        (GgufFile(keys=[struct.pack("<Q", 2**60)]), "bad_gguf"),
        (GgufFile(keys=[said("k", 77, b"")]), "bad_gguf"),
        (GgufFile(keys=[said("k", ARRAY, struct.pack("<IQ", ARRAY, 1))]), "bad_gguf"),
        (GgufFile(keys=[said("k", ARRAY, struct.pack("<IQ", U32, 2**60))]), "bad_gguf"),
        (GgufFile(keys=[said("general.alignment", U32, b"\0" * 4)]), "bad_gguf"),
        (GgufFile(keys=[string("general.alignment", "32")]), "bad_gguf"),
        (GgufFile(tensors=[tensor("a", [1] * 17)], data=b"\0" * 4), "bad_gguf"),
        (GgufFile(tensors=[tensor("a", [1])] * 2, data=b"\0" * 4), "duplicate_keys"),
        (GgufFile(keys=[said("k", STRING, text(b"\xff"))]), "bad_encoding"),
        (GgufFile(tensors=[tensor("a", [2**62, 2**62])], data=b"\0" * 4), "truncated"),
    ],
)
def test_a_header_that_cannot_be_is_refused(file: GgufFile, code: str) -> None:
    assert refusal_of(file.content()).code == code
