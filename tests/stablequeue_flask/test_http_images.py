"""GET /api/v1/images/<name> and /outputs/<name>: finished pictures, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from stablequeue_core import StableQueue

PICTURE = "88615c9d_1747190448393_00028-1806652750.png"
BASES = ("/outputs", "/api/v1/images")


@pytest.fixture
def picture(queue: StableQueue, png: bytes) -> Path:
    queue.images.save(PICTURE, png)
    return queue.images.path(PICTURE)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.usefixtures("picture")
def test_a_picture_is_served_by_name(client: Any, png: bytes, base: str) -> None:
    with client.get(f"{base}/{PICTURE}") as answer:
        assert answer.status_code == 200
        assert answer.data == png
        assert answer.mimetype == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.content_length == len(png)


@pytest.mark.parametrize(
    ("suffix", "media_type"), [("jpg", "image/jpeg"), ("webp", "image/webp"), ("png", "image/png")]
)
def test_the_content_type_is_that_of_the_picture(
    client: Any, queue: StableQueue, suffix: str, media_type: str
) -> None:
    name = f"88615c9d_1747190448393_00000-1.{suffix}"
    queue.images.save(name, b"bytes")
    with client.get(f"/outputs/{name}") as answer:
        assert answer.headers["Content-Type"] == media_type


@pytest.mark.usefixtures("picture")
def test_who_has_the_picture_already_gets_304(client: Any) -> None:
    with client.get(f"/outputs/{PICTURE}") as first:
        etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for header in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
        with client.get(f"/outputs/{PICTURE}", headers=header) as again:
            assert again.status_code == 304
            assert again.data == b""


@pytest.mark.usefixtures("picture")
def test_a_part_of_the_picture_can_be_asked_for(client: Any, png: bytes) -> None:
    with client.get(f"/outputs/{PICTURE}", headers={"Range": "bytes=1-3"}) as answer:
        assert answer.status_code == 206
        assert answer.data == png[1:4]
    with client.get(f"/outputs/{PICTURE}", headers={"Range": "bytes=999-"}) as answer:
        assert answer.status_code == 416
        assert answer.json["success"] is False


@pytest.mark.usefixtures("picture")
def test_head_tells_the_length_without_the_picture(client: Any, png: bytes) -> None:
    with client.head(f"/outputs/{PICTURE}") as answer:
        assert (answer.status_code, answer.content_length, answer.data) == (200, len(png), b"")


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "name",
    [
        "88615c9d_1747190448393_00029-1.png",
        "nothing.png",
        "queue.sqlite3",
        "..%2fqueue.sqlite3",
        "..%5cqueue.sqlite3",
        "../queue.sqlite3",
        "%2e%2e/queue.sqlite3",
        "..%252fqueue.sqlite3",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "C:%5cWindows%5cwin.ini",
        "%00",
        f"{PICTURE}%00.txt",
        f"{PICTURE}%20",
        f".%2f{PICTURE}",
        PICTURE.upper(),
        "%ff%fe",
        "CON",
        "a" * 5000,
        "..",
        ".",
    ],
)
@pytest.mark.usefixtures("picture")
def test_nothing_else_can_be_reached(client: Any, base: str, name: str) -> None:
    with client.get(f"{base}/{name}", follow_redirects=True) as answer:
        assert answer.status_code == 404
        assert answer.json["error"] in ("image_not_found", "not_found")
        assert b"SQLite" not in answer.data


def test_a_link_is_not_followed(client: Any, queue: StableQueue, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    name = "88615c9d_1747190448393_00000-2.png"
    try:
        os.symlink(secret, queue.images.folder / name)
    except OSError:
        pytest.skip("this system lets us make no links")
    assert client.get(f"/outputs/{name}").status_code == 404


def test_a_picture_that_is_deleted_just_now_is_404(
    client: Any, queue: StableQueue, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture.unlink()
    monkeypatch.setattr(queue.images, "path", lambda name: picture)
    answer = client.get(f"/outputs/{PICTURE}")
    assert answer.status_code == 404
    assert answer.json["error"] == "image_not_found"
