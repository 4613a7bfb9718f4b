"""Civitai's JSON becomes records, whatever it looks like."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.civitai.recorded import recorded

from stablequeue_core.civitai.reading.digests import askable, askable_sha256s, has_digest
from stablequeue_core.civitai.reading.models import (
    account_in,
    candidates_in,
    images_in,
    model_in,
    models_in,
    version_in,
    versions_in,
)
from stablequeue_core.civitai.reading.moments import moment
from stablequeue_core.civitai.records import (
    CivitaiFile,
    CivitaiImage,
    CivitaiModel,
    CivitaiVersion,
)
from stablequeue_core.models import CivitaiCandidate

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=12,
)


def version(name: str = "model_version.json", **changes: Any) -> CivitaiVersion:
    read = version_in(recorded(name) | changes)
    assert read is not None
    return read


def model(name: str = "model.json", **changes: Any) -> CivitaiModel:
    read = model_in(recorded(name) | changes)
    assert read is not None
    return read


def images(name: str) -> list[CivitaiImage]:
    return images_in(recorded(name)) or []


def file(**changes: Any) -> CivitaiFile:
    first = recorded("model_version.json")["files"][0] | changes
    return version(files=[first]).files[0]


def test_a_version_is_read_with_its_files_and_pictures() -> None:
    read = version()
    assert (read.id, read.model_id, read.name) == (700201, 600101, "v2.0")
    assert (read.model_name, read.model_type) == ("Harbor Mix XL", "Checkpoint")
    assert (read.base_model, read.air) == (
        "Illustrious",
        "urn:air:sdxl:checkpoint:civitai:600101@700201",
    )
    assert read.published_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert read.is_for_download
    assert not read.is_sold
    assert not read.is_archived
    assert read.early_access_until is None
    assert [picture.is_film for picture in read.pictures] == [False, True, False]
    assert [picture.nsfw_level for picture in read.pictures] == [1, 1, 4]


def test_a_file_is_read_with_its_hashes_in_lower_case() -> None:
    read = version().files[0]
    assert (read.id, read.name, read.type) == (900101, "harborMixXL_v20.safetensors", "Model")
    assert (read.format, read.precision, read.is_pruned) == ("SafeTensor", "fp16", True)
    assert (read.size, read.has_exact_size, read.is_primary) == (3145808, True, True)
    assert read.hashes.sha256 == (
        "f3cd8a9e1f7ad2e6de5712c200bd21428e6e88f0be336a38b6dfffb226f03039"
    )
    assert (read.hashes.autov1, read.hashes.autov3) == ("3c489728", "715f9963f3b2")
    assert read.crc32 == "0ce0ec9d"
    assert read.blake3 is not None


def test_a_rounded_size_is_no_exact_one() -> None:
    vae = version().files[1]
    assert (vae.size, vae.has_exact_size) == (334641500, False)


@pytest.mark.parametrize("told", [None, "many", -1, float("nan"), float("inf"), 1e300, True, []])
def test_a_size_that_is_none_is_not_told(told: Any) -> None:
    assert (file(sizeKB=told).size, file(sizeKB=told).has_exact_size) == (None, False)


def test_what_came_is_kept_as_it_came() -> None:
    told = recorded("model_version.json") | {"fieldOfNextYear": {"a": [1]}}
    read = version_in(told)
    assert read is not None
    assert read.raw == told
    assert read.files[0].raw == told["files"][0]
    assert read.pictures[0].raw == told["images"][0]


def test_a_version_of_older_years_is_read() -> None:
    read = version("model_version_2023_shape.json")
    assert (read.id, read.base_model, read.air) == (700303, "SD 1.5", None)
    assert read.is_for_download
    assert read.pictures[0].nsfw_level == 1


def test_a_version_in_early_access_tells_until_when() -> None:
    read = version("model_version_early_access.json")
    assert read.early_access_until == datetime(2026, 12, 1, tzinfo=UTC)
    assert not read.is_sold


@pytest.mark.parametrize("key", ["earlyAccessEndsAt", "earlyAccessDeadline"])
def test_the_end_of_early_access_is_read_from_any_field_that_has_it(key: str) -> None:
    read = version(**{key: "2026-12-01T00:00:00.000Z"})
    assert read.early_access_until == datetime(2026, 12, 1, tzinfo=UTC)


def test_what_is_sold_for_good_has_no_end() -> None:
    read = version(paidAccess={"permanent": True, "endsAt": "2026-12-01T00:00:00.000Z"})
    assert (read.is_sold, read.early_access_until) == (True, None)


def test_an_archived_version_has_no_files() -> None:
    read = version("model_version_archived.json")
    assert (read.is_archived, read.files) == (True, ())


@pytest.mark.parametrize("control", ["Generation", "InternalGeneration", "ExternalGeneration"])
def test_what_may_only_be_used_there_is_not_for_download(control: str) -> None:
    assert not version(usageControl=control).is_for_download


def test_a_models_versions_know_their_model() -> None:
    read = model()
    (only,) = read.versions
    assert (read.id, read.name, read.creator) == (600101, "Harbor Mix XL", "harbor_tester")
    assert (only.model_id, only.model_name, only.model_type) == (
        600101,
        "Harbor Mix XL",
        "Checkpoint",
    )


def test_an_archived_models_versions_are_archived() -> None:
    assert all(each.is_archived for each in model(mode="Archived").versions)


def test_a_model_without_a_creator_has_none() -> None:
    assert model(creator=None).creator is None
    assert model(creator={"username": None}).creator is None


def test_a_page_of_models_is_read_and_the_last_one_is_empty() -> None:
    listed = models_in(recorded("models_list.json")) or []
    assert [each.id for each in listed] == [600101, 600102]
    assert models_in(recorded("models_last_page.json")) == []


def test_a_bulk_answer_may_hold_null_and_the_host_undefined() -> None:
    (read,) = versions_in(recorded("by_hash_bulk.json")) or []
    assert read.id == 700303
    assert not hasattr(read.files[0], "download_url")


def test_candidates_are_grouped_by_hash_and_each_version_comes_once() -> None:
    told = recorded("by_hash_ids.json")
    shared = {**told[0], "modelVersionId": 7, "modelId": None}
    found = candidates_in([*told, told[0], shared, None, {"hash": "x"}, "y"])
    assert found == {
        told[0]["hash"].lower(): (
            CivitaiCandidate(version_id=700303, model_id=600102),
            CivitaiCandidate(version_id=7),
        ),
        told[1]["hash"].lower(): (CivitaiCandidate(version_id=700201, model_id=600101),),
    }


def test_the_account_is_read() -> None:
    account = account_in(recorded("me.json"))
    assert account is not None
    assert (account.id, account.username, account.tier) == (424242, "harbor_tester", "free")
    assert account.status == "active"


def test_flat_and_wrapped_meta_are_the_same() -> None:
    flat = images("images.json")[0]
    (wrapped,) = images("images_imageid_wrapped_meta.json")
    assert flat.meta == wrapped.meta
    assert flat.meta is not None
    assert flat.meta["seed"] == 1234567890
    assert flat.version_ids == (700201, 700303)


@pytest.mark.parametrize(
    "name", ["images_imageid_hidden_meta.json", "images_without_withmeta.json"]
)
def test_hidden_meta_is_none_in_both_of_its_forms(name: str) -> None:
    (image,) = images(name)
    assert image.meta is None


def test_a_model_in_meta_may_be_an_object() -> None:
    told = {"id": 7, "url": "https://image.civitai.com/a/b", "meta": {"Model": {"name": "x"}}}
    (image,) = images_in({"items": [told]}) or []
    assert image.meta == {"Model": {"name": "x"}}


def test_a_film_is_told_by_its_type_and_by_its_address_only_where_that_is_missing() -> None:
    for kind, ending, is_film in [
        ("video", "jpeg", True),
        ("image", "mp4", False),
        (None, "mp4", True),
        (None, "jpeg", False),
    ]:
        told = {"id": 7, "url": f"https://image.civitai.com/a/b/c.{ending}", "type": kind}
        (image,) = images_in({"items": [told]}) or []
        assert image.is_film is is_film
        assert [each.is_film for each in version(images=[told]).pictures] == [is_film]


@pytest.mark.parametrize(
    "picture",
    [
        None,
        {},
        {"url": None},
        {"url": "x.jpeg"},
        {"url": "file:///etc/passwd"},
        {"url": "https://[x/"},
        {"url": "https://image.civitai.com/" + "x" * 3000},
        {"url": "https://image.civitai.com/a/b/c.mp3", "type": "audio"},
    ],
)
def test_what_cannot_be_shown_is_no_picture(picture: Any) -> None:
    assert version(images=[picture]).pictures == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T08:15:30.120Z", datetime(2026, 3, 2, 8, 15, 30, 120000, tzinfo=UTC)),
        ("2026-03-02T08:15:30.120", datetime(2026, 3, 2, 8, 15, 30, 120000, tzinfo=UTC)),
        ("2026-03-02T10:15:30+02:00", datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-13-02", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_may_lack_its_zone_and_is_then_utc(
    text: str | None, expected: datetime | None
) -> None:
    assert moment(text) == expected


def test_a_hash_of_nothing_is_no_hash() -> None:
    read = file(hashes={"AutoV1": "E3B0C442", "AutoV3": "E3B0C44298FC", "SHA256": "E3B0C442" * 8})
    assert (read.hashes.autov1, read.hashes.autov3) == (None, None)


def test_an_eight_digit_hash_must_be_an_autov1_and_no_crc32() -> None:
    assert has_digest(version(), "3c489728")
    assert not has_digest(version(), "0ce0ec9d")


def test_a_hash_of_64_digits_must_be_a_sha256_and_no_blake3() -> None:
    read = version()
    assert has_digest(read, str(read.files[0].hashes.sha256))
    assert not has_digest(read, str(read.files[0].blake3))


def test_an_autov2_is_the_beginning_of_the_sha256_even_where_it_is_not_told() -> None:
    told = recorded("model_version.json")["files"][0]
    only_sha256 = {"SHA256": told["hashes"]["SHA256"]}
    assert has_digest(version(files=[{**told, "hashes": only_sha256}]), "f3cd8a9e1f")


@pytest.mark.parametrize("digest", ["", "x" * 64, "../me", "abc", "e3b0c44298fc", "0" * 63])
def test_what_is_no_hash_of_a_file_cannot_be_asked_for(digest: str) -> None:
    assert askable(digest) is None
    assert askable_sha256s([digest]) == []


def test_hashes_are_asked_for_once_each_and_without_those_that_are_none() -> None:
    assert askable_sha256s(["AB" * 32, "ab" * 32, "x", " cd" * 1 + "cd" * 31]) == [
        "ab" * 32,
        "cd" * 32,
    ]


@given(ANY_JSON)
def test_nothing_that_json_can_say_breaks_the_reading(value: Any) -> None:
    for read in (account_in, model_in, version_in, images_in, models_in, versions_in):
        read(value)
    candidates_in(value)
    images_in({"items": [value]})


@given(st.data())
def test_any_field_of_an_answer_may_have_any_value(data: st.DataObject) -> None:
    for name, read in [
        ("model_version.json", version_in),
        ("model.json", model_in),
        ("me.json", account_in),
        ("images.json", lambda value: images_in(value) or True),
    ]:
        value = recorded(name)
        _spoil(value, data)
        assert read(value) is not None or "id" not in value or not isinstance(value["id"], int)


def _spoil(value: Any, data: st.DataObject) -> None:
    """Put something else in the place of one field, however deep; the record's own id stays."""
    keys = [key for key in value if key != "id"] if isinstance(value, dict) else range(len(value))
    key = data.draw(st.sampled_from(list(keys)))
    inner = value[key]
    if isinstance(inner, dict | list) and inner and data.draw(st.booleans()):
        _spoil(inner, data)
    elif isinstance(value, dict) and data.draw(st.booleans()):
        del value[key]
    else:
        value[key] = data.draw(ANY_JSON)


def test_a_number_in_a_text_may_have_any_blanks_around_it() -> None:
    assert version(modelId=" 7\x1f\n").model_id == 7


def test_every_field_may_be_absent() -> None:
    assert version_in({"id": 7}) == CivitaiVersion(id=7, raw={"id": 7})
    assert model_in({"id": 7}) == CivitaiModel(id=7, raw={"id": 7})
    assert version_in(json.loads('{"id": 7, "files": [{}], "images": [{}]}')) is not None
