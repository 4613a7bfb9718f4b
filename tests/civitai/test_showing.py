"""Pictures of a version: stills before films, mild before others, told apart by their bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from io import BytesIO

import pytest
from PIL import Image
from tests.civitai.clients import Anybody, client_of, in_json, page
from tests.civitai.library import FILM, WEBM, painted

from stablequeue_core.civitai.library.showing import (
    LARGEST_FILM,
    LARGEST_STILL,
    MOST_TRIED,
    Showing,
)
from stablequeue_core.civitai.records import CivitaiPicture
from stablequeue_core.errors import ConnectFailed
from stablequeue_core.transport import Request, Response

Bodies = Mapping[str, bytes | Response | Exception]
CDN = "https://image.civitai.com/xG1n/0b6d"


def a_bomb() -> bytes:
    """A PNG that claims four gigapixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 65536, 65536, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + crc + b"\0\0\0\0IDAT5\xaf\x06\x1e"


def picture(name: str, **more: object) -> CivitaiPicture:
    told = {"is_film": name.endswith(".mp4"), "nsfw_level": 1}
    return CivitaiPicture(url=f"{CDN}/original=true/{name}", **{**told, **more})  # type: ignore[arg-type]


def showing(bodies: Bodies, *pictures: CivitaiPicture) -> tuple[Showing, Anybody]:
    """A CDN that answers by the end of the address; what is not told is not there."""

    def answer(request: Request) -> Response | Exception:
        _, _, rest = request.url.partition(f"{CDN}/")
        body = bodies.get(rest, bodies.get(rest.rpartition("/")[2], in_json({}, 404)))
        return Response(status=200, body=body) if isinstance(body, bytes) else body

    client, anybody = client_of(answer)
    return Showing(client, pictures), anybody


def shown(made: Showing) -> dict[str, str]:
    """The names and what the bytes are."""
    return {file.suffix: kind_of(file.data) for file in made.fetch()}


def kind_of(data: bytes) -> str:
    if data.startswith((FILM[:12], WEBM[:4])):
        return "film"
    with Image.open(BytesIO(data)) as image:
        return image.format or "?"


def test_the_first_still_is_a_jpeg_and_the_second_a_real_png() -> None:
    made, _ = showing(
        {"1.jpeg": painted("teal"), "2.jpeg": painted("navy")}, picture("1.jpeg"), picture("2.jpeg")
    )
    assert shown(made) == {".jpg": "JPEG", ".preview.png": "PNG"}


def test_a_jpeg_is_kept_to_the_byte_and_anything_else_is_made_one() -> None:
    jpeg = painted("teal")
    made, _ = showing({"1.jpeg": jpeg}, picture("1.jpeg"))
    assert [file.data for file in made.fetch()] == [jpeg]
    for form in ("PNG", "WEBP", "GIF"):
        made, _ = showing({"1.jpeg": painted("teal", form)}, picture("1.jpeg"))
        assert shown(made) == {".jpg": "JPEG"}


def test_a_png_is_kept_to_the_byte_where_a_png_belongs() -> None:
    png = painted("navy", "PNG")
    made, _ = showing(
        {"1.jpeg": painted("teal"), "2.jpeg": png}, picture("1.jpeg"), picture("2.jpeg")
    )
    assert made.fetch()[1].data == png


def test_pictures_are_asked_for_at_the_width_of_a_card() -> None:
    made, anybody = showing({"1.jpeg": painted("teal")}, picture("1.jpeg"))
    made.fetch()
    assert anybody.urls == [f"{CDN}/width=450/1.jpeg"]


def test_what_is_wider_all_the_same_is_made_smaller_when_it_is_written_anew() -> None:
    made, _ = showing({"1.jpeg": painted("teal", "WEBP", (900, 300))}, picture("1.jpeg"))
    with Image.open(BytesIO(made.fetch()[0].data)) as image:
        assert image.size == (450, 150)


def test_mild_pictures_go_first_and_the_rest_stay_in_civitais_order() -> None:
    made, _ = showing(
        {},
        picture("1.jpeg", nsfw_level=4),
        picture("2.jpeg", nsfw_level=2),
        picture("3.jpeg", nsfw_level=0),
        picture("4.jpeg", nsfw_level=1),
        picture("5.jpeg", nsfw_level=1 | 4),
    )
    assert [url[-6:] for url in made.wanted] == ["2.jpeg", "4.jpeg"]
    assert made.fetch() == []
    assert len(made.problems) == 5


def test_a_version_whose_first_picture_is_a_film_shows_its_stills() -> None:
    made, anybody = showing({"2.jpeg": painted("teal")}, picture("1.mp4"), picture("2.jpeg"))
    assert shown(made) == {".jpg": "JPEG"}
    assert len(anybody.urls) == 1


