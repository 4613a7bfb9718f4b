"""The bytes that simulated servers send: any part of them is the same part of the whole."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.testing.civitai_simulator import generated_model
from stablequeue_core.testing.simulated_http import Content, content_of, generated, repeated

SIZE = 3_000_000


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Content of any kind, never of more than three megabytes."""
    size = draw(st.integers(40, SIZE))
    return draw(
        st.sampled_from(
            [
                generated(size),
                generated(size, seed=1, head=b"head"),
                repeated(size, b"begin", b"again, ", b"end"),
                content_of(generated(size).read()),
                generated(size + 20).part(10, size + 10),
                content_of(generated(size + 20).read()).part(10, size + 10),
            ]
        )
    )


@given(contents(), st.data())
def test_a_part_is_the_same_part_of_the_whole(content: Content, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, content.size))
    stop = data.draw(st.integers(start, content.size))
    whole = content.read()
    assert len(whole) == content.size
    assert content.read(start, stop) == whole[start:stop]
    assert content.part(start, stop).read() == whole[start:stop]


@given(contents(), st.integers(50_000, 2 * SIZE))
def test_pieces_are_no_longer_than_wanted_and_make_the_whole(content: Content, size: int) -> None:
    pieces = list(content.in_pieces(size))
    assert max(map(len, pieces)) <= size
    assert b"".join(pieces) == content.read()


def test_no_two_places_of_generated_bytes_look_alike() -> None:
    content = generated(8 * 1024 * 1024)
    window = 1024 * 1024
    found = {content.read(at, at + window) for at in range(0, content.size, window)}
    assert len(found) == 8
    assert generated(100, seed=1).read() != generated(100, seed=2).read()


def test_a_file_is_read_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"hello world")
    part = content_of(path).part(6, 11)
    assert part.on_disk() == (path, 6)
    assert part.read() == b"world"
    assert content_of(b"hello").on_disk() is None


def test_a_generated_model_is_one() -> None:
    content = generated_model(5_000_000, seed=3)
    (length,) = struct.unpack("<Q", content.read(0, 8))
    header = json.loads(content.read(8, 8 + length))
    assert content.size == 5_000_000 == 8 + length + header["w"]["data_offsets"][1]
    with pytest.raises(ValueError):
        generated_model(100)
