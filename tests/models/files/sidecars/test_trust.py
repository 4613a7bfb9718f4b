"""Whom is believed what, where several files speak of one model."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import fields_dict
from tests.models.files.sidecars.beside import (
    ANOTHER_SHA256,
    SHA256,
    SIZE,
    WRITTEN,
    Folder,
    recorded,
)

from stablequeue_core.models import ModelCard
from stablequeue_core.models.files.sidecars import TRUST, Dialect

SAYING = {
    Dialect.FORGE_JSON: (".json", "description", "notes", "sd version", "activation text"),
    Dialect.LORA_MANAGER: (".metadata.json", "modelDescription", "notes", "base_model", None),
    Dialect.CIVITAI_INFO: (".civitai.info", "description", None, "baseModel", "trainedWords"),
    Dialect.STABILITY_MATRIX: (".cm-info.json", "ModelDescription", None, "BaseModel", None),
    Dialect.STABLEQUEUE_DOWNLOAD: (".civitai.json", "description", None, "baseModel", None),
    Dialect.SWARMUI: (
        *(".swarm.json", "modelspec.description", "modelspec.usage_hint"),
        *("modelspec.architecture", "modelspec.trigger_phrase"),
    ),
}
FIELDS = ("description", "notes", "base_model", "trigger_words")


def test_every_field_of_a_card_has_its_order_of_trust() -> None:
    assert {*TRUST, "base_model_confirmed", "model_id", "sources"} == set(fields_dict(ModelCard))
    for order in TRUST.values():
        assert sorted(order) == sorted(Dialect)


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_is_taken_from_the_first_that_has_it(folder: Folder, field: str) -> None:
    at = 1 + FIELDS.index(field)
    keys = {dialect: (told[0], told[at]) for dialect, told in SAYING.items() if told[at]}
    for dialect, (suffix, key) in keys.items():
        folder.put(suffix, {key: dialect.value})
    for dialect in TRUST[field]:
        if dialect in keys:
            said = getattr(folder.card, field)
            assert said in (dialect.value, (dialect.value,))
            folder.put(keys[dialect][0], {})
    assert folder.card == ModelCard()


def test_sources_are_those_that_said_something_most_trusted_first(folder: Folder) -> None:
    folder.put_recorded(".swarm.json", "swarmui.swarm.json")
    folder.put_recorded(".civitai.info", "civitai_helper.civitai.info")
    folder.put_recorded(".cm-info.json", "not_found.civitai.info")
    folder.put_recorded(".json", "forge_and_browser_plus.json")
    assert folder.card.sources == ("forge_json", "civitai_info", "browser_plus", "swarmui")


def test_all_files_of_one_model_together(folder: Folder) -> None:
    folder.put_recorded(".json", "forge_lora.json")
    folder.put_recorded(".metadata.json", "lora_manager.metadata.json")
    folder.put_recorded(".civitai.info", "civitai_helper.civitai.info")
    folder.put_recorded(".cm-info.json", "stability_matrix.cm-info.json")
    folder.put_recorded(".api_info.json", "browser_plus.api_info.json")
    folder.put_recorded(".civitai.json", "stablequeue.civitai.json")
    folder.put_recorded(".swarm.json", "swarmui.swarm.json")
    read = folder.read(sha256=SHA256)
    assert read.problems == ()
    assert read.sha256 == SHA256
    assert read.card == ModelCard(
        name="Ink Wash Style",
        version="v3",
        description="Soft ink wash look.",
        notes="works from 0.5 to 1.0",
        base_model="SD 1.5",
        base_model_confirmed=True,
        creator="harbor_tester",
        tags=("style",),
        trigger_words=("inkwash style", "sumi-e"),
        negative_text="photo, 3d",
        preferred_weight=0.8,
        nsfw=False,
        model_id=600102,
        version_id=700303,
        downloads=987,
        favorited=55,
        # One file is either ours or another tool's.
        sources=tuple(each.value for each in Dialect if each is not Dialect.CIVITAI_API),
    )


def test_ids_of_two_versions_are_never_mixed(folder: Folder) -> None:
    folder.put(".metadata.json", {"civitai": {"id": 5}})
    folder.put(".civitai.info", {"id": 6, "modelId": 2})
    assert (folder.card.model_id, folder.card.version_id) == (None, 5)
    folder.put(".cm-info.json", {"VersionId": 5, "ModelId": 1})
    assert (folder.card.model_id, folder.card.version_id) == (1, 5)


ABOUT_ANOTHER = [
    (".metadata.json", "lora_manager.metadata.json"),
    (".civitai.info", "civitai_helper.civitai.info"),
    (".cm-info.json", "stability_matrix.cm-info.json"),
    (".api_info.json", "browser_plus.api_info.json"),
    (".json", "forge_and_browser_plus.json"),
]


@pytest.mark.parametrize(("suffix", "recording"), ABOUT_ANOTHER)
def test_ids_of_another_file_are_not_taken_and_that_is_said(
    folder: Folder, suffix: str, recording: str
) -> None:
    file = folder.put_recorded(suffix, recording)
    read = folder.read(sha256=ANOTHER_SHA256)
    assert (read.card.model_id, read.card.version_id, read.card.downloads) == (None, None, None)
    assert read.sha256 is None
    assert read.card.trigger_words == ("inkwash style", "sumi-e")
    [problem] = read.problems
    assert (problem.code, problem.file) == ("sidecar_of_another_file", file.name)


@pytest.mark.parametrize(("suffix", "recording"), ABOUT_ANOTHER)
def test_ids_are_taken_where_the_hash_is_the_files_in_any_case(
    folder: Folder, suffix: str, recording: str
) -> None:
    folder.put_recorded(suffix, recording)
    read = folder.read(sha256=SHA256.upper())
    assert (read.card.model_id, read.card.version_id) == (600102, 700303)
    assert read.problems == ()


def test_ids_without_any_hash_are_taken(folder: Folder) -> None:
    folder.put_recorded(".civitai.json", "stablequeue.civitai.json")
    read = folder.read(sha256=ANOTHER_SHA256)
    assert (read.card.version_id, read.problems) == (700303, ())


@pytest.mark.parametrize(
    ("suffix", "recording"),
    [
        (".metadata.json", "lora_manager.metadata.json"),
        (".civitai.info", "civitai_helper.civitai.info"),
        (".api_info.json", "browser_plus.api_info.json"),
    ],
)
def test_a_sidecar_vouches_for_the_hash_of_a_file_of_its_size(
    folder: Folder, suffix: str, recording: str
) -> None:
    folder.put_recorded(suffix, recording)
    assert folder.read().sha256 == SHA256
    assert folder.read(size=SIZE + 1).sha256 is None


@pytest.mark.parametrize(("seconds", "is_trusted"), [(0.5, True), (2, False)])
def test_lora_manager_vouches_for_nothing_that_was_written_since_it_looked(
    folder: Folder, seconds: float, is_trusted: bool
) -> None:
    folder.put_recorded(".metadata.json", "lora_manager.metadata.json", later=3600)
    read = folder.read(mtime_ns=WRITTEN + int(seconds * 10**9))
    assert (read.sha256 == SHA256) is is_trusted


def test_lora_manager_that_does_not_say_when_it_looked_vouches_for_nothing(
    folder: Folder,
) -> None:
    metadata = recorded("lora_manager.metadata.json")
    del metadata["modified"]
    folder.put(".metadata.json", metadata)
    assert folder.read().sha256 is None


@pytest.mark.parametrize(("later", "is_trusted"), [(-0.5, True), (-2, False)])
@pytest.mark.parametrize(
    ("suffix", "recording"),
    [
        (".civitai.info", "civitai_helper.civitai.info"),
        (".api_info.json", "browser_plus.api_info.json"),
    ],
)
def test_a_sidecar_that_is_older_than_the_file_vouches_for_nothing(
    folder: Folder, suffix: str, recording: str, later: float, is_trusted: bool
) -> None:
    """Versions of one LoRA often have the same size to the byte."""
    folder.put_recorded(suffix, recording, later=later)
    assert (folder.read().sha256 == SHA256) is is_trusted


@pytest.mark.parametrize(
    ("suffix", "recording"),
    [
        (".json", "forge_and_browser_plus.json"),
        (".cm-info.json", "stability_matrix.cm-info.json"),
        (".swarm.json", "swarmui.swarm.json"),
    ],
)
def test_a_sidecar_that_names_no_size_vouches_for_nothing(
    folder: Folder, suffix: str, recording: str
) -> None:
    folder.put_recorded(suffix, recording)
    assert folder.read().sha256 is None


def test_two_that_disagree_vouch_for_nothing(folder: Folder) -> None:
    folder.put_recorded(".civitai.info", "civitai_helper.civitai.info")
    other = recorded("lora_manager.metadata.json") | {"sha256": ANOTHER_SHA256}
    folder.put(".metadata.json", other)
    assert folder.read().sha256 is None


def test_the_hash_of_nothing_is_no_hash(folder: Folder) -> None:
    nothing = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
    metadata = recorded("lora_manager.metadata.json") | {"sha256": nothing, "civitai": {}}
    folder.put(".metadata.json", metadata)
    folder.put(".civitai.info", _version(1, _file("inkWash_v3.safetensors", nothing)))
    assert folder.read().sha256 is None


CIVITAI_SAYS: dict[Dialect, tuple[str, dict[str, Any]]] = {
    Dialect.LORA_MANAGER: (
        ".metadata.json",
        {"civitai": {"id": 2, "baseModel": "Pony"}, "base_model": "Pony", "sha256": SHA256},
    ),
    Dialect.CIVITAI_INFO: (
        ".civitai.info",
        {"id": 2, "baseModel": "Pony", "files": [{"hashes": {"SHA256": SHA256}}]},
    ),
    Dialect.STABILITY_MATRIX: (
        ".cm-info.json",
        {"VersionId": 2, "BaseModel": "Pony", "Hashes": {"SHA256": SHA256}},
    ),
    Dialect.BROWSER_PLUS: (
        ".api_info.json",
        {
            "id": 1,
            "modelVersions": [
                {"id": 2, "baseModel": "Pony", "files": [{"hashes": {"SHA256": SHA256}}]}
            ],
        },
    ),
    Dialect.STABLEQUEUE_DOWNLOAD: (
        ".civitai.json",
        {"modelVersionId": 2, "baseModel": "Pony", "hash_sha256": SHA256},
    ),
}


@pytest.mark.parametrize("dialect", CIVITAI_SAYS)
def test_civitais_base_model_is_confirmed_by_the_hash_of_the_file(
    folder: Folder, dialect: Dialect
) -> None:
    folder.put(*CIVITAI_SAYS[dialect])
    hashed, unhashed = folder.read(sha256=SHA256).card, folder.read().card
    assert (hashed.base_model, hashed.base_model_confirmed) == ("Pony", True)
    assert (unhashed.base_model, unhashed.base_model_confirmed) == ("Pony", False)
    assert not folder.read(sha256=ANOTHER_SHA256).card.base_model_confirmed


def test_a_hash_that_a_sidecar_vouches_for_confirms_too(folder: Folder) -> None:
    folder.put_recorded(".civitai.info", "civitai_helper.civitai.info")
    assert folder.read().card.base_model_confirmed
    assert not folder.read(size=SIZE + 1).card.base_model_confirmed


@pytest.mark.parametrize("files", [[], None, [{"hashes": {}}]])
def test_a_sidecar_that_names_no_hash_confirms_nothing(folder: Folder, files: object) -> None:
    folder.put(".civitai.info", {"id": 2, "baseModel": "Pony", "files": files})
    card = folder.read(sha256=SHA256).card
    assert (card.base_model, card.base_model_confirmed) == ("Pony", False)


def test_what_the_user_typed_in_is_not_confirmed_by_a_sidecar_that_says_nothing_of_it(
    folder: Folder,
) -> None:
    suffix, info = CIVITAI_SAYS[Dialect.CIVITAI_INFO]
    folder.put(suffix, info | {"baseModel": None})
    folder.put(".json", {"sd version": "Illustrious of my own"})
    card = folder.read(sha256=SHA256).card
    assert (card.base_model, card.base_model_confirmed) == ("Illustrious of my own", False)
    assert card.version_id == 2


def test_a_base_model_that_the_user_corrected_in_lora_manager_is_not_civitais(
    folder: Folder,
) -> None:
    suffix, metadata = CIVITAI_SAYS[Dialect.LORA_MANAGER]
    folder.put(suffix, metadata | {"base_model": "NoobAI"})
    card = folder.read(sha256=SHA256).card
    assert (card.base_model, card.base_model_confirmed) == ("NoobAI", False)


def test_a_model_that_civitai_does_not_know_is_not_confirmed(folder: Folder) -> None:
    suffix, metadata = CIVITAI_SAYS[Dialect.LORA_MANAGER]
    folder.put(suffix, metadata | {"civitai": {}})
    card = folder.read(sha256=SHA256).card
    assert (card.base_model, card.base_model_confirmed) == ("Pony", False)
    suffix, info = CIVITAI_SAYS[Dialect.STABILITY_MATRIX]
    folder.put(suffix, info | {"Source": "OpenModelDb"})
    assert not folder.read(sha256=SHA256).card.base_model_confirmed


def test_of_two_files_of_one_size_the_one_of_this_name_is_meant(folder: Folder) -> None:
    files = [_file("other.safetensors", ANOTHER_SHA256), _file("inkWash_v3.safetensors", SHA256)]
    folder.put(".civitai.info", _version(1, *files))
    assert folder.read().sha256 == SHA256
    folder.put(".civitai.info", _version(1, *(file | {"name": None} for file in files)))
    assert folder.read().sha256 is None


def test_a_rounded_size_proves_nothing(folder: Folder) -> None:
    folder.put(".civitai.info", _version(1, _file("x", SHA256) | {"sizeKB": 0.1406}))
    assert folder.read().sha256 is None


VERSIONS: dict[str, Any] = {
    "id": 600102,
    "name": "Ink",
    "modelVersions": [
        {"id": 1, "files": [{"name": "a.safetensors", "hashes": {"SHA256": ANOTHER_SHA256}}]},
        {
            "id": 2,
            "files": [
                {
                    "name": "inkWash_v3.safetensors",
                    "sizeKB": SIZE / 1024,
                    "hashes": {"SHA256": SHA256},
                }
            ],
        },
        {"id": 3, "files": [{"name": "c.safetensors"}]},
    ],
}


@pytest.mark.parametrize(
    ("own", "sha256", "version_id"),
    [
        ({}, ANOTHER_SHA256, 1),
        ({"modelVersionId": 3}, ANOTHER_SHA256, 1),
        ({"modelVersionId": 3}, None, 3),
        ({}, None, 2),
        ({"modelVersionId": 9}, None, 2),
    ],
    ids=["hash", "hash before id", "id", "name and size", "an id that is not listed"],
)
def test_the_version_is_found_among_all_of_a_model(
    folder: Folder, own: dict[str, Any], sha256: str | None, version_id: int
) -> None:
    folder.put(".json", own)
    folder.put(".api_info.json", VERSIONS)
    read = folder.read(sha256=sha256)
    assert (read.card.model_id, read.card.version_id) == (600102, version_id)
    assert read.problems == ()


def test_a_version_that_cannot_be_found_leaves_what_holds_of_the_whole_model(
    folder: Folder,
) -> None:
    folder.stem = "renamed"
    folder.put(".api_info.json", VERSIONS)
    assert folder.card == ModelCard(name="Ink", model_id=600102, sources=("browser_plus",))


def test_a_model_object_that_is_left_over_from_another_model_is_not_used(folder: Folder) -> None:
    folder.put(".json", {"modelId": 7, "modelVersionId": 8})
    folder.put_recorded(".api_info.json", "browser_plus.api_info.json")
    assert folder.card == ModelCard(model_id=7, version_id=8, sources=("browser_plus",))


def _version(version_id: int, *files: dict[str, Any]) -> dict[str, Any]:
    return {"id": version_id, "files": list(files)}


def _file(name: str, sha256: str) -> dict[str, Any]:
    return {"name": name, "sizeKB": SIZE / 1024, "hashes": {"SHA256": sha256}}
