"""Previews of models over HTTP: pictures and films by their bytes, thumbnails, caching."""

from __future__ import annotations

import base64
import json
import os
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.worlds import ACORN, CHECKPOINTS, LORAS, PONY, WATERCOLOR, World, picture

from stablequeue_core.testing.model_files import sdxl_lora

PREVIEW = f"/api/v1/models/{ACORN}/preview"
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00" * 64
WEBM = (
    b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"
    + bytes(64)
)


def beside(shelf: World, model: str, suffix: str) -> Path:
    """A file beside a checkpoint."""
    return (shelf.folder.parent / "models" / CHECKPOINTS / model).with_suffix(suffix)


def bomb() -> bytes:
    """A PNG of a few bytes that says that it has 900 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_preview_is_served_with_its_type_and_as_nothing_but_a_picture(
    gallery: Any, shelf: World
) -> None:
    with gallery.get(f"{PREVIEW}?type=checkpoint") as answer:
        assert answer.status_code == 200
        assert answer.data == beside(shelf, ACORN, ".png").read_bytes()
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.content_length == len(answer.data)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_lora_s_preview_is_asked_for_by_its_type(gallery: Any) -> None:
    with gallery.get(f"/api/v1/models/{WATERCOLOR}/preview?type=lora") as answer:
        assert answer.headers["Content-Type"] == "image/webp"


def test_a_picture_in_the_file_itself_will_do_where_there_is_no_other(
    gallery: Any, shelf: World, tmp_path: Path
) -> None:
    cover = picture(tmp_path / "cover.png", (32, 32)).read_bytes()
    said = {"ssmd_cover_images": json.dumps([base64.b64encode(cover).decode()])}
    sdxl_lora(metadata=said).write(shelf.folder.parent / "models" / LORAS / "covered.safetensors")
    shelf.queue.models.scan()
    (model,) = gallery.get("/api/v1/models?q=covered").json["models"]
    with gallery.get(model["preview_url"]) as answer:
        assert (answer.data, answer.headers["Content-Type"]) == (cover, "image/png")
    loras = {each["filename"]: each for each in gallery.get("/api/v1/loras").json}
    assert loras["covered.safetensors"]["previewAvailable"] is True


def test_the_index_chooses_among_several(gallery: Any, shelf: World) -> None:
    for index, suffix in enumerate((".png", ".preview.png")):
        with gallery.get(f"{PREVIEW}?index={index}") as answer:
            assert answer.data == beside(shelf, ACORN, suffix).read_bytes()


@pytest.mark.parametrize("index", [2, 999999999999999999])
def test_an_index_without_a_preview_is_404_and_says_how_many_there_are(
    gallery: Any, index: int
) -> None:
    answer = gallery.get(f"{PREVIEW}?index={index}")
    assert answer.status_code == 404
    assert answer.json["error"] == "preview_not_found"
    assert answer.json["details"]["count"] == 2


def test_a_model_without_previews_is_404(gallery: Any) -> None:
    answer = gallery.get(f"/api/v1/models/{PONY}/preview")
    assert answer.status_code == 404
    assert answer.json["error"] == "preview_not_found"


@pytest.mark.parametrize(
    "query", ["index=-1", "index=one", "width=0", "width=-5", "width=wide", "width=4097", "width="]
)
def test_a_parameter_that_can_not_be_used_is_named(gallery: Any, query: str) -> None:
    answer = gallery.get(f"{PREVIEW}?{query}")
    assert answer.status_code == 400
    assert answer.json["details"]["fields"][0]["path"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("content", "media_type"), [(MP4, "video/mp4"), (WEBM, "video/webm")], ids=["mp4", "webm"]
)
def test_a_film_that_is_named_like_a_picture_is_served_as_a_film(
    gallery: Any, shelf: World, content: bytes, media_type: str
) -> None:
    beside(shelf, PONY, ".png").write_bytes(content)
    shelf.queue.models.scan()
    for query in ("", "?width=128"):
        with gallery.get(f"/api/v1/models/{PONY}/preview{query}") as answer:
            assert answer.status_code == 200
            assert answer.headers["Content-Type"] == media_type
            assert answer.data == content


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"",
    ],
    ids=["html", "svg", "empty"],
)
def test_what_is_no_picture_is_never_served(gallery: Any, shelf: World, content: bytes) -> None:
    beside(shelf, PONY, ".png").write_bytes(content)
    shelf.queue.models.scan()
    answer = gallery.get(f"/api/v1/models/{PONY}/preview")
    assert answer.status_code == 404
    assert answer.json["error"] == "preview_not_found"
    assert "('cyberrealisticPony_v8.png') is no picture or film" in answer.json["message"]


def test_who_has_the_preview_already_gets_304(gallery: Any) -> None:
    for query in ("", "?width=16"):
        with gallery.get(f"{PREVIEW}{query}") as first:
            etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
        for header in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
            with gallery.get(f"{PREVIEW}{query}", headers=header) as again:
                assert again.status_code == 304
                assert again.data == b""


def test_a_preview_that_was_replaced_is_sent_again(gallery: Any, shelf: World) -> None:
    """So browsers are told to ask each time, and the tag changes with the file."""
    with gallery.get(PREVIEW) as first:
        assert "no-cache" in first.headers["Cache-Control"]
        etag = first.headers["ETag"]
    replaced = picture(beside(shelf, ACORN, ".png"), (100, 10))
    with gallery.get(PREVIEW, headers={"If-None-Match": etag}) as again:
        assert again.status_code == 200
        assert again.data == replaced.read_bytes()


def test_a_thumbnail_has_a_tag_of_its_own(gallery: Any) -> None:
    tags = set()
    for query in ("", "?width=96", "?width=320"):
        with gallery.get(f"{PREVIEW}{query}") as answer:
            tags.add(answer.headers["ETag"])
    assert len(tags) == 3


@pytest.mark.parametrize("seconds", [-86_400, 400_000_000_000])
def test_a_preview_of_a_time_that_http_can_not_tell_is_served(
    gallery: Any, shelf: World, seconds: int
) -> None:
    file = beside(shelf, ACORN, ".png")
    try:
        os.utime(file, (seconds, seconds))
    except (OSError, OverflowError):
        pytest.skip("this system keeps no such times")
    shelf.queue.models.scan()
    with gallery.get(PREVIEW) as answer:
        assert answer.status_code == 200
        assert answer.data == file.read_bytes()


def test_a_part_of_a_film_can_be_asked_for(gallery: Any, shelf: World) -> None:
    """Browsers play no film without that."""
    beside(shelf, PONY, ".png").write_bytes(MP4)
    shelf.queue.models.scan()
    path = f"/api/v1/models/{PONY}/preview"
    with gallery.get(path, headers={"Range": "bytes=4-7"}) as answer:
        assert answer.status_code == 206
        assert answer.data == b"ftyp"
        assert answer.headers["Content-Range"] == f"bytes 4-7/{len(MP4)}"
    with gallery.get(path, headers={"Range": "bytes=99999-"}) as answer:
        assert answer.status_code == 416
        assert answer.json["success"] is False


def test_head_tells_the_length_without_the_preview(gallery: Any, shelf: World) -> None:
    size = beside(shelf, ACORN, ".png").stat().st_size
    with gallery.head(PREVIEW) as answer:
        assert (answer.status_code, answer.content_length, answer.data) == (200, size, b"")


def test_a_thumbnail_is_as_wide_as_asked(gallery: Any, shelf: World) -> None:
    picture(beside(shelf, ACORN, ".png"), (1200, 600))
    with gallery.get(f"{PREVIEW}?width=256") as answer:
        assert answer.status_code == 200
        made = Image.open(BytesIO(answer.data))
        assert answer.headers["Content-Type"] == f"image/{str(made.format).lower()}"
    assert 256 <= made.width < 1200
    assert made.width == 2 * made.height


def test_a_small_preview_is_not_blown_up(gallery: Any) -> None:
    with gallery.get(f"{PREVIEW}?width=4096") as answer:
        assert Image.open(BytesIO(answer.data)).size == (64, 96)


def test_a_bomb_is_refused_in_plain_words(gallery: Any, shelf: World) -> None:
    beside(shelf, ACORN, ".png").write_bytes(bomb())
    answer = gallery.get(f"{PREVIEW}?width=256")
    assert answer.status_code == 422
    assert answer.json["error"] == "preview_too_large"
    assert answer.json["message"]


def test_a_broken_picture_makes_no_thumbnail(gallery: Any, shelf: World) -> None:
    whole = picture(beside(shelf, ACORN, ".png"), (512, 512)).read_bytes()
    beside(shelf, ACORN, ".png").write_bytes(whole[: len(whole) // 2])
    answer = gallery.get(f"{PREVIEW}?width=64")
    assert answer.status_code == 422
    assert answer.json["error"] == "preview_unreadable"


def test_a_preview_that_is_deleted_just_now_is_404(gallery: Any, shelf: World) -> None:
    for ending in (".png", ".preview.png"):
        beside(shelf, ACORN, ending).unlink()
    answer = gallery.get(PREVIEW)
    assert answer.status_code == 404
    assert answer.json["error"] == "preview_not_found"


def test_a_preview_that_is_a_link_out_of_the_folder_is_not_served(
    gallery: Any, shelf: World, tmp_path: Path
) -> None:
    secret = picture(tmp_path / "secret.png", (8, 8))
    link = shelf.folder.parent / "models" / LORAS / "styles" / "watercolor_v2.png"
    try:
        link.symlink_to(secret)
    except OSError:
        pytest.skip("this system lets us make no links")
    shelf.queue.models.scan()
    for index in range(3):
        with gallery.get(f"/api/v1/models/{WATERCOLOR}/preview?type=lora&index={index}") as answer:
            assert answer.data != secret.read_bytes()
