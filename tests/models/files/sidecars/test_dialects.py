"""Each dialect, by a file that its program wrote."""

from __future__ import annotations

import pytest
from attrs import evolve
from tests.models.files.sidecars.beside import SHA256, Folder, recorded

from stablequeue_core.models import ModelCard

WORDS = ("inkwash style", "sumi-e")

INK = ModelCard(
    name="Ink Wash Style",
    version="v3",
    base_model="SD 1.5",
    trigger_words=WORDS,
    nsfw=False,
    model_id=600102,
    version_id=700303,
    downloads=987,
    favorited=55,
)
"""What most of them know of the LoRA."""

HARBOR = ModelCard(
    name="Harbor Mix XL",
    version="v2.0",
    base_model="Illustrious",
    nsfw=False,
    model_id=600101,
    version_id=700201,
    downloads=4321,
    favorited=210,
)
"""The same of the checkpoint."""

READ_AS = {
    (".json", "forge_lora.json"): ModelCard(
        description="Soft ink wash look.",
        notes="works from 0.5 to 1.0",
        base_model="SD1",
        trigger_words=WORDS,
        negative_text="photo, 3d",
        preferred_weight=0.8,
        sources=("forge_json",),
    ),
    (".json", "forge_checkpoint.json"): ModelCard(
        description="Seaside merge.",
        notes="use clip skip 2",
        base_model="SDXL",
        sources=("forge_json",),
    ),
    (".json", "forge_and_browser_plus.json"): ModelCard(
        description="Soft ink wash look.",
        base_model="SD1",
        trigger_words=WORDS,
        model_id=600102,
        version_id=700303,
        sources=("forge_json", "browser_plus"),
    ),
    (".civitai.info", "civitai_helper.civitai.info"): evolve(INK, sources=("civitai_info",)),
    (".civitai.info", "version_of_2023.civitai.info"): evolve(
        INK, favorited=None, rating=4.83, sources=("civitai_info",)
    ),
    (".civitai.info", "checkpoint.civitai.info"): evolve(
        HARBOR, description="Second release.", sources=("civitai_info",)
    ),
    (".civitai.info", "not_found.civitai.info"): ModelCard(),
    (".api_info.json", "browser_plus.api_info.json"): evolve(
        INK, creator="harbor_tester", tags=("style",), sources=("browser_plus",)
    ),
    (".api_info.json", "checkpoint.api_info.json"): evolve(
        HARBOR,
        description="A merge for seaside scenes.",
        creator="harbor_tester",
        tags=("base model", "landscape"),
        sources=("browser_plus",),
    ),
    (".metadata.json", "lora_manager.metadata.json"): evolve(
        INK, tags=("style",), preferred_weight=0.8, sources=("lora_manager",)
    ),
    (".cm-info.json", "stability_matrix.cm-info.json"): evolve(
        INK,
        creator="harbor_tester",
        tags=("style",),
        downloads=9876,
        favorited=512,
        sources=("stability_matrix",),
    ),
    (".civitai.json", "stablequeue.civitai.json"): ModelCard(
        model_id=600102, version_id=700303, sources=("stablequeue_download",)
    ),
    (".swarm.json", "swarmui.swarm.json"): ModelCard(
        name="Ink Wash Style",
        description="Soft ink wash look.",
        notes="0.5 to 1.0",
        base_model="stable-diffusion-v1",
        creator="harbor_tester",
        trigger_words=WORDS,
        sources=("swarmui",),
    ),
}


@pytest.mark.parametrize(("file", "card"), READ_AS.items(), ids=lambda value: str(value)[:60])
def test_a_file_is_read_as_its_program_meant_it(
    folder: Folder, file: tuple[str, str], card: ModelCard
) -> None:
    folder.put_recorded(*file)
    assert evolve(folder.card, base_model_confirmed=False) == card


def test_a_model_without_sidecars_has_an_empty_card(folder: Folder) -> None:
    assert folder.card == ModelCard()


def test_files_that_are_not_named_are_not_looked_for(folder: Folder) -> None:
    folder.put(".json", {"notes": "hidden"}).rename(folder.path / "other.json")
    assert folder.card == ModelCard()


def test_forge_takes_a_description_from_text_files_when_its_json_has_none(folder: Folder) -> None:
    folder.put(".description.txt", b"the second\r\nline")
    assert folder.card.description == "the second\nline"
    folder.put(".txt", "\ufeffthe first, caf\u00e9".encode())
    assert folder.card.description == "the first, caf\u00e9"
    folder.put(".json", {"description": "the real one"})
    assert folder.card.description == "the real one"
    assert folder.card.sources == ("forge_json",)


