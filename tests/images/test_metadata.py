"""The text inside a picture file, of every format and however it was written there."""

from __future__ import annotations

import io
import os
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from stablequeue_core.errors import InvalidInfotext
from stablequeue_core.images.metadata import infotext_in, infotext_in_bytes
from stablequeue_core.images.text_chunks import MAX_TEXT_BYTES, texts_in
from stablequeue_core.testing.forge_simulator.pictures import encode_jpeg, encode_png, encode_webp

TEXT = "a lighthouse\nNegative prompt: blur\nSteps: 9, Sampler: Euler, Seed: 5"
FOREIGN = "灯台 « phare » 🗼\nSteps: 9, Sampler: Euler, Seed: 5"
LATIN = "Küste\nSteps: 9, Sampler: Euler, Seed: 5"
PIXELS = Image.new("RGB", (8, 8), "navy")
EXIF_IFD = 0x8769
USER_COMMENT = 0x9286

Write = Callable[[bytes], Path]


@pytest.fixture
def file(tmp_path: Path) -> Write:
    """Writes a file; its path."""

    def write(data: bytes) -> Path:
        path = tmp_path / "picture"
        path.write_bytes(data)
        return path

    return write


def png(*chunks: bytes) -> bytes:
    """A picture of one pixel with these chunks before it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + body + chunk(b"IEND", b"")


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png_by_pillow(**texts: str) -> bytes:
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    return saved("PNG", pnginfo=chunks)


def saved(format_name: str, **options: object) -> bytes:
    output = io.BytesIO()
    PIXELS.save(output, format_name, **options)
    return output.getvalue()


def exif(comment: bytes) -> bytes:
    tags = Image.Exif()
    tags[0x010F] = "A maker with a long name"
    tags.get_ifd(EXIF_IFD)[USER_COMMENT] = comment
    return tags.tobytes()


def in_order(order: str, comment: bytes) -> bytes:
    """EXIF in either byte order, laid out by hand."""
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(f"{order}HI", 42, 8)
    first = struct.pack(f"{order}HHHIII", 1, EXIF_IFD, 4, 1, 26, 0)
    second = struct.pack(f"{order}HHHIII", 1, USER_COMMENT, 7, len(comment), 44, 0)
    return b"Exif\0\0" + head + first + second + comment


@pytest.mark.parametrize("text", [TEXT, FOREIGN, LATIN], ids=["ascii", "foreign", "latin"])
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: encode_png(PIXELS, text),
        lambda text: encode_jpeg(PIXELS, text, 80),
        lambda text: encode_webp(PIXELS, text, 80, lossless=False),
        lambda text: encode_webp(PIXELS, text, 80, lossless=True),
        lambda text: saved("GIF", comment=text.encode()),
        lambda text: saved("JPEG", comment=text.encode()),
        lambda text: saved("PNG", exif=exif(b"UNICODE\0" + text.encode("utf-16-be"))),
    ],
    ids=["png", "jpeg", "webp", "lossless webp", "gif", "jpeg comment", "png exif"],
)
def test_the_text_is_found_in_each_format(
    file: Write, encode: Callable[[str], bytes], text: str
) -> None:
    assert infotext_in(file(encode(text))) == text


@pytest.mark.parametrize(
    "name_and_content",
    [
        (b"tEXt", b"parameters\0" + LATIN.encode("latin-1")),
        (b"tEXt", b"parameters\0" + LATIN.encode()),
        (b"zTXt", b"parameters\0\0" + zlib.compress(LATIN.encode("latin-1"))),
        (b"zTXt", b"parameters\0\0" + zlib.compress(LATIN.encode())),
        (b"iTXt", b"parameters\0\0\0\0\0" + LATIN.encode()),
        (b"iTXt", b"parameters\0\0\0en\0Parameter\0" + LATIN.encode()),
        (b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(LATIN.encode())),
    ],
    ids=["tEXt", "tEXt utf-8", "zTXt", "zTXt utf-8", "iTXt", "iTXt named", "iTXt packed"],
)
def test_the_text_is_found_in_each_kind_of_png_chunk(
    file: Write, name_and_content: tuple[bytes, bytes]
) -> None:
    assert infotext_in(file(png(chunk(*name_and_content)))) == LATIN


def test_the_text_is_found_behind_the_pixels(file: Write) -> None:
    whole = png()
    end = chunk(b"IEND", b"")
    text = chunk(b"tEXt", b"parameters\0" + TEXT.encode())
    assert infotext_in(file(whole.removesuffix(end) + text + end)) == TEXT


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("prefix", "encoding"),
    [
        (b"UNICODE\0", "utf-16-be"),
        (b"UNICODE\0", "utf-16-le"),
        (b"UNICODE\0", "utf-16"),
        (b"ASCII\0\0\0", "utf-8"),
        (b"\0" * 8, "utf-8"),
        (b"\0" * 8, "latin-1"),
        (b"", "utf-8"),
    ],
)
def test_a_user_comment_is_read_in_any_encoding(
    file: Write, order: str, prefix: bytes, encoding: str
) -> None:
    """Writers agree neither on the byte order nor on what the prefix means."""
    comment = prefix + LATIN.encode(encoding)
    assert infotext_in(file(saved("JPEG", exif=in_order(order, comment)))) == LATIN


def test_the_user_comment_counts_more_than_the_text_of_a_png(file: Write) -> None:
    comment = exif(b"UNICODE\0" + LATIN.encode("utf-16-be")).removeprefix(b"Exif\0\0")
    text = chunk(b"tEXt", b"parameters\0" + TEXT.encode())
    assert infotext_in(file(png(text, chunk(b"eXIf", comment)))) == LATIN


def test_what_cameras_and_editors_write_is_no_infotext(file: Write) -> None:
    comment = b"ASCII\0\0\0Taken at sea: 1, again"
    text = chunk(b"tEXt", b"parameters\0" + TEXT.encode())
    picture = png(chunk(b"eXIf", in_order(">", comment).removeprefix(b"Exif\0\0")), text)
    assert infotext_in(file(picture)) == TEXT
    with pytest.raises(InvalidInfotext, match="does not tell how it was made"):
        infotext_in(file(saved("JPEG", comment=b"CREATOR: an editor (v1), quality = 80")))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (saved("PNG"), "does not tell how it was made"),
        (saved("JPEG"), "does not tell how it was made"),
        (saved("WEBP"), "does not tell how it was made"),
        (saved("GIF"), "does not tell how it was made"),
        (png_by_pillow(prompt="{}", workflow="{}"), "was made by ComfyUI: it holds a workflow"),
        (png_by_pillow(Software="NovelAI", Comment="{}"), "was made by NovelAI"),
        (png_by_pillow(parameters="{}", prompt="{}"), "was made by ComfyUI"),
        (png_by_pillow(Software="Krita"), "does not tell how it was made"),
        (saved("BMP"), "is no PNG, JPEG, WebP or GIF picture"),
        (b"<html>not found</html>", "is no PNG, JPEG, WebP or GIF picture"),
        (b"", "is no PNG, JPEG, WebP or GIF picture"),
    ],
)
def test_a_picture_without_infotext_is_told_by_what_it_is(
    file: Write, data: bytes, sentence: str
) -> None:
    with pytest.raises(InvalidInfotext, match=sentence) as caught:
        infotext_in(file(data))
    assert caught.value.message.startswith("'picture' ")


@pytest.mark.parametrize("name", ["missing.png", "\0.png", "x" * 300, "a\nb.png"])
def test_a_file_that_is_not_there_is_told_without_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInfotext) as caught:
        infotext_in(tmp_path / name)
    assert str(tmp_path) not in caught.value.message
    assert "\n" not in caught.value.message


def test_a_folder_or_a_pipe_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInfotext, match="is no file"):
        infotext_in(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InvalidInfotext, match="is no file"):
            infotext_in(tmp_path / "pipe")


def test_a_picture_of_any_claimed_size_is_read(file: Write) -> None:
    """A bomb is one for those who decode it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 16, 6, 0, 0, 0))
    text = chunk(b"tEXt", b"parameters\0" + TEXT.encode())
    assert infotext_in(file(b"\x89PNG\r\n\x1a\n" + head + text)) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        chunk(b"zTXt", b"parameters\0\0" + zlib.compress(bytes(50 * 2**20))),
        chunk(b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(bytes(50 * 2**20))),
        struct.pack(">I4s", 2**31, b"tEXt"),
        chunk(b"tEXt", b"parameters\0" + bytes(MAX_TEXT_BYTES)),
    ],
    ids=["packed", "packed, international", "claimed", "real"],
)
def test_a_text_that_swells_is_refused(file: Write, text: bytes) -> None:
    with pytest.raises(InvalidInfotext, match="longer than 4 MiB"):
        infotext_in(file(png(text)))


