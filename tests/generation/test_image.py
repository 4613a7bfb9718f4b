"""What kind of picture some bytes are."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stablequeue_core.generation import ImageFormat, sniff


@pytest.mark.parametrize(
    ("pillow_name", "kind"),
    [("PNG", ImageFormat.PNG), ("JPEG", ImageFormat.JPEG), ("WEBP", ImageFormat.WEBP)],
)
def test_a_picture_is_told_by_its_first_bytes(pillow_name: str, kind: ImageFormat) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(buffer, pillow_name)

    assert sniff(buffer.getvalue()) is kind
    assert kind.media_type == Image.MIME[pillow_name]


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG", b"GIF89a", b"RIFF1234WAVE", b"RIFF", b"<html>", b"\xff\xd8"]
)
def test_anything_else_is_none(data: bytes) -> None:
    assert sniff(data) is None


@given(st.binary(max_size=64))
def test_any_bytes_can_be_asked_about(data: bytes) -> None:
    assert sniff(data) in {None, *ImageFormat}
