"""What people paste to say which model or picture they mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.civitai.links import (
    LARGEST_ID,
    CivitaiLink,
    parse_image_link,
    parse_link,
)
from stablequeue_core.errors import InvalidCivitaiLink

IDS = st.integers(1, LARGEST_ID)
HOSTS = st.sampled_from(
    [f"{www}civitai.{domain}" for www in ("", "www.") for domain in ("com", "red", "green")]
)
SCHEMES = st.sampled_from(["https://", "http://", ""])
SLUGS = st.sampled_from(["", "/", "/harbor-mix", "/harbor-mix/", "/a%20b", "/hafen-größe"])
REST = st.sampled_from(["", "&dialog=x", "&x", "#gallery", "&modelId=9#modelVersionId=7"])
NOBODYS_WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(SCHEMES, HOSTS, IDS, SLUGS)
def test_the_address_of_a_models_page_means_the_model(
    scheme: str, host: str, model_id: int, slug: str
) -> None:
    link = parse_link(f"{scheme}{host}/models/{model_id}{slug}")
    assert link == CivitaiLink(model_id=model_id)


@given(SCHEMES, HOSTS, IDS, IDS, SLUGS, st.sampled_from(["", "tab=files&", "x=&"]), REST)
def test_a_version_may_stand_anywhere_in_the_query_of_a_models_page(
    scheme: str, host: str, model_id: int, version_id: int, slug: str, before: str, rest: str
) -> None:
    address = f"{host}/models/{model_id}{slug}?{before}modelVersionId={version_id}{rest}"
    link = parse_link(scheme + address)
    assert (link.model_id, link.version_id) == (model_id, version_id)


@given(HOSTS, IDS, st.none() | IDS)
def test_the_address_of_a_download_names_the_version_and_perhaps_the_file(
    host: str, version_id: int, file_id: int | None
) -> None:
    chosen = "" if file_id is None else f"?fileId={file_id}"
    link = parse_link(f"https://{host}/api/download/models/{version_id}{chosen}")
    assert link == CivitaiLink(version_id=version_id, file_id=file_id)


def test_the_address_of_a_download_may_tell_its_file_by_its_kind() -> None:
    link = parse_link("https://civitai.com/api/download/models/7?type=VAE&format=SafeTensor&x=1")
    assert link.choice == (("type", "VAE"), ("format", "SafeTensor"))


@pytest.mark.parametrize(
    "text",
    [
        "https://civitai.com/model-versions/700201",
        "https://civitai.com/api/v1/model-versions/700201",
    ],
)
def test_the_address_of_a_version_means_the_version(text: str) -> None:
    assert parse_link(text) == CivitaiLink(version_id=700201)


@given(IDS, IDS, st.sampled_from(["", "air:", "urn:air:sdxl:lora:", "URN:AIR:flux1:Checkpoint:"]))
def test_a_resource_name_means_the_model_and_the_version(
    model_id: int, version_id: int, prefix: str
) -> None:
    link = parse_link(f"{prefix}civitai:{model_id}@{version_id}")
    assert link == CivitaiLink(model_id=model_id, version_id=version_id)
    assert parse_link(f"{prefix}civitai:{model_id}") == CivitaiLink(model_id=model_id)


@given(IDS)
def test_a_bare_number_is_a_version(number: int) -> None:
    expected = CivitaiLink(version_id=number)
    assert parse_link(number) == parse_link(str(number)) == parse_link(f" {number}\n") == expected


@given(HOSTS, IDS, st.sampled_from(["", "/", "?postId=80001", "#x"]))
def test_the_address_of_an_image_means_the_image(host: str, image_id: int, rest: str) -> None:
    assert parse_image_link(f"https://{host}/images/{image_id}{rest}") == image_id
    assert parse_image_link(image_id) == parse_image_link(str(image_id)) == image_id


OTHER_HOSTS = [
    "https://civitai.com.evil.example/models/1",
    "https://evilcivitai.com/models/1",
    "https://civitai.com@evil.example/models/1",
    "https://evil.example@civitai.com/models/1",
    "https://user:word@civitai.com/models/1",
    "https://evil.example/civitai.com/models/1",
    "https://evil.example/?x=https://civitai.com/models/1",
    "https://evil.example/#https://civitai.com/models/1",
    "https://evil.example\\@civitai.com/models/1",
    "https://civitai.com\\.evil.example/models/1",
    "https://civitai.com:8080/models/1",
    "https://civitai.com:99999/models/1",
    "https://sub.civitai.com/models/1",
    "https://civitai.co/models/1",
    "https://civitai.comx/models/1",
    "https://cıvitai.com/models/1",
    "https://civitai。com/models/1",
    "https://[civitai.com]/models/1",
    "https://civi\ttai.com/models/1",
    "https:/\n/civitai.com/models/1",
    "//civitai.com/models/1",
    "ftp://civitai.com/models/1",
    "javascript:civitai.com/models/1",
    "file:///civitai.com/models/1",
    "http://127.0.0.1/civitai.com/models/1",
]


@pytest.mark.parametrize("text", OTHER_HOSTS)
def test_a_link_of_another_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidCivitaiLink):
        parse_link(text)
    with pytest.raises(InvalidCivitaiLink):
        parse_image_link(text.replace("/models/", "/images/"))


@pytest.mark.parametrize(
    "text",
    [
        "https://civitai.com/",
        "https://civitai.com/models",
        "https://civitai.com/models/harbor-mix",
        "https://civitai.com/models/1x",
        "https://civitai.com/models/-1",
        "https://civitai.com/models/0",
        "https://civitai.com/models/1.5",
        "https://civitai.com/user/1",
        "https://civitai.com/images/1",
        "https://civitai.com/posts/1",
        "https://civitai.com/models/1?modelVersionId=",
        "https://civitai.com/models/1?modelVersionId=2x",
        "https://civitai.com/models/1?modelVersionId=-2",
        "https://civitai.com/models/1?modelVersionId=2147483648",
        "https://civitai.com/models/1?modelVersionId=2&modelVersionId=3",
        "https://civitai.com/models/2147483648",
        "https://civitai.com/api/download/models/1?fileId=x",
        "https://civitai.com/api/download/models/1/2",
        "urn:air:sdxl:checkpoint:huggingface:1@2",
        "urn:air:sdxl:checkpoint:civitai:1@latest",
        "civitai:1@",
        "civitai:",
        "harborMixXL_v20.safetensors",
        "",
        "   ",
        "two words",
        "1e3",
        "0x10",
        "+7",
        "-7",
        "7.0",
        "٧",
        "７",
        "0",
        "2147483648",
        "9" * 5000,
        "https://civitai.com/models/1?" + "x" * 5000,
    ],
)
def test_what_names_neither_a_model_nor_a_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidCivitaiLink) as refused:
        parse_link(text)
    assert len(refused.value.message) < 500


@pytest.mark.parametrize("value", [0, -1, 2**31, True, False, 7.0, float("nan"), None, b"7", [7]])
def test_only_whole_numbers_from_1_to_2147483647_are_ids(value: Any) -> None:
    for parse in (parse_link, parse_image_link):
        with pytest.raises(InvalidCivitaiLink):
            parse(value)


def test_a_number_that_python_cannot_write_out_is_refused_like_others() -> None:
    with pytest.raises(InvalidCivitaiLink):
        parse_link(10**5000)


@given(NOBODYS_WORDS)
def test_any_text_is_read_or_refused_and_what_is_read_is_sound(text: str) -> None:
    for words in (text, f"https://civitai.com/{text}", f"civitai:{text}"):
        try:
            link = parse_link(words)
        except InvalidCivitaiLink:
            continue
        told = (link.model_id, link.version_id, link.file_id)
        assert any(told[:2])
        assert all(each is None or 1 <= each <= LARGEST_ID for each in told)


@given(st.from_regex(r"https?://[a-z0-9.@:\-]{1,40}/models/1", fullmatch=True))
def test_nothing_but_civitais_hosts_is_read(text: str) -> None:
    host = text.split("/")[2].removeprefix("www.")
    try:
        parse_link(text)
    except InvalidCivitaiLink:
        return
    assert host.partition(":")[0] in ("civitai.com", "civitai.red", "civitai.green")
