"""What is written beside a model, and what of other people's stays."""

from __future__ import annotations

import os
import sys
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from tests.civitai.library import (
    FILM,
    Library,
    a_file,
    a_picture,
    at_civitai,
    lora,
    painted,
    sha256_of,
)
from tests.civitai.recorded import recorded

from stablequeue_core.civitai.library.refreshing import Written
from stablequeue_core.civitai.reading.models import model_in, version_in
from stablequeue_core.errors import SidecarNotWritten
from stablequeue_core.models.files.sidecars import Mark, mark_in

INK = "ink.safetensors"
SHA256 = sha256_of(lora(INK))
TWO = (a_picture(1), a_picture(2))


def ink_at_civitai(library: Library, *pictures: Any, **version: Any) -> None:
    """The one model that this is about, as Civitai has it from now on."""
    library.civitai.world.add(at_civitai(5, a_file(INK), pictures=pictures, **version))


def beside(library: Library, version_id: int = 5) -> Written:
    """Ask, and write; the files are a LoRA's."""
    file = library.folder / INK
    if not file.exists():
        library.put(INK)
    library.clock.advance(1)
    version = library.client.version(version_id)
    model = library.client.model(version_id * 10)
    return library.refresher.beside(file, version, model, sha256=SHA256)


def mark_of(library: Library) -> Mark:
    mark = mark_in(library.read("ink.civitai.info"))
    assert mark is not None
    return mark


def test_exactly_these_files_are_written(library: Library) -> None:
    ink_at_civitai(library, *TWO)
    assert beside(library) == Written(previews=("ink.jpg", "ink.preview.png"))
    assert library.files == [
        "ink.civitai.info",
        "ink.jpg",
        "ink.json",
        "ink.preview.png",
        "ink.safetensors",
    ]


def test_civitais_answer_is_kept_as_it_came_with_our_mark(library: Library) -> None:
    ink_at_civitai(library)
    beside(library)
    kept = library.read("ink.civitai.info")
    raw = library.client.version(5).raw
    assert {key: kept[key] for key in raw if key != "model"} == {
        key: value for key, value in raw.items() if key != "model"
    }
    mark = kept.pop("extensions")["stablequeue"]
    assert (mark["sha256"], mark["pinned"]) == (SHA256, False)
    assert mark["size"] == (library.folder / INK).stat().st_size
    assert mark["fetched_at"] == "2025-01-01T12:00:01.000Z"


def test_the_models_tags_description_and_creator_are_where_civitai_helper_puts_them(
    library: Library,
) -> None:
    ink_at_civitai(library)
    beside(library)
    kept = library.read("ink.civitai.info")
    assert kept["model"]["tags"] == ["style"]
    assert kept["model"]["description"] == "<p>Soft <b>ink</b>.</p>"
    assert kept["model"]["name"] == "Ink Wash"
    assert kept["creator"]["username"] == "harbor_tester"
    assert kept["modelId"] == 50
    assert "modelVersions" not in kept["model"]


def test_forges_json_holds_what_forge_shows(library: Library) -> None:
    ink_at_civitai(library)
    beside(library)
    assert library.read("ink.json") == {
        "description": "Soft ink.",
        "activation text": "ink wash, sumi-e",
        "sd version": "SDXL",
        "modelId": 50,
        "modelVersionId": 5,
        "sha256": SHA256.upper(),
    }


def test_a_trained_word_that_is_a_comma_list_is_taken_apart_and_said_once(
    library: Library,
) -> None:
    ink_at_civitai(library, trained_words=("ink, <lora:x:1> wash", "wash", "sumi-e"))
    beside(library)
    assert library.read("ink.json")["activation text"] == "ink, wash, sumi-e"


def test_names_in_civitais_answer_never_name_a_file_that_is_written(library: Library) -> None:
    """They are anybody's: only the name that the model has here counts."""
    hostile = a_file("../../evil.safetensors", lora(INK))
    picture = a_picture(1, ending="../../evil")
    library.civitai.world.add(at_civitai(5, hostile, pictures=[picture], name="../up"))
    beside(library)
    assert {name.partition(".")[0] for name in library.files} == {"ink"}
    assert sorted(path.name for path in library.folder.parent.iterdir()) == ["Lora", "data"]


def test_a_recorded_answer_is_written_to_the_letter(library: Library) -> None:
    file = library.put("harborMixXL_v20.safetensors")
    version, model = version_in(recorded("model_version.json")), model_in(recorded("model.json"))
    assert version is not None
    library.refresher.beside(file, version, model, sha256=SHA256)
    kept = library.read("harborMixXL_v20.civitai.info")
    assert kept["images"] == recorded("model_version.json")["images"]
    assert kept["files"] == recorded("model_version.json")["files"]


def test_an_answer_of_2023_is_written_and_read_back(library: Library) -> None:
    """It says neither who made the model nor what its tags are."""
    file = library.put(INK)
    version = version_in(recorded("model_version_2023_shape.json"))
    assert version is not None
    library.refresher.beside(file, version, None, sha256=SHA256)
    model = library.model(INK)
    assert model.card.version_id == version.id
    assert "civitai_api" in model.card.sources


