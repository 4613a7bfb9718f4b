"""A server that makes pictures, as the user described it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from stablequeue_core.errors import FieldProblem, InvalidServer

MAX_ALIAS_CHARS = 128
MAX_URL_CHARS = 2048
AUTO = "auto"
"""The target that means: any enabled server that can run it."""

GROUP_PREFIX = "auto:"
"""``auto:studio`` is the target that means: any of the servers with the tag ``studio``."""

RESERVED_ALIASES = frozenset({AUTO})
MAX_TAGS = 32
MAX_TAG_CHARS = 64

FIELDS = (
    "alias",
    "api_url",
    "username",
    "password",
    "enabled",
    "paused",
    "description",
    "tags",
)
"""What a user says of a server."""

_NOT_IN_URLS = frozenset(' "<>\\^`{|}')


@frozen(kw_only=True)
class Server:
    """A server that makes pictures.

    Attributes:
        alias: the user's name for it; ``auto`` is taken.
        api_url: http or https, without a trailing slash and without credentials.
        username, password: for ``--api-auth``; the password never appears in a repr.
        enabled: a disabled server has no lane.
        paused: a paused server's lane finishes its job and takes no other.
        description: the user's words.
        tags: the groups that it belongs to; jobs for ``auto:<tag>`` may run on it.
        number: which server it is, whatever it is called; given by the store, 0 before.
    """

    alias: str
    api_url: str
    username: str | None = None
    password: str | None = field(default=None, repr=lambda value: "***" if value else "None")
    enabled: bool = True
    paused: bool = False
    description: str | None = None
    tags: tuple[str, ...] = ()
    number: int = field(default=0, eq=False, repr=False)

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets of the jobs that it may run.

        Example:
            >>> Server(alias="Tower", api_url="http://tower:7860", tags=("studio",)).targets
            ('Tower', 'auto', 'auto:studio')
        """
        return (self.alias, AUTO, *(GROUP_PREFIX + tag for tag in self.tags))

    @property
    def lane(self) -> str:
        """What the lock of its lane is called, whatever the server is called.

        Example:
            >>> Server(alias="Tower", api_url="http://tower:7860", number=3).lane
            'server 3'
        """
        return f"server {self.number}"

    @property
    def auth(self) -> tuple[str, str] | None:
        """User name and password, None where the server wants none."""
        return (self.username, self.password or "") if self.username else None


def check_server(fields: Mapping[str, Any]) -> Server:
    """A server from untrusted fields, named as the attributes of :class:`Server`.

    Raises:
        InvalidServer: lists every bad field.

    Example:
        >>> check_server({"alias": "Laptop", "api_url": "http://127.0.0.1:7860/"}).api_url
        'http://127.0.0.1:7860'
    """
    problems: list[FieldProblem] = []
    alias = _text(fields, "alias", problems, required=True)
    if alias is not None:
        _check_alias(alias, problems)
    api_url = _text(fields, "api_url", problems, required=True)
    if api_url is not None:
        api_url = _checked_url(api_url, problems)
    username = _text(fields, "username", problems)
    if username and ":" in username:
        problems.append(FieldProblem("username", "cannot contain a colon (HTTP Basic)."))
    password = _text(fields, "password", problems)
    if password and not username:
        problems.append(FieldProblem("username", "is needed together with a password."))
    description = _text(fields, "description", problems)
    enabled = _flag(fields, "enabled", problems, default=True)
    paused = _flag(fields, "paused", problems, default=False)
    tags = _tags(fields, problems)
    if problems:
        raise InvalidServer(problems)
    return Server(
        alias=alias or "",
        api_url=api_url or "",
        username=username or None,
        password=password or None,
        enabled=enabled,
        paused=paused,
        description=description,
        tags=tags,
    )


def is_for_any(target: str) -> bool:
    """Whether a job of this target leaves the choice of the server to us.

    Example:
        >>> is_for_any("auto"), is_for_any("auto:studio"), is_for_any("Tower")
        (True, True, False)
    """
    return target == AUTO or target.startswith(GROUP_PREFIX)


def _text(
    fields: Mapping[str, Any], key: str, problems: list[FieldProblem], *, required: bool = False
) -> str | None:
    value = fields.get(key)
    if value is None or value == "":
        if required:
            problems.append(FieldProblem(key, "is required."))
        return None
    if not isinstance(value, str):
        problems.append(FieldProblem(key, "must be text."))
        return None
    if not value.isprintable():
        problems.append(FieldProblem(key, "contains characters that cannot be shown."))
        return None
    return value


def _flag(
    fields: Mapping[str, Any], key: str, problems: list[FieldProblem], *, default: bool
) -> bool:
    value = fields.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        problems.append(FieldProblem(key, "must be true or false."))
        return default
    return value


def _tags(fields: Mapping[str, Any], problems: list[FieldProblem]) -> tuple[str, ...]:
    """Each once, in the order in which they were given."""
    given = fields.get("tags")
    if given is None:
        return ()
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        problems.append(FieldProblem("tags", "must be a list of texts."))
        return ()
    tags: dict[str, None] = {}
    for place, tag in enumerate(given):
        if not isinstance(tag, str) or not tag.isprintable() or not tag.strip() == tag != "":
            message = "must be a tag: text like studio, not empty, and no space at either end."
            problems.append(FieldProblem(f"tags[{place}]", message))
        elif len(tag) > MAX_TAG_CHARS:
            message = f"must have at most {MAX_TAG_CHARS} characters."
            problems.append(FieldProblem(f"tags[{place}]", message))
        else:
            tags[tag] = None
    if len(tags) > MAX_TAGS:
        problems.append(FieldProblem("tags", f"must be at most {MAX_TAGS}."))
    return tuple(tags)


def _check_alias(alias: str, problems: list[FieldProblem]) -> None:
    if alias.casefold() in RESERVED_ALIASES or alias.casefold().startswith(GROUP_PREFIX):
        problems.append(FieldProblem("alias", f"{alias!r} means any server; choose another name."))
    # It is a part of URLs: a slash ends it there, and dots alone mean another folder.
    is_part_of_a_path = "/" not in alias and alias not in (".", "..")
    if alias != alias.strip() or len(alias) > MAX_ALIAS_CHARS or not is_part_of_a_path:
        problems.append(
            FieldProblem(
                "alias",
                f"must have at most {MAX_ALIAS_CHARS} characters, no slash, not only dots, "
                "and no space at either end.",
            )
        )


def _checked_url(text: str, problems: list[FieldProblem]) -> str | None:
    def bad(message: str) -> None:
        problems.append(FieldProblem("api_url", message))

    text = text.strip()
    if len(text) > MAX_URL_CHARS or any(char in text for char in _NOT_IN_URLS):
        bad("must be a URL without spaces, like http://127.0.0.1:7860.")
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        bad("is no URL; it must look like http://127.0.0.1:7860.")
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        bad("must start with http:// or https:// and name a host, like http://127.0.0.1:7860.")
        return None
    if parts.username is not None or parts.password is not None:
        # The message must not repeat the URL: it holds a password.
        bad("must not contain a user name or password; use the fields of that name.")
        return None
    if parts.query or parts.fragment or port == 0:
        bad("must not have a query, a fragment or port 0.")
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = f"{host}:{port}" if port else host
    return f"{parts.scheme}://{authority}{parts.path.rstrip('/')}"
