"""Small copies: made once, never larger than the picture, and bombs are refused."""

from __future__ import annotations

import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from tests.models.files.previews import pictures

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.files.previews import Preview, open_preview
from stablequeue_core.models.files.thumbnails import Thumbnails

UPRIGHT_FROM = 0x0112  # the EXIF tag that says how a camera was held


class Shelf:
    """One picture in a model folder, and the thumbnails elsewhere."""

    def __init__(self, root: Path) -> None:
        self.models = root / "loras"
        self.models.mkdir()
        self.folder = root / "data" / "thumbnails"
        self.file = self.models / "x.preview.png"
        self.thumbnails = Thumbnails(self.folder)

    def put(self, content: bytes) -> Preview:
        """Save the picture, and look at it."""
        self.file.write_bytes(content)
        preview = open_preview(self.file, self.models)
        assert preview is not None
        return preview

    def small(self, content: bytes, width: int = 96) -> Image.Image:
        """A thumbnail of the picture, as a browser shows it."""
        copy = self.thumbnails.of(self.put(content), width)
        assert copy is not None
        assert copy.media_type == "image/webp"
        with Image.open(copy.path, formats=["WEBP"]) as image:
            image.load()
            return image

    @property
    def kept(self) -> set[str]:
        """All files in the thumbnails' folder."""
        return {entry.name for entry in self.folder.iterdir()}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def colour_of(image: Image.Image) -> str:
    red, _, blue = image.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    return "red" if red > blue else "blue"


@pytest.mark.parametrize("picture_format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_every_kind_of_picture_has_a_thumbnail(shelf: Shelf, picture_format: str) -> None:
    image = shelf.small(pictures.picture(picture_format))
    assert (image.format, image.size, colour_of(image)) == ("WEBP", (96, 48), "red")


@pytest.mark.parametrize(
    ("asked", "made"),
    [(1, 96), (96, 96), (97, 160), (300, 320), (450, 450), (641, 960), (5000, 960)],
)
def test_widths_are_brought_up_to_a_few(shelf: Shelf, asked: int, made: int) -> None:
    assert shelf.small(pictures.picture(size=(1200, 600)), asked).width == made


def test_a_thumbnail_is_never_larger_than_the_picture(shelf: Shelf) -> None:
    assert shelf.small(pictures.picture(size=(60, 40)), 320).size == (60, 40)


def test_a_tower_stays_a_tower_but_no_higher_than_four_times_the_width(shelf: Shelf) -> None:
    assert shelf.small(pictures.picture(size=(100, 10_000)), 96).size == (4, 384)


def test_a_picture_of_a_turned_camera_is_upright(shelf: Shelf) -> None:
    exif = Image.Exif()
    exif[UPRIGHT_FROM] = 6
    image = shelf.small(pictures.picture("JPEG", (400, 200), exif=exif), 96)
    assert image.size == (96, 192)
    assert UPRIGHT_FROM not in image.getexif()


@pytest.mark.parametrize(
    ("mode", "colour", "mode_of_copy"),
    [
        ("RGBA", (200, 30, 30, 0), "RGBA"),
        ("LA", (80, 0), "RGBA"),
        ("RGB", (200, 30, 30), "RGB"),
        ("L", 80, "RGB"),
        ("P", 3, "RGB"),
        ("1", 1, "RGB"),
        ("I;16", 30_000, "RGB"),
    ],
)
def test_transparency_stays(shelf: Shelf, mode: str, colour: object, mode_of_copy: str) -> None:
    image = shelf.small(pictures.picture("PNG", mode=mode, colour=colour))
    assert image.mode == mode_of_copy
    if mode_of_copy == "RGBA":
        assert image.getchannel("A").getextrema() == (0, 0)


def test_a_colour_that_stands_for_transparency_stays_transparent(shelf: Shelf) -> None:
    image = shelf.small(pictures.picture("PNG", colour=pictures.RED, transparency=pictures.RED))
    assert image.getchannel("A").getextrema() == (0, 0)


def test_a_grey_of_16_bits_is_no_lighter_or_darker(shelf: Shelf) -> None:
    image = shelf.small(pictures.picture("PNG", mode="I;16", colour=128 * 256))
    assert image.convert("L").getextrema() == (128, 128)


def test_a_picture_for_printers_has_the_colours_of_a_screen(shelf: Shelf) -> None:
    image = shelf.small(pictures.picture("JPEG", mode="CMYK", colour=(0, 255, 255, 0)))
    assert (image.mode, colour_of(image)) == ("RGB", "red")


@pytest.mark.parametrize("picture_format", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_shown(shelf: Shelf, picture_format: str) -> None:
    image = shelf.small(pictures.animation(picture_format))
    assert (getattr(image, "n_frames", 1), colour_of(image)) == (1, "red")


@pytest.mark.parametrize("film", [pictures.MP4, pictures.WEBM, pictures.QUICKTIME])
def test_a_film_has_no_thumbnail(shelf: Shelf, film: bytes) -> None:
    assert shelf.thumbnails.of(shelf.put(film), 96) is None


def test_the_second_one_is_the_first_one(shelf: Shelf) -> None:
    preview = shelf.put(pictures.picture())
    first = shelf.thumbnails.of(preview, 90)
    second = Thumbnails(shelf.folder).of(preview, 96)
    assert first is not None
    assert first == second
    assert first.mtime_ns == first.path.stat().st_mtime_ns
    assert shelf.kept == {first.path.name}


def test_a_changed_picture_has_another_thumbnail(shelf: Shelf) -> None:
    assert colour_of(shelf.small(pictures.picture(colour=pictures.RED))) == "red"
    later = shelf.file.stat().st_mtime_ns + 1_000_000_000
    shelf.put(pictures.picture(colour=pictures.BLUE))
    os.utime(shelf.file, ns=(later, later))
    changed = open_preview(shelf.file, shelf.models)
    assert changed is not None
    copy = shelf.thumbnails.of(changed, 96)
    assert copy is not None
    with Image.open(copy.path) as image:
        assert colour_of(image) == "blue"


def test_a_picture_that_has_changed_since_it_was_looked_at_has_none(shelf: Shelf) -> None:
    preview = shelf.put(pictures.picture())
    shelf.put(pictures.picture(size=(500, 500)))
    assert shelf.thumbnails.of(preview, 96) is None
    shelf.file.unlink()
    assert shelf.thumbnails.of(preview, 96) is None


def test_many_threads_that_ask_at_once_are_given_the_same(shelf: Shelf) -> None:
    preview = shelf.put(pictures.picture(size=(1200, 600)))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: shelf.thumbnails.of(preview, 320), range(16)))
    assert made[0] is not None
    assert made == [made[0]] * 16
    assert shelf.kept == {made[0].path.name}


