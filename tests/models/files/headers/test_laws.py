"""Laws of reading headers: whatever the bytes are."""

from __future__ import annotations

import json
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st
from tests.models.files.headers.gguf_files import GgufFile, integers, string, tensor
from tests.models.files.headers.reading import header_of, refusal_of, safetensors

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.files.headers import Header, Tensor, read_header
from stablequeue_core.models.files.headers.dtypes import BITS, tensor_bytes
from stablequeue_core.testing.model_files import safetensors_bytes, sdxl_lora

GGUF = GgufFile(
    keys=[string("general.architecture", "flux"), integers("comfy.gguf.orig_shape.a", [2, 2])],
    tensors=[tensor("a", [4]), tensor("b", [2, 2], offset=32)],
    data=b"\1" * 48,
).content()
WHOLE = st.sampled_from([sdxl_lora(rank=1, output_name="x").content(), GGUF])

texts = st.text(max_size=12)
shapes = st.lists(st.integers(0, 5), max_size=4)
tensors = st.dictionaries(
    texts.filter(lambda name: name != "__metadata__"),
    st.tuples(st.sampled_from(sorted(BITS)), shapes).filter(
        lambda tensor: tensor_bytes(*tensor) * 8 == _bits(*tensor)
    ),
    max_size=6,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


def _bits(dtype: str, shape: list[int]) -> int:
    product = BITS[dtype]
    for dimension in shape:
        product *= dimension
    return product


@given(tensors, st.dictionaries(texts, texts, max_size=4))
def test_what_was_written_is_read(
    written: dict[str, tuple[str, list[int]]], metadata: dict[str, str]
) -> None:
    header = header_of(safetensors_bytes(written, metadata))
    assert dict(header.tensors) == {
        name: Tensor(dtype, tuple(shape)) for name, (dtype, shape) in written.items()
    }
    assert header.metadata == metadata


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    _read_or_refused(content)


@given(st.binary(max_size=200), st.sampled_from([b"GGUF\3\0\0\0", b"GGUF\2\0\0\0"]))
def test_any_bytes_behind_the_beginning_of_a_gguf_are_read_or_refused(
    content: bytes, beginning: bytes
) -> None:
    _read_or_refused(beginning + content)


@given(st.dictionaries(texts, json_values, max_size=3))
def test_any_json_is_read_or_refused(header: dict[str, object]) -> None:
    _read_or_refused(safetensors(json.dumps(header)))


@given(WHOLE, st.data())
def test_a_damaged_file_is_read_or_refused(content: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(content) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=8))
    _read_or_refused(content[:at] + damage + content[at + len(damage) :])


@given(WHOLE, st.data())
def test_a_file_cut_anywhere_is_refused(content: bytes, data: st.DataObject) -> None:
    refusal_of(content[: data.draw(st.integers(0, len(content) - 1))])


@given(WHOLE, st.data())
def test_a_file_is_never_read_beyond_its_size(content: bytes, data: st.DataObject) -> None:
    """One that is still being written has more bytes than its size said a moment ago."""
    refusal_of(content, size=data.draw(st.integers(0, len(content) - 1)))


def _read_or_refused(content: bytes) -> None:
    """Anything but a header or UnreadableModel fails the test."""
    try:
        header = read_header(BytesIO(content), len(content))
    except UnreadableModel:
        return
    assert isinstance(header, Header)
    assert all(isinstance(tensor.shape, tuple) for tensor in header.tensors.values())