@pytest.mark.parametrize(("film", "suffix"), [(FILM, ".mp4"), (WEBM, ".webm")])
def test_where_there_are_films_only_one_is_kept_with_its_true_extension(
    film: bytes, suffix: str
) -> None:
    bodies = {
        "original=true/1.mp4": film,
        "anim=false,transcode=true,width=450/1.jpeg": painted("navy"),
    }
    made, _ = showing(bodies, picture("1.mp4"), picture("2.mp4"))
    assert shown(made) == {suffix: "film", ".jpg": "JPEG"}
    assert made.fetch()[0].data == film
    assert made.wanted == [f"{CDN}/original=true/1.mp4"]


def test_a_film_that_is_called_a_picture_is_no_preview_png() -> None:
    """The bytes decide, not the name and not what the API says."""
    bodies = {"1.jpeg": FILM, "2.jpeg": painted("teal")}
    made, _ = showing(bodies, picture("1.jpeg"), picture("2.jpeg"))
    assert shown(made) == {".jpg": "JPEG"}
    still = "anim=false,transcode=true,width=450/1.jpeg"
    made, _ = showing({"width=450/1.jpeg": FILM, still: painted("navy")}, picture("1.jpeg"))
    assert shown(made) == {".mp4": "film", ".jpg": "JPEG"}


def test_a_picture_and_a_film_have_no_more_bytes_than_they_may() -> None:
    huge = FILM + bytes(LARGEST_FILM)
    made, _ = showing({"original=true/1.mp4": huge}, picture("1.mp4"))
    assert made.fetch() == []
    made, _ = showing({"1.jpeg": painted("teal") + bytes(LARGEST_STILL)}, picture("1.jpeg"))
    assert made.fetch() == []
    assert len(made.problems) == 1


def test_a_bomb_is_told_to_be_one() -> None:
    made, _ = showing({"1.jpeg": a_bomb()}, picture("1.jpeg"))
    assert made.fetch() == []
    assert made.problems == ["A picture was left out: it has more pixels than any preview."]


def test_a_picture_that_is_called_a_film_is_a_picture() -> None:
    made, _ = showing({"1.mp4": painted("teal", "WEBP")}, picture("1.mp4"))
    assert shown(made) == {".jpg": "JPEG"}


def test_the_first_frame_of_an_animated_webp_is_shown() -> None:
    output = BytesIO()
    frames = [Image.new("RGB", (60, 90), colour) for colour in ("red", "blue")]
    frames[0].save(output, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    made, _ = showing({"1.jpeg": output.getvalue()}, picture("1.jpeg"))
    with Image.open(BytesIO(made.fetch()[0].data)) as image:
        red, green, blue = image.convert("RGB").getpixel((30, 45))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize(
    "broken",
    [a_bomb(), painted("teal")[:300], b"GIF89a", b"nothing at all", painted("teal", "PNG")[:60]],
    ids=["a bomb", "half a JPEG", "a beginning", "no picture", "half a PNG"],
)
def test_what_is_broken_or_a_bomb_is_left_out_and_the_next_one_shown(broken: bytes) -> None:
    bodies = {"1.jpeg": broken, "2.jpeg": painted("teal")}
    made, _ = showing(bodies, picture("1.jpeg"), picture("2.jpeg"))
    assert shown(made) == {".jpg": "JPEG"}
    assert len(made.problems) == 1


@pytest.mark.parametrize(
    "answer", [in_json({}, 404), in_json({}, 403), page(), Response(status=200, body=b"")]
)
def test_a_picture_that_cannot_be_had_is_told_and_the_next_one_shown(answer: Response) -> None:
    bodies: Bodies = {"1.jpeg": answer, "2.jpeg": painted("teal")}
    made, _ = showing(bodies, picture("1.jpeg"), picture("2.jpeg"))
    assert shown(made) == {".jpg": "JPEG"}
    assert len(made.problems) == 1


def test_a_cdn_that_is_down_is_not_asked_for_one_picture_after_the_other() -> None:
    down = ConnectFailed("Nobody answers.")
    several = [picture(f"{number}.jpeg") for number in range(6)]
    made, anybody = showing({f"{number}.jpeg": down for number in range(6)}, *several)
    assert made.fetch() == []
    assert len({request.url for request in anybody.requests}) == 1
    assert len(made.problems) == 1


def test_no_more_than_a_few_are_tried() -> None:
    made, anybody = showing({}, *(picture(f"{number}.jpeg") for number in range(50)))
    assert made.fetch() == []
    assert len(anybody.urls) == MOST_TRIED


def test_a_picture_at_another_host_is_not_fetched() -> None:
    elsewhere = CivitaiPicture(url="https://example.org/xG1n/0b6d/original=true/1.jpeg")
    made, anybody = showing({}, elsewhere)
    assert made.fetch() == []
    assert anybody.urls == []
    assert "example.org" in made.problems[0]
