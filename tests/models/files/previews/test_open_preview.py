"""What a picture beside a model really is; what is none; and what lies elsewhere."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.files.previews import pictures

from stablequeue_core.models.files.covers import embedded_preview
from stablequeue_core.models.files.picture_types import media_type_of
from stablequeue_core.models.files.previews import open_preview

posix_only = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")

REALLY = {
    "image/png": pictures.picture("PNG"),
    "image/jpeg": pictures.picture("JPEG"),
    "image/webp": pictures.picture("WEBP"),
    "image/gif": pictures.picture("GIF"),
    "image/avif": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B",
    "video/mp4": pictures.MP4,
    "video/quicktime": pictures.QUICKTIME,
    "video/webm": pictures.WEBM,
}
NO_PICTURES = {
    "a web page": pictures.HTML,
    "a drawing that may hold programs": pictures.SVG,
    "nothing": b"",
    "a text": b"not a picture",
    "a JSON": b'{"error": "Not found"}',
    "an iPhone's picture, which browsers do not show": pictures.HEIC,
    "music": pictures.MUSIC,
    "a Matroska film, which browsers do not show": pictures.MATROSKA,
    "half a PNG's mark": b"\x89PNG",
    "a box of no length": b"\0\0\0\0ftyp",
}


@pytest.mark.parametrize(("media_type", "content"), REALLY.items(), ids=REALLY)
def test_the_type_is_told_by_the_bytes_not_by_the_name(
    tmp_path: Path, media_type: str, content: bytes
) -> None:
    """Tools save films as ``x.preview.png``."""
    file = tmp_path / "x.preview.png"
    file.write_bytes(content)
    preview = open_preview(file, tmp_path)
    assert preview is not None
    assert preview.media_type == media_type
    assert preview.path == file.resolve()
    assert preview.size == len(content)
    assert preview.mtime_ns == file.stat().st_mtime_ns


@pytest.mark.parametrize("content", NO_PICTURES.values(), ids=NO_PICTURES)
def test_what_is_no_picture_is_no_preview(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(content)
    assert open_preview(file, tmp_path) is None


@pytest.mark.parametrize("name", ["gone.png", "folder.png", "a\0b.png", "x" * 300])
def test_what_is_no_file_is_no_preview(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.png").mkdir()
    assert open_preview(tmp_path / name, tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe_holds_up_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    assert open_preview(tmp_path / "x.png", tmp_path) is None


@posix_only
def test_a_link_is_followed_as_long_as_it_stays_in_the_model_folder(tmp_path: Path) -> None:
    root = tmp_path / "loras"
    (root / "styles").mkdir(parents=True)
    for place in (root / "real.png", tmp_path / "secret.png"):
        place.write_bytes(pictures.picture())
    (root / "styles" / "x.png").symlink_to(root / "real.png")
    (root / "styles" / "y.png").symlink_to(tmp_path / "secret.png")
    (root / "styles" / "z.png").symlink_to(root / "styles" / "z.png")
    found = open_preview(root / "styles" / "x.png", root)
    assert found is not None
    assert found.path == (root / "real.png").resolve()
    assert open_preview(root / "styles" / "y.png", root) is None
    assert open_preview(root / "styles" / "z.png", root) is None


def test_a_path_that_climbs_out_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "loras").mkdir()
    (tmp_path / "secret.png").write_bytes(pictures.picture())
    assert open_preview(tmp_path / "loras" / ".." / "secret.png", tmp_path / "loras") is None


def test_the_etag_stays_while_the_file_does_and_changes_with_it(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(pictures.picture())
    first, same = open_preview(file, tmp_path), open_preview(file, tmp_path)
    later = file.stat().st_mtime_ns + 1_000_000_000
    os.utime(file, ns=(later, later))
    changed = open_preview(file, tmp_path)
    assert first is not None
    assert same is not None
    assert changed is not None
    assert first.etag == same.etag
    assert changed.etag != first.etag
    assert first.etag.isalnum()


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda rest: b"\0\0\0\x20ftyp" + rest))
def test_any_bytes_are_some_type_or_none(head: bytes) -> None:
    assert (media_type_of(head) or "image/").partition("/")[0] in ("image", "video")


JPEG = pictures.picture("JPEG", (16, 16))
ENCODED = base64.b64encode(JPEG).decode()


@pytest.mark.parametrize(
    "metadata",
    [
        {"ssmd_cover_images": json.dumps([ENCODED])},
        {"ssmd_cover_images": json.dumps([None, "no base64!", ENCODED])},
        {"ssmd_cover_images": json.dumps([f"data:image/png;base64,{ENCODED}"])},
        {"modelspec.thumbnail": f"data:image/jpeg;base64,{ENCODED}"},
        {"ssmd_cover_images": "[]", "modelspec.thumbnail": f"data:image/webp;base64,{ENCODED}"},
    ],
)
def test_a_picture_in_the_header_is_found_whatever_type_it_claims(metadata: dict[str, str]) -> None:
    assert embedded_preview(metadata) == JPEG


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"ssmd_cover_images": "{"},
        {"ssmd_cover_images": "[" * 100_000},
        {"ssmd_cover_images": json.dumps({"0": ENCODED})},
        {"ssmd_cover_images": json.dumps([base64.b64encode(pictures.HTML).decode()])},
        {"ssmd_cover_images": json.dumps([base64.b64encode(pictures.MP4).decode()])},
        {"ssmd_cover_images": json.dumps([ENCODED[:-1]])},
        {"ssmd_cover_images": json.dumps([ENCODED + "A" * 8 * 2**20])},
        {"modelspec.thumbnail": "data:image/jpeg;base64," + ENCODED + "A" * 8 * 2**20},
        {"modelspec.thumbnail": "https://pictures.example/x.jpg"},
        {"modelspec.thumbnail": f"data:text/html;base64,{ENCODED}"},
        {"modelspec.thumbnail": "data:image/jpeg;base64,é"},
    ],
    ids=lambda metadata: str(metadata)[:50],
)
def test_a_header_without_a_picture_has_none(metadata: dict[str, str]) -> None:
    assert embedded_preview(metadata) is None


@given(st.dictionaries(st.sampled_from(["ssmd_cover_images", "modelspec.thumbnail"]), st.text()))
def test_text_that_is_no_picture_is_never_taken_for_one(metadata: dict[str, str]) -> None:
    assert embedded_preview(metadata) is None
