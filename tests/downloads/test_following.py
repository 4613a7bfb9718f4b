"""Redirects are followed by hand."""

from __future__ import annotations

import pytest
from tests.civitai.clients import Anybody, redirect

from stablequeue_core.downloads.fetching.following import MOST_HOPS, opened
from stablequeue_core.errors import StorageHostFailed
from stablequeue_core.transport import Abort, Request, Response

START = Request(
    method="GET",
    url="https://storage.example/a?signature=1",
    headers={"Range": "bytes=5-", "If-Range": '"x"', "X-Token": "secret"},
    auth=("me", "secret"),
    public_only=True,
)


def following(*targets: str) -> Anybody:
    """A host that sends on to these, one after the other, and then answers."""
    answers = [redirect(target, 307) for target in targets]
    anybody = Anybody(lambda request: answers.pop(0) if answers else Response(status=206))
    opened(anybody, START, Abort()).close()
    return anybody


def test_an_answer_that_is_no_redirect_is_returned() -> None:
    assert len(following().requests) == 1


def test_a_redirect_keeps_the_range_and_loses_what_is_secret_on_another_host() -> None:
    last = following("https://b2.example/x?signature=2").requests[-1]
    assert last.url == "https://b2.example/x?signature=2"
    assert dict(last.headers) == {"Range": "bytes=5-", "If-Range": '"x"'}
    assert last.auth is None
    assert last.public_only


@pytest.mark.parametrize("target", ["/b", "https://STORAGE.example:443/b", "b"])
def test_a_redirect_on_the_same_origin_keeps_everything(target: str) -> None:
    last = following(target).requests[-1]
    assert last.headers["X-Token"] == "secret"
    assert last.auth == ("me", "secret")


@pytest.mark.parametrize(
    "target", ["https://storage.example:8443/b", "https://storage.example.evil/b"]
)
def test_another_port_or_name_is_another_origin(target: str) -> None:
    assert "X-Token" not in following(target).requests[-1].headers


@pytest.mark.parametrize("target", ["http://storage.example/a", "ftp://storage.example/a"])
def test_nothing_leads_out_of_https(target: str) -> None:
    with pytest.raises(StorageHostFailed):
        following(target)


@pytest.mark.parametrize("target", ["https://[::1", "https://a:b/"])
def test_an_address_that_is_none_is_not_followed(target: str) -> None:
    with pytest.raises(StorageHostFailed):
        following(target)


def test_a_few_hops_are_followed_and_no_more() -> None:
    assert len(following(*["/next"] * MOST_HOPS).requests) == MOST_HOPS + 1
    with pytest.raises(StorageHostFailed) as caught:
        following(*["/next?signature=2"] * (MOST_HOPS + 1))
    assert "signature" not in caught.value.message