def test_a_text_that_swells_a_thousand_times_is_unpacked_once(file: Write) -> None:
    swelling = chunk(b"zTXt", b"Software\0\0" + zlib.compress(bytes(MAX_TEXT_BYTES)))
    unread = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(MAX_TEXT_BYTES)))
    text = chunk(b"tEXt", b"parameters\0" + TEXT.encode())
    started = time.perf_counter()
    assert infotext_in(file(png(*[swelling] * 1000, *[unread] * 1000, text))) == TEXT
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize(
    "broken",
    [
        chunk(b"zTXt", b"parameters\0\0not packed"),
        chunk(b"zTXt", b"parameters"),
        chunk(b"iTXt", b"parameters\0\1"),
        chunk(b"tEXt", b""),
        chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
        chunk(b"eXIf", in_order("<", b"")[6:]),
        chunk(b"eXIf", b"MM"),
    ],
)
def test_a_broken_text_is_none(file: Write, broken: bytes) -> None:
    with pytest.raises(InvalidInfotext, match="does not tell how it was made"):
        infotext_in(file(png(broken)))


PICTURES = [
    png_by_pillow(parameters=TEXT, Software="x"),
    encode_jpeg(PIXELS, TEXT, 80),
    encode_webp(PIXELS, TEXT, 80, lossless=False),
    saved("GIF", comment=TEXT.encode()),
]