def test_what_the_user_typed_is_never_replaced_and_the_rest_is_filled(library: Library) -> None:
    library.write("ink.json", {"description": "mine", "notes": "my notes", "preferred weight": 0.7})
    ink_at_civitai(library)
    beside(library)
    assert library.read("ink.json") | {"sha256": None} == {
        "description": "mine",
        "notes": "my notes",
        "preferred weight": 0.7,
        "activation text": "ink wash, sumi-e",
        "sd version": "SDXL",
        "modelId": 50,
        "modelVersionId": 5,
        "sha256": None,
    }


def test_what_we_wrote_follows_civitai_until_the_user_changes_it(library: Library) -> None:
    ink_at_civitai(library, trained_words=("one",))
    beside(library)
    ink_at_civitai(library, trained_words=("two",))
    beside(library)
    assert library.read("ink.json")["activation text"] == "two"
    library.write("ink.json", library.read("ink.json") | {"activation text": "two, and mine"})
    ink_at_civitai(library, trained_words=("three",))
    beside(library)
    assert library.read("ink.json")["activation text"] == "two, and mine"


def test_a_description_in_a_text_file_is_not_hidden_by_ours(library: Library) -> None:
    """Forge shows the text where its JSON has no description."""
    ink_at_civitai(library)
    (library.folder / "ink.txt").write_text("My own words.")
    beside(library)
    assert "description" not in library.read("ink.json")
    assert library.model(INK).card.description == "My own words."


def test_what_another_tool_noted_in_its_file_stays(library: Library) -> None:
    library.write(
        "ink.civitai.info",
        {
            "id": 5,
            "modelId": 50,
            "a key of a fork": [1],
            "extensions": {"sd_civitai_helper": {"version": "1.8"}},
            "model": {"name": "Old name", "of a fork": 2},
        },
    )
    ink_at_civitai(library)
    beside(library)
    kept = library.read("ink.civitai.info")
    assert kept["a key of a fork"] == [1]
    assert kept["model"]["of a fork"] == 2
    assert kept["model"]["name"] == "Ink Wash"
    assert kept["extensions"]["sd_civitai_helper"] == {"version": "1.8"}
    assert mark_of(library).before == ()


def test_the_words_of_another_version_are_kept_for_they_may_not_come_back(
    library: Library,
) -> None:
    old = {"id": 4, "modelId": 40, "name": "v0, removed since"}
    library.write("ink.civitai.info", old | {"extensions": {"other": {}}})
    library.civitai.world.add(at_civitai(6, a_file("other.safetensors")))
    ink_at_civitai(library)
    for version_id in (5, 6, 5, 5):
        beside(library, version_id)
    before = mark_of(library).before
    assert [each["id"] for each in before] == [6, 4]
    assert dict(before[1]) == old
    assert library.read("ink.civitai.info")["extensions"]["other"] == {}


def test_of_another_version_no_word_of_ours_stays(library: Library) -> None:
    ink_at_civitai(library)
    library.civitai.world.add(
        at_civitai(6, a_file("other.safetensors"), trained_words=(), base_model="Qwen")
    )
    beside(library, 5)
    beside(library, 6)
    now = library.read("ink.json")
    assert "activation text" not in now
    assert "sd version" not in now
    assert now["modelVersionId"] == 6


def test_what_civitai_does_not_tell_any_more_stays(library: Library) -> None:
    """Its model may be gone, and with it the description and the tags."""
    ink_at_civitai(library)
    beside(library)
    library.refresher.beside(library.folder / INK, library.client.version(5), None, sha256=SHA256)
    kept = library.read("ink.civitai.info")
    assert kept["model"]["tags"] == ["style"]
    assert kept["creator"]["username"] == "harbor_tester"
    assert library.read("ink.json")["description"] == "Soft ink."


@pytest.mark.parametrize("name", ["ink.civitai.info", "ink.json"])
def test_a_broken_file_is_left_as_it_is_and_told(library: Library, name: str) -> None:
    library.write(name, b"{broken")
    ink_at_civitai(library, *TWO)
    if name == "ink.json":
        written = beside(library)
        assert written.previews == ("ink.jpg", "ink.preview.png")
        assert name in written.problems[0]
    else:
        with pytest.raises(SidecarNotWritten, match=name):
            beside(library)
        assert library.files == [name, INK]
    assert (library.folder / name).read_bytes() == b"{broken"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_is_never_written_through(library: Library) -> None:
    outside = library.folder.parent / "outside.info"
    outside.write_text("{}")
    (library.folder / "ink.civitai.info").symlink_to(outside)
    ink_at_civitai(library)
    with pytest.raises(SidecarNotWritten):
        beside(library)
    assert outside.read_text() == "{}"


def test_no_message_holds_a_path_of_this_machine(library: Library) -> None:
    ink_at_civitai(library)
    missing = library.folder / "gone" / INK
    with pytest.raises(SidecarNotWritten) as raised:
        library.refresher.beside(missing, library.client.version(5), None, sha256=SHA256)
    assert str(library.folder) not in raised.value.message