def test_a_text_file_in_another_encoding_loses_only_its_odd_letters(folder: Folder) -> None:
    folder.put(".txt", "caf\u00e9 noir".encode("latin-1"))
    assert folder.card.description == "caf\ufffd noir"


@pytest.mark.parametrize("weight", [0, 0.0, None, "0.8", True, [], float("nan"), 10**400])
def test_a_weight_that_is_no_number_or_means_the_default_is_none(
    folder: Folder, weight: object
) -> None:
    folder.put(".json", {"preferred weight": weight, "notes": "kept"})
    assert folder.card == ModelCard(notes="kept", sources=("forge_json",))


@pytest.mark.parametrize(
    ("key", "version"),
    [
        *(("sd version", version) for version in ("Unknown", "Other", "", None, 3)),
        *(("sd_version_str", version) for version in ("SdVersion.Unknown", "SdVersion.", 3)),
    ],
)
def test_a_base_model_that_says_nothing_is_none(folder: Folder, key: str, version: object) -> None:
    folder.put(".json", {key: version})
    assert folder.card == ModelCard()


@pytest.mark.parametrize("told", ["Model not found", 0, -1, 2**31, True, 1.5, "", "1e3", None])
def test_what_is_no_id_is_dropped(folder: Folder, told: object) -> None:
    folder.put(".json", {"modelId": told, "modelVersionId": told, "notes": "kept"})
    assert folder.card == ModelCard(notes="kept", sources=("forge_json",))


def test_ids_may_be_written_as_text(folder: Folder) -> None:
    folder.put(".civitai.json", {"modelId": " 600102 ", "civitaiVersionId": "700303"})
    assert (folder.card.model_id, folder.card.version_id) == (600102, 700303)


def test_the_wrong_autov2_of_old_downloads_is_not_read(folder: Folder) -> None:
    folder.put(".civitai.json", {"hash_autov2": SHA256, "sizeKB": 0.140625})
    assert folder.read().sha256 is None


def test_trained_words_may_hold_comma_lists_and_come_once(folder: Folder) -> None:
    words = ["fox, red  fox", "fox", " ,", "<lora:x:0.8>owl", 7, None, {"name": "hare"}]
    folder.put(".civitai.info", {"trainedWords": words})
    assert folder.card.trigger_words == ("fox", "red fox", "owl", "hare")


@pytest.mark.parametrize(
    ("source", "is_civitais"),
    [(0, True), ("0", True), ("Civitai", True), (None, True), (1, False), ("OpenModelDb", False)],
)
def test_ids_of_stability_matrix_are_civitais_only_if_the_model_is(
    folder: Folder, source: object, is_civitais: bool
) -> None:
    folder.put(".cm-info.json", recorded("stability_matrix.cm-info.json") | {"Source": source})
    assert (folder.card.version_id == 700303) is is_civitais
    assert folder.card.name == "Ink Wash Style"


def test_a_title_that_the_user_gave_in_stability_matrix_wins(folder: Folder) -> None:
    info = recorded("stability_matrix.cm-info.json") | {"UserTitle": "My ink"}
    folder.put(".cm-info.json", info)
    assert folder.card.name == "My ink"


@pytest.mark.parametrize(
    ("stats", "favorited", "rating"),
    [
        ({"favoriteCount": 7, "thumbsUpCount": 9, "rating": 4.5}, 7, 4.5),
        ({"favoriteCount": 0, "thumbsUpCount": 9, "rating": 0}, 9, None),
        ({"favoriteCount": 0, "rating": 50}, 0, None),
        ({"thumbsUpCount": -1, "rating": "4"}, None, None),
        ([], None, None),
    ],
)
def test_favourites_became_thumbs_and_ratings_went(
    folder: Folder, stats: object, favorited: int | None, rating: float | None
) -> None:
    folder.put(".civitai.info", {"name": "v1", "stats": stats})
    assert (folder.card.favorited, folder.card.rating) == (favorited, rating)


def test_downloads_that_the_author_hides_are_taken_from_the_version(folder: Folder) -> None:
    folder.put_recorded(".api_info.json", "browser_plus.api_info.json")
    assert folder.card.downloads == 987


def test_lora_manager_knows_no_name_when_it_repeats_the_files(folder: Folder) -> None:
    folder.put(".metadata.json", {"file_name": "inkWash_v3", "model_name": "inkWash_v3"})
    assert folder.card == ModelCard()


@pytest.mark.parametrize("tips", ["{", "[]", '{"strength": "much"}', 7, None, "[" * 50_000])
def test_usage_tips_that_are_no_json_are_left_out(folder: Folder, tips: object) -> None:
    folder.put(".metadata.json", {"usage_tips": tips, "notes": "kept"})
    assert folder.card == ModelCard(notes="kept", sources=("lora_manager",))