@given(st.sampled_from(PICTURES), st.integers(0, 5000))
def test_a_picture_that_breaks_off_tells_what_it_has(picture: bytes, length: int) -> None:
    texts = texts_in(io.BytesIO(picture[:length]), frozenset({"parameters"}))
    assert texts is None or set(texts) <= {
        "parameters", "Software", "comment", "EXIF UserComment",
    }  # fmt: skip


@given(
    st.sampled_from(PICTURES),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=8),
)
def test_a_damaged_picture_is_read_or_refused(
    picture: bytes, damages: list[tuple[int, int]]
) -> None:
    damaged = bytearray(picture)
    for place, value in damages:
        damaged[place % len(damaged)] = value
    try:
        texts = texts_in(io.BytesIO(bytes(damaged)), frozenset({"parameters"}))
    except InvalidInfotext:
        texts = {}
    assert texts is None or all(isinstance(text, str) for text in texts.values())


def test_a_picture_that_is_no_file_here_is_read_the_same_way() -> None:
    assert infotext_in_bytes(encode_png(PIXELS, TEXT), "The file") == TEXT
    with pytest.raises(InvalidInfotext, match=r"^The file does not tell how it was made"):
        infotext_in_bytes(encode_jpeg(PIXELS, "", 80), "The file")
    with pytest.raises(InvalidInfotext, match=r"^The file is no PNG, JPEG, WebP or GIF picture"):
        infotext_in_bytes(b"<!DOCTYPE html>", "The file")
