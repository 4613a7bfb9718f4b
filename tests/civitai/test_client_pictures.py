"""Pictures and films come from Civitai's CDN, bounded, and nobody there sees the key."""

from __future__ import annotations

import pytest
from tests.civitai.clients import Answering, client_of, in_json, page, redirect, visitor

from stablequeue_core.civitai.client.patience import ATTEMPTS
from stablequeue_core.civitai.pictures import still
from stablequeue_core.errors import CivitaiGarbled, CivitaiNotFound, CivitaiUnavailable
from stablequeue_core.models.files.picture_types import media_type_of
from stablequeue_core.testing.civitai_simulator import Fault
from stablequeue_core.transport import Request, Response

URL = "https://image.civitai.com/xG1n/0b6d/original=true/7.jpeg"
ENOUGH = 10 * 1024 * 1024
PICTURE = Response(status=200, headers={"content-type": "image/jpeg"}, body=b"\xff\xd8\xff\xe0")


def answering(answer: Response) -> Answering:
    return lambda request: answer


def test_a_picture_comes_as_it_is_and_smaller_where_that_is_asked_for() -> None:
    to = visitor()
    picture = to.client.version(700201).pictures[0]
    whole = to.client.picture(picture.url, largest=ENOUGH)
    small = to.client.picture(picture.url, largest=ENOUGH, width=96)
    assert media_type_of(whole) == media_type_of(small) == "image/jpeg"
    assert "/width=96/" in to.asked[-1]


def test_a_film_comes_as_a_film_or_as_a_still_of_it() -> None:
    to = visitor()
    film = to.client.version(700201).pictures[1]
    assert media_type_of(to.client.picture(film.url, largest=ENOUGH)) == "video/mp4"
    shown = to.client.picture(still(film.url, 450), largest=ENOUGH)
    assert media_type_of(shown) == "image/jpeg"


def test_the_cdn_never_sees_the_key() -> None:
    to = visitor()
    to.client.picture(to.client.version(700201).pictures[0].url, largest=ENOUGH)
    assert to.civitai.leaks == []
    assert "authorization" not in to.civitai.requests[-1].headers


def test_a_server_in_civitais_place_does_not_see_it_with_pictures_either() -> None:
    base = "http://mirror.example/api/v1"
    client, anybody = client_of(lambda request: PICTURE, key="key", civitai_url=base)
    assert client.picture("http://mirror.example/a.jpeg", largest=99) == PICTURE.body
    assert anybody.keys == [None]


@pytest.mark.parametrize(
    "url",
    [
        "https://image.civitai.com.evil.example/7.jpeg",
        "https://evil.example/7.jpeg",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:7860/",
        "https://civitai.com/login",
        "file:///etc/passwd",
        "https://image.civitai.com@evil.example/7.jpeg",
        "",
    ],
)
def test_no_other_host_is_asked(url: str) -> None:
    client, anybody = client_of(lambda request: PICTURE)
    with pytest.raises(CivitaiGarbled):
        client.picture(url, largest=99)
    assert anybody.requests == []


def test_a_redirect_within_the_cdn_is_followed_and_no_other() -> None:
    def moved(request: Request) -> Response:
        if "image.civitai.com" in request.url:
            return redirect("https://image-b2.civitai.com/file/civitai-media-cache/0b6d/original")
        return PICTURE

    assert client_of(moved)[0].picture(URL, largest=99) == PICTURE.body
    client, anybody = client_of(lambda request: redirect("http://10.0.0.1/7.jpeg"))
    with pytest.raises(CivitaiGarbled):
        client.picture(URL, largest=99)
    assert anybody.urls == [URL]


def test_redirects_in_a_circle_end() -> None:
    with pytest.raises(CivitaiGarbled, match="again and again"):
        client_of(lambda request: redirect(URL))[0].picture(URL, largest=99)


def test_a_picture_that_is_too_large_is_refused() -> None:
    to = visitor()
    picture = to.client.version(700201).pictures[0]
    with pytest.raises(CivitaiGarbled, match="more than 99 bytes"):
        to.client.picture(picture.url, largest=99)


@pytest.mark.parametrize("answer", [page(), Response(status=200)])
def test_a_page_is_no_picture_and_neither_is_nothing(answer: Response) -> None:
    with pytest.raises(CivitaiGarbled):
        client_of(lambda request: answer)[0].picture(URL, largest=99)


def test_a_picture_that_is_gone_is_not_found() -> None:
    with pytest.raises(CivitaiNotFound, match="picture"):
        visitor().client.picture(URL, largest=99)
    for answer in (in_json({}, 404), page(404), page(410)):
        with pytest.raises(CivitaiNotFound, match="picture"):
            client_of(answering(answer))[0].picture(URL, largest=99)


def test_trouble_of_the_cdn_is_asked_again_and_holds_nobody_off_the_api() -> None:
    to = visitor()
    picture = to.client.version(700201).pictures[0]
    to.civitai.faults.next("cdn", Fault.EDGE_ERROR, times=ATTEMPTS - 1)
    assert to.client.picture(picture.url, largest=ENOUGH)
    to.civitai.faults.next("cdn", Fault.TOO_MANY_REQUESTS, retry_after=600)
    with pytest.raises(CivitaiUnavailable):
        to.client.picture(picture.url, largest=ENOUGH)
    assert to.client.version(700201).id == 700201