# Previews.


def test_a_preview_that_the_user_put_there_is_never_replaced_and_then_there_is_none_of_ours(
    library: Library,
) -> None:
    """Which one Forge shows of several is undefined, so that there is to be one only."""
    for name in ("ink.jpg", "ink.webp", "INK.preview.PNG", "ink.gif", "ink.mp4"):
        mine = library.write(name, painted("red", "PNG"))
        ink_at_civitai(library, *TWO)
        assert beside(library).previews == ()
        assert mine.read_bytes() == painted("red", "PNG")
        assert library.pictures_fetched == 0
        mine.unlink()
        (library.folder / "ink.civitai.info").unlink()


def test_samples_and_previews_of_other_models_are_no_previews_of_this_one(
    library: Library,
) -> None:
    for name in ("ink_0.jpg", "ink2.jpg", "inkling.preview.png"):
        library.write(name, painted("red"))
    ink_at_civitai(library, *TWO)
    assert beside(library).previews == ("ink.jpg", "ink.preview.png")


def test_previews_of_ours_that_civitai_still_shows_are_not_fetched_again(
    library: Library,
) -> None:
    ink_at_civitai(library, *TWO)
    first = beside(library)
    assert library.pictures_fetched == 2
    assert beside(library) == first
    assert library.pictures_fetched == 2


def test_previews_of_ours_follow_civitai(library: Library) -> None:
    ink_at_civitai(library, *TWO)
    beside(library)
    before = (library.folder / "ink.jpg").read_bytes()
    ink_at_civitai(library, a_picture(3))
    assert beside(library).previews == ("ink.jpg",)
    assert (library.folder / "ink.jpg").read_bytes() != before
    assert "ink.preview.png" not in library.files


def test_a_preview_of_ours_that_the_user_replaced_is_the_users_from_then_on(
    library: Library,
) -> None:
    ink_at_civitai(library, a_picture(1))
    beside(library)
    mine = library.write("ink.jpg", painted("red"))
    ink_at_civitai(library, a_picture(2))
    assert beside(library).previews == ()
    assert mine.read_bytes() == painted("red")


def test_pictures_that_cannot_be_had_leave_the_old_ones(library: Library) -> None:
    ink_at_civitai(library, a_picture(1))
    beside(library)
    gone = a_picture(2)
    ink_at_civitai(library, gone)
    version = library.client.version(5)
    ink_at_civitai(library)
    written = library.refresher.beside(library.folder / INK, version, None, sha256=SHA256)
    assert written.previews == ("ink.jpg",)
    assert "could not be fetched" in written.problems[0]


def test_a_second_still_is_a_real_png(library: Library) -> None:
    ink_at_civitai(library, *TWO)
    beside(library)
    kinds = {}
    for name in ("ink.jpg", "ink.preview.png"):
        with Image.open(BytesIO((library.folder / name).read_bytes())) as image:
            kinds[name] = image.format
    assert kinds == {"ink.jpg": "JPEG", "ink.preview.png": "PNG"}


def test_a_version_that_only_films_show_has_the_film_and_a_still_of_it(library: Library) -> None:
    ink_at_civitai(library, a_picture(1, FILM, is_film=True))
    assert beside(library).previews == ("ink.jpg", "ink.mp4")
    assert (library.folder / "ink.mp4").read_bytes() == FILM
    fetched = library.pictures_fetched
    beside(library)
    assert library.pictures_fetched == fetched


def test_a_renamed_model_takes_its_files_along(library: Library) -> None:
    """With all of its files; then ours are still known to be ours."""
    ink_at_civitai(library, *TWO)
    beside(library)
    for name in library.files:
        (library.folder / name).rename(library.folder / name.replace("ink", "wash"))
    ink_at_civitai(library, a_picture(3), trained_words=("new",))
    file = library.folder / "wash.safetensors"
    version = library.client.version(5)
    assert library.refresher.beside(file, version, None, sha256=SHA256).previews == ("wash.jpg",)
    assert library.read("wash.json")["activation text"] == "new"


@pytest.mark.parametrize("finished", range(4))
def test_a_process_that_dies_between_two_files_leaves_nothing_that_is_not_known_as_ours(
    library: Library, monkeypatch: pytest.MonkeyPatch, finished: int
) -> None:
    """However far it came, the next refresh brings all of it up to date."""
    ink_at_civitai(library, a_picture(1), trained_words=("one",))
    beside(library)
    ink_at_civitai(library, a_picture(2), trained_words=("two",))
    steps = iter(range(finished))
    replace = os.replace

    def dying(source: Any, target: Any) -> None:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            beside(library)
    ink_at_civitai(library, a_picture(3), trained_words=("three",))
    assert beside(library).previews == ("ink.jpg",)
    assert library.read("ink.json")["activation text"] == "three"
    assert mark_of(library).words.keys() == library.read("ink.json").keys()
