"""Which hosts are Civitai's, and how its CDN is asked for another size. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.civitai.client.hosts import CivitaiHosts, origin_of, shown
from stablequeue_core.civitai.client.redirects import target_of
from stablequeue_core.civitai.pictures import sized, still
from stablequeue_core.errors import CivitaiGarbled
from stablequeue_core.settings import Settings
from stablequeue_core.transport import Response

USUAL = CivitaiHosts(Settings())
OWN = CivitaiHosts(Settings(civitai_url="http://127.0.0.1:8000/api/v1", civitai_second_url=None))
CDN = "https://image.civitai.com/xG1nkqKTMzGDvpLrqFT7WA/0b6d2f10-1111-4a6b-9c3d-000000000001"


@pytest.mark.parametrize(
    "url",
    [
        "https://civitai.com/api/v1/me",
        "https://CIVITAI.com:443/",
        "https://civitai.red/api/download/models/7",
    ],
)
def test_the_key_is_for_the_hosts_of_the_settings(url: str) -> None:
    assert USUAL.is_api(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://civitai.com/api/v1/me",
        "https://civitai.com:444/api/v1/me",
        "https://www.civitai.com/api/v1/me",
        "https://civitai.green/api/v1/me",
        "https://civitai.com.evil.example/api/v1/me",
        "https://evilcivitai.com/api/v1/me",
        "https://civitai.com@evil.example/api/v1/me",
        "https://evil.example\\@civitai.com/",
        "https://user@civitai.com/api/v1/me",
        "https://image.civitai.com/x.jpeg",
        "https://[::1",
        "civitai.com",
        "",
    ],
)
def test_the_key_is_for_no_other_scheme_port_or_host(url: str) -> None:
    assert not USUAL.is_api(url)


@pytest.mark.parametrize("host", ["image", "imagecache", "image-b2"])
def test_pictures_come_from_the_cdn(host: str) -> None:
    assert USUAL.shows_pictures(f"https://{host}.civitai.com/x/original=true/7.jpeg")
    assert not USUAL.shows_pictures(f"http://{host}.civitai.com/x.jpeg")
    assert not USUAL.shows_pictures(f"https://{host}.civitai.com:81/x.jpeg")


@pytest.mark.parametrize(
    "url",
    [
        "https://civitai.com/x.jpeg",
        "https://storage.civitai.com/x.jpeg",
        "https://image.civitai.com.evil.example/x.jpeg",
        "http://127.0.0.1/x.jpeg",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
    ],
)
def test_pictures_come_from_nowhere_else(url: str) -> None:
    assert not USUAL.shows_pictures(url)


def test_a_server_in_civitais_place_has_its_own_pictures() -> None:
    assert OWN.shows_pictures("http://127.0.0.1:8001/x.jpeg")
    assert OWN.shows_pictures(f"{CDN}/original=true/7.jpeg")
    assert not OWN.shows_pictures("http://127.0.0.2:8000/x.jpeg")


def test_only_hosts_that_the_user_named_may_be_private() -> None:
    assert OWN.is_trusted("http://127.0.0.1:9000/file")
    assert not OWN.is_trusted("http://10.0.0.1/file")
    assert not USUAL.is_trusted("http://127.0.0.1:9000/file")


def test_the_same_base_twice_is_asked_once() -> None:
    settings = Settings(civitai_second_url="https://civitai.com/api/v1/")
    assert CivitaiHosts(settings).bases == ("https://civitai.com/api/v1",)


@given(st.text(max_size=40))
def test_an_address_that_is_none_has_no_origin(text: str) -> None:
    for url in (text, f"https://{text}", f"http://civitai.com{text}"):
        origin = origin_of(url)
        assert origin is None or (origin.scheme in ("http", "https") and origin.host)
        assert shown(url)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://storage.example/a?b=c#d", "https://storage.example/a?b=c"),
        ("/login?x=y", "https://civitai.com/login?x=y"),
        ("../x", "https://civitai.com/api/x"),
        ("//storage.example/a", "https://storage.example/a"),
    ],
)
def test_a_redirect_may_be_relative(location: str, target: str) -> None:
    response = Response(status=307, headers={"location": location})
    assert target_of(response, "https://civitai.com/api/download/7", "a-key") == target


@pytest.mark.parametrize(
    "location",
    [
        "",
        " ",
        "file:///etc/passwd",
        "ftp://storage.example/a",
        "javascript:alert(1)",
        "https://",
        "https:///a",
        "https://user:word@storage.example/a",
        "https://storage.example\\@civitai.com/",
        "https://storage.example/a b",
        "https://storage.example/\r\nX: y",
        "https://[::1/a",
        "https://storage.example:99999/a",
        "https://storage.example/a?token=a-key",
    ],
)
def test_a_redirect_to_what_cannot_be_asked_is_garbled(location: str) -> None:
    response = Response(status=307, headers={"location": location})
    with pytest.raises(CivitaiGarbled):
        target_of(response, "https://civitai.com/api/download/7", "a-key")


@pytest.mark.parametrize("params", ["original=true", "width=450", "anim=false,width=96"])
def test_a_width_takes_the_place_of_other_wishes(params: str) -> None:
    assert sized(f"{CDN}/{params}/7.jpeg", 512) == f"{CDN}/width=512/7.jpeg"


@pytest.mark.parametrize("name", ["7.mp4", "7.webm", "7"])
def test_a_still_of_a_film_is_a_jpeg(name: str) -> None:
    expected = f"{CDN}/anim=false,transcode=true,width=450/7.jpeg"
    assert still(f"{CDN}/original=true/{name}?x=y", 450) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://image-b2.civitai.com/file/civitai-media-cache/0b6d2f10/original",
        f"{CDN}/7.jpeg",
        "https://image.civitai.com/7.jpeg",
        "http://127.0.0.1:8000/pictures/7.png",
    ],
)
def test_an_address_of_another_shape_stays_as_it_is(url: str) -> None:
    assert sized(url, 450) == still(url, 450) == url


@given(st.integers(1, 2200), st.integers(1, 2200))
def test_the_last_wish_counts(first: int, second: int) -> None:
    url = f"{CDN}/original=true/7.mp4"
    assert sized(sized(url, first), second) == sized(url, second)
    assert still(still(url, first), second) == still(url, second)
