"""What the reference library writes is read in a shorter way, which must not be an easier one."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.files.headers.reading import header_of, refusal_of, safetensors

from stablequeue_core.models.files.headers import Header
from stablequeue_core.testing.model_files import safetensors_bytes

PAIR = '"dtype":"F32","shape":[2],"data_offsets":[0,8]'

shapes = st.lists(st.integers(0, 12), max_size=3)
tensors = st.dictionaries(
    st.text(max_size=12).filter(lambda name: name != "__metadata__"),
    st.tuples(st.sampled_from(["F16", "F32", "U8"]), shapes),
    max_size=6,
)
metadata = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)


def rewritten(content: bytes, change: Any, **form: Any) -> Header:
    """The header of a file whose own is written in another form."""
    (length,) = struct.unpack("<Q", content[:8])
    header = change(json.loads(content[8 : 8 + length]))
    return header_of(safetensors(json.dumps(header, **form), content[8 + length :]))


@given(tensors, metadata)
def test_the_way_of_writing_does_not_matter(
    written: dict[str, tuple[str, list[int]]], said: dict[str, str]
) -> None:
    content = safetensors_bytes(written, said)
    usual = header_of(content)
    compact = rewritten(content, dict, separators=(",", ":"), ensure_ascii=False)
    spaced = rewritten(content, dict, indent=1)
    turned = rewritten(content, lambda header: dict(reversed(header.items())))
    for other in (compact, spaced, turned):
        assert dict(other.tensors) == dict(usual.tensors)
        assert other.metadata == usual.metadata


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (f'{{"a\n":{{{PAIR}}}}}', "bad_json"),
        (f'{{"a\0":{{{PAIR}}}}}', "bad_json"),
        (f'{{,"a":{{{PAIR}}}}}', "bad_json"),
        (f'{{"a":{{{PAIR}}},}}', "bad_json"),
        (f'{{"a":{{{PAIR}}}', "bad_json"),
        (f'{{"a":{{{PAIR}}}}}}}', "bad_json"),
        (f'{{"a":{{{PAIR}}}{{"b":{{{PAIR}}}}}', "bad_json"),
        ('{"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}', "bad_json"),
        ('{"a":{"dtype":"F32","shape":[2,],"data_offsets":[0,8]}}', "bad_json"),
        ('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,08]}}', "bad_json"),
        ('{"a":{"dtype":"F32","shape":[\u0662],"data_offsets":[0,8]}}', "bad_json"),
        ('{"a":{"dtype":"F4","shape":[17],"data_offsets":[0,8]}}', "bad_offsets"),
        ('{"a":{"dtype":"F32","shape":[2,true],"data_offsets":[0,8]}}', "bad_shape"),
        (f'{{"__metadata__":{{{PAIR}}}}}', "bad_metadata"),
        (f'{{"__metadata__":{{}},"__metadata__":{{{PAIR}}}}}', "duplicate_keys"),
    ],
)
def test_what_only_looks_like_it_is_seen_through(header: str, code: str) -> None:
    assert refusal_of(safetensors(header, b"\0" * 8)).code == code