def test_a_jpeg_that_goes_over_its_area_for_ever_is_refused(shelf: Shelf) -> None:
    """Each scan takes as long as the picture, and an empty one takes a few bytes only."""
    file = io.BytesIO()
    Image.new("L", (64, 64), "grey").save(file, "JPEG", progressive=True)
    data = file.getvalue()
    start = data.rindex(b"\xff\xda")
    preview = shelf.put(data[:start] + data[start:-2] * 200 + data[-2:])
    with pytest.raises(UnreadableModel) as caught:
        shelf.thumbnails.of(preview, 96)
    assert caught.value.code == "preview_too_large"
    assert shelf.small(data).size == (64, 64)


@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 10_000), (8001, 8000)])
def test_a_bomb_is_refused_before_it_goes_off(shelf: Shelf, size: tuple[int, int]) -> None:
    preview = shelf.put(pictures.bomb(*size))
    assert preview.size < 1000
    with pytest.raises(UnreadableModel, match="64 megapixels") as caught:
        shelf.thumbnails.of(preview, 96)
    assert caught.value.code == "preview_too_large"
    assert "'x.preview.png'" in caught.value.message
    assert str(shelf.models) not in caught.value.message


def test_a_file_of_many_megabytes_is_refused(shelf: Shelf) -> None:
    shelf.put(pictures.picture())
    os.truncate(shelf.file, 129 * 2**20)  # takes up no room on the disk
    preview = open_preview(shelf.file, shelf.models)
    assert preview is not None
    with pytest.raises(UnreadableModel, match="128 MiB"):
        shelf.thumbnails.of(preview, 96)


BROKEN = {
    "a lying PNG": pictures.bomb(500, 500),
    "only a mark": b"\x89PNG\r\n\x1a\n" + b"x" * 50,
    "only a JPEG's mark": b"\xff\xd8\xff" + b"\0" * 50,
    "only a WEBP's mark": b"RIFF\x50\0\0\0WEBPVP8 " + b"\xff" * 60,
    "only a GIF's mark": b"GIF89a" + b"\xff" * 10,
    "only an AVIF's mark": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B",
    **{
        f"half a {kind}": pictures.picture(kind, (300, 300))[: -len(pictures.picture(kind)) // 2]
        for kind in ("PNG", "JPEG", "WEBP", "GIF")
    },
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_picture_is_said_to_be_broken(shelf: Shelf, content: bytes) -> None:
    preview = shelf.put(content)
    with pytest.raises(UnreadableModel, match="broken picture") as caught:
        shelf.thumbnails.of(preview, 96)
    assert caught.value.code == "preview_unreadable"
    assert str(shelf.models) not in caught.value.message


def test_where_none_can_be_kept_the_original_has_to_do(shelf: Shelf) -> None:
    shelf.folder.parent.write_text("a file where the folder should be")
    assert shelf.thumbnails.of(shelf.put(pictures.picture()), 96) is None


def test_a_spoiled_copy_is_made_anew(shelf: Shelf) -> None:
    preview = shelf.put(pictures.picture())
    copy = shelf.thumbnails.of(preview, 96)
    assert copy is not None
    copy.path.write_bytes(b"")
    again = shelf.thumbnails.of(preview, 96)
    assert again is not None
    assert again.size == copy.size


def test_the_oldest_of_too_many_are_swept_and_nothing_else(shelf: Shelf) -> None:
    preview = shelf.put(pictures.picture(size=(1200, 600)))
    made = [shelf.thumbnails.of(preview, width) for width in (96, 160, 320)]
    names = [copy.path.name for copy in made if copy]
    now = time.time()
    for age, name in enumerate(reversed(names)):
        os.utime(shelf.folder / name, (now - age, now - age))
    foreign = shelf.folder / "readme.txt"
    foreign.write_text("not ours")
    young, old = (shelf.folder / f".{letter * 16}.tmp" for letter in "ab")
    for path, age in ((young, 0), (old, 7200), (foreign, 7200)):
        path.touch()
        os.utime(path, (now - age, now - age))
    Thumbnails(shelf.folder, most=2)
    assert shelf.kept == {*names[1:], "readme.txt", young.name}
