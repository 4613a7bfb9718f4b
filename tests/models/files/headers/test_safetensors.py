"""A safetensors header is read, and every way in which it can lie is noticed."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from tests.models.files.headers.reading import header_of, refusal_of, safetensors

from stablequeue_core.models import FileFormat
from stablequeue_core.models.files.headers import Tensor, read_header
from stablequeue_core.models.files.headers.dtypes import BITS
from stablequeue_core.testing.model_files import (
    safetensors_bytes,
    sdxl_checkpoint,
    vector_a,
    vector_b,
    vector_c,
    vector_e,
)

PAIR = '"dtype":"F32","shape":[2],"data_offsets":[0,8]'


def test_names_shapes_types_and_metadata_are_read() -> None:
    header = header_of(vector_b())
    assert header.format is FileFormat.SAFETENSORS
    assert dict(header.tensors) == {"a": Tensor("F32", (2,))}
    assert header.metadata == {"ss_base_model_version": "sd_v1", "ss_network_dim": "4"}
    assert header.data_start == 8 + 128


def test_a_header_without_padding_is_read() -> None:
    assert header_of(vector_a()).data_start == 8 + 54


def test_a_file_without_tensors_has_metadata_only() -> None:
    header = header_of(vector_e())
    assert len(header.tensors) == 0
    assert header.metadata["sshs_model_hash"] == "0" * 64


def test_only_the_header_is_read() -> None:
    file = BytesIO(vector_c())
    header = read_header(file, len(vector_c()))
    assert file.tell() == header.data_start == 80


def test_a_sparse_file_of_true_size_is_whole(tmp_path: Path) -> None:
    path = sdxl_checkpoint().write(tmp_path / "x.safetensors")
    with path.open("rb") as file:
        header = read_header(file, path.stat().st_size)
    label = header.tensors["model.diffusion_model.label_emb.0.0.weight"]
    assert label == Tensor("F16", (1280, 2816))


def test_scalars_and_empty_tensors_are_legal() -> None:
    header = header_of(safetensors_bytes({"alpha": ("F16", []), "none": ("F32", [4, 0])}))
    assert header.tensors["alpha"].shape == ()
    assert header.tensors["none"].shape == (4, 0)


def test_types_below_a_byte_are_counted_in_bits() -> None:
    header = header_of(safetensors_bytes({"a": ("F4", [2, 8]), "b": ("F6_E2M3", [4])}))
    assert header.data_start is not None
    assert dict(header.tensors) == {"a": Tensor("F4", (2, 8)), "b": Tensor("F6_E2M3", (4,))}


@pytest.mark.parametrize("dtype", BITS)
def test_every_type_of_the_format_is_known(dtype: str) -> None:
    assert header_of(safetensors_bytes({"a": (dtype, [8])})).tensors["a"].dtype == dtype


@pytest.mark.parametrize(
    "header",
    [
        '{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}',
        '{"a":{"data_offsets":[0,8],"dtype":"F32","shape":[2]}}',
        f'{{"a":{{{PAIR},"note":"more"}}}}',
        f'{{"a":{{{PAIR}}},"__metadata__":{{}}}}',
        f'{{"__metadata__":null,"a":{{{PAIR}}}}}',
        f'{{ "__metadata__" : {{"k":"v"}}, "a":{{{PAIR}}}}}   ',
        f'{{"\\u0061":{{{PAIR}}}}}',
    ],
)
def test_other_ways_to_write_the_same_are_understood(header: str) -> None:
    assert dict(header_of(safetensors(header, b"\0" * 8)).tensors) == {"a": Tensor("F32", (2,))}


def test_tensors_may_be_listed_in_another_order_than_they_lie() -> None:
    entries = {
        "last": {"dtype": "U8", "shape": [3], "data_offsets": [4, 7]},
        "first": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
    }
    assert set(header_of(safetensors(json.dumps(entries), b"\0" * 7)).tensors) == set(entries)


def test_colons_in_names_do_not_disturb() -> None:
    header = header_of(safetensors_bytes({"a:b": ("U8", [1])}, {"url": "https://example.org"}))
    assert set(header.tensors) == {"a:b"}


def one(entry: str, data: int = 8) -> bytes:
    """A file with one tensor, ``a``."""
    return safetensors(f'{{"a":{entry}}}', b"\0" * data)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (safetensors(f'{{"a":{{{PAIR}}},"a":{{{PAIR}}}}}', b"\0" * 8), "duplicate_keys"),
        (safetensors(f'{{"a":{{{PAIR}}},"\\u0061":{{{PAIR}}}}}', b"\0" * 8), "duplicate_keys"),
        (one('{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}'), "duplicate_keys"),
        (safetensors('{"__metadata__":{"k":"1","k":"2"}}'), "duplicate_keys"),
        (safetensors('{"__metadata__":{},"__metadata__":{}}'), "duplicate_keys"),
        (safetensors(b'{"\xff":1}'), "bad_encoding"),
        (safetensors('{"__metadata__":{"k":"\\ud800"}}'), "bad_encoding"),
        (safetensors(f'{{"\\ud800":{{{PAIR}}}}}', b"\0" * 8), "bad_encoding"),
        (safetensors('{"a":'), "bad_json"),
        (safetensors(f'{{"a":{{{PAIR}}}}}{{}}', b"\0" * 8), "bad_json"),
        (safetensors('{"a":NaN}'), "bad_json"),
        (one('{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}'), "bad_json"),
        (one('{"dtype":"F32","shape":[' + "9" * 5000 + '],"data_offsets":[0,8]}'), "bad_json"),
        (safetensors('{"a":' * 100_000), "bad_json"),
        (safetensors('{"__metadata__":{"k":' + "[" * 100_000), "bad_json"),
        (one("1"), "bad_header"),
        (one("[]"), "bad_header"),
        (safetensors('{"__metadata__":"text"}'), "bad_header"),
        (safetensors('{"__metadata__":{"k":1}}'), "bad_metadata"),
        (one('{"dtype":"F33","shape":[2],"data_offsets":[0,8]}'), "unknown_dtype"),
        (one('{"dtype":["F32"],"shape":[2],"data_offsets":[0,8]}'), "unknown_dtype"),
        (one('{"shape":[2],"data_offsets":[0,8]}'), "unknown_dtype"),
        (one('{"dtype":"F32","data_offsets":[0,8]}'), "bad_shape"),
        (one('{"dtype":"F32","shape":2,"data_offsets":[0,8]}'), "bad_shape"),
        (one('{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}'), "bad_shape"),
        (one('{"dtype":"U8","shape":[-2,-4],"data_offsets":[0,8]}'), "bad_shape"),
        (one('{"dtype":"U8","shape":[' + "9," * 200 + '9],"data_offsets":[0,8]}'), "bad_shape"),
        (one('{"dtype":"F32","shape":[2]}'), "bad_offsets"),
        (one('{"dtype":"F32","shape":[2],"data_offsets":[0]}'), "bad_offsets"),
        (one('{"dtype":"F32","shape":[2],"data_offsets":["0","8"]}'), "bad_offsets"),
        (one('{"dtype":"F32","shape":[3],"data_offsets":[0,8]}'), "bad_offsets"),
        (one('{"dtype":"F32","shape":[2],"data_offsets":[8,0]}'), "bad_offsets"),
        (one('{"dtype":"F32","shape":[2],"data_offsets":[8,16]}', 16), "bad_offsets"),
    ],
)
def test_a_header_that_cannot_be_is_refused(content: bytes, code: str) -> None:
    assert refusal_of(content).code == code


@pytest.mark.parametrize("second", ["[4,12]", "[12,20]"])
def test_tensors_that_overlap_or_leave_a_hole_are_refused(second: str) -> None:
    header = f'{{"a":{{{PAIR}}},"b":{{"dtype":"F32","shape":[2],"data_offsets":{second}}}}}'
    assert refusal_of(safetensors(header, b"\0" * 20)).code == "bad_offsets"


def test_a_truncated_file_says_how_much_is_missing() -> None:
    content = vector_c()
    error = refusal_of(content[:1000])
    assert error.code == "truncated"
    assert "has 1000 of 3145808 bytes" in error.message


def test_a_file_cut_within_its_header_says_that_more_is_missing() -> None:
    error = refusal_of(vector_b()[:100])
    assert error.code == "truncated"
    assert "has 100 of at least 136 bytes" in error.message


def test_a_file_that_shrank_since_its_size_was_taken_is_truncated() -> None:
    content = vector_b()
    error = refusal_of(content[:100], size=len(content))
    assert error.code == "truncated"
    assert "has 100 of" in error.message


def test_bytes_behind_the_tensors_are_refused() -> None:
    assert refusal_of(vector_a() + b"\0").code == "trailing_bytes"
