"""A server as its user describes it: checked field by field, its password never shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.errors import InvalidServer
from stablequeue_core.servers import Server, check_server

GOOD = {"alias": "Laptop", "api_url": "http://127.0.0.1:7860"}
SECRET = "correct-horse-battery"


def checked(**fields: Any) -> Server:
    return check_server({**GOOD, **fields})


def bad_fields(**fields: Any) -> list[str]:
    with pytest.raises(InvalidServer) as caught:
        checked(**fields)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.details)
    return [problem.path for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("http://127.0.0.1:7860", "http://127.0.0.1:7860"),
        ("http://127.0.0.1:7860/", "http://127.0.0.1:7860"),
        ("  http://127.0.0.1:7860//  ", "http://127.0.0.1:7860"),
        ("HTTP://Laptop.local", "http://laptop.local"),
        ("https://example.org/forge/", "https://example.org/forge"),
        ("http://[::1]:7860", "http://[::1]:7860"),
        ("http://[FE80::1]/", "http://[fe80::1]"),
        ("http://host:", "http://host"),
        ("http://münchen.local:7860", "http://münchen.local:7860"),
        ("http://host:65535", "http://host:65535"),
    ],
)
def test_a_url_is_kept_without_its_last_slash(given_url: str, kept: str) -> None:
    assert checked(api_url=given_url).api_url == kept
    assert checked(api_url=kept).api_url == kept


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        5,
        "127.0.0.1:7860",
        "laptop",
        "ftp://host",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//host",
        "http://",
        "http:///path",
        "http://:7860",
        "http://host:0",
        "http://host:65536",
        "http://host:port",
        "http://[::1",
        "http://ho st",
        "http://host/a b",
        "http://host\\evil",
        "http://host/?x=1",
        "http://host/#part",
        "http://host\n.evil",
        "http://<host>",
        "http://host/" + "x" * 3000,
    ],
)
def test_anything_else_is_no_url(url: Any) -> None:
    assert bad_fields(api_url=url) == ["api_url"]


@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{SECRET}@host",
        f"http://:{SECRET}@host",
        f"http://{SECRET}@host:7860/path",
        f"ftp://me:{SECRET}@host",
        f"http://me:{SECRET}@host:port",
        f"http://me:{SECRET}@[::1",
        f"http://me:{SECRET} @host",
        f"http://me:{SECRET}@",
        f"me:{SECRET}@host",
        f"http://me:{SECRET}@host/?x",
    ],
)
def test_credentials_in_a_url_are_refused_and_never_repeated(url: str) -> None:
    assert bad_fields(api_url=url) == ["api_url"]


@pytest.mark.parametrize(
    "alias", ["Laptop", "my server (2)", "Büro", "a.b", "x" * 128, "automatic"]
)
def test_an_alias_is_the_users_own_word(alias: str) -> None:
    assert checked(alias=alias).alias == alias


@pytest.mark.parametrize(
    "alias",
    [
        None,
        "",
        5,
        " ",
        " a",
        "a ",
        "a/b",
        ".",
        "..",
        "x" * 129,
        "a\nb",
        "a\0",
        "\ud800",
        "auto",
        "Auto",
        "AUTO",
    ],
)
def test_an_alias_fits_into_a_url_and_means_this_server_only(alias: Any) -> None:
    assert set(bad_fields(alias=alias)) == {"alias"}


def test_a_password_needs_a_user_and_a_user_no_password() -> None:
    assert bad_fields(password=SECRET) == ["username"]
    assert checked(username="me").auth == ("me", "")
    assert checked(username="me", password=SECRET).auth == ("me", SECRET)
    assert checked().auth is None
    assert checked(username="", password="").auth is None


def test_basic_authentication_cannot_carry_a_colon_in_the_name() -> None:
    assert bad_fields(username="a:b", password=SECRET) == ["username"]


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("enabled", "yes"),
        ("enabled", 1),
        ("paused", "no"),
        ("description", 5),
        ("username", 5),
        ("description", "a\0b"),
    ],
)
def test_other_fields_have_their_types(field: str, bad: Any) -> None:
    assert bad_fields(**{field: bad}) == [field]


def test_every_bad_field_is_told_at_once() -> None:
    assert bad_fields(alias="auto", api_url="x", enabled=5, username="a:b", password=5) == [
        "alias",
        "api_url",
        "username",
        "password",
        "enabled",
    ]


def test_flags_have_defaults() -> None:
    server = checked(enabled=None, paused=None, description="")
    assert (server.enabled, server.paused, server.description) == (True, False, None)


def test_the_password_is_in_no_repr() -> None:
    server = checked(username="me", password=SECRET)
    assert SECRET not in repr(server)
    assert SECRET not in str([server])
    assert "***" in repr(server)
    assert "password=None" in repr(checked())


scalars: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text() | st.just([])
)
described = st.fixed_dictionaries(
    {},
    optional={
        "alias": scalars,
        "api_url": scalars | st.text("htp:/@[]?#.0 a").map("http://".__add__),
        "username": scalars,
        "password": scalars,
        "enabled": scalars,
        "description": scalars,
    },
)


@given(described)
def test_whatever_is_described_is_a_server_or_refused(fields: dict[str, Any]) -> None:
    try:
        server = check_server(fields)
    except InvalidServer:
        return
    assert server.api_url.startswith(("http://", "https://"))
    assert "@" not in server.api_url.partition("://")[2].partition("/")[0]
    assert not server.api_url.endswith("/")
    assert check_server({"alias": server.alias, "api_url": server.api_url}).api_url == (
        server.api_url
    )
