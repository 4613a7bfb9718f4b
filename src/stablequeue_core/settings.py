"""Every knob, with its unit, its default and why: arguments, then ``STABLEQUEUE_*``, then these."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, Self, get_args, get_type_hints
from urllib.parse import urlsplit

from attrs import Attribute, field, fields, frozen

from stablequeue_core.errors import FieldProblem, InvalidSettings

PREFIX = "STABLEQUEUE_"

NONE = "none"
"""How a variable says that there shall be none of something that has a default."""

_VARIABLE = "variable"
_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@frozen(kw_only=True)
class Settings:
    """Every knob. Times are in seconds, sizes in bytes.

    Attributes:
        max_images: pictures in one job, batches counted.
        max_prompt_chars: length of each prompt.
        max_body_bytes: a longer HTTP request gets 413.
        max_attempts: counted failures after which a job has failed.
        backoff_base: wait before the second attempt; doubles each time, with jitter.
        backoff_cap: the longest such wait.
        lease: how long a claim lasts unless it is renewed.
        poll: how often a running job's progress, and a sleeping lane, is looked at.
        inventory_age: how long a server's lists are believed before they are fetched again.
        affinity_bound: how long a job may wait because others fit the loaded checkpoint better.
        stall_base: a running job without any progress for this long is given up ...
        stall_per_megapixel_step: ... and this much later for each megapixel-step it has to do.
        cancel_wait: how long a cancel waits for the server to confirm.
        close_grace: how long closing waits for running jobs.
        connect_timeout: until a server accepts a connection.
        answer_timeout: until a server answers anything but a picture.
        circuit_base: wait after a server was found unreachable; doubles each time ...
        circuit_cap: ... up to this.
        start_up_grace: how long a server may answer 404 everywhere before its API counts as off.
        hash_rate: bytes a second that are read, in the background, to hash model files.
        civitai_url: where Civitai's API is.
        civitai_second_url: where to ask for what is not there; None: nowhere.
        civitai_api_key: of the user's account; read from ``CIVITAI_API_KEY``, shown nowhere, and
            sent to these two hosts only.
        civitai_unknown_age: how long Civitai's word that it does not know a file is believed.
        max_downloads: so many files are fetched at the same time.
        download_stall: a connection that brings next to nothing for so long is given up.
        allow_private_downloads: whether a link from outside may lead into the user's own network.
        database_url: ``postgresql://…`` instead of a file; its password is shown nowhere.
        fairness: whether the clients that submit jobs take turns, within a priority.
        split_batches: whether a job for ``auto`` with many pictures is made by several servers.
        split_smallest: a part of such a job has at least so many pictures.
        max_losses: so often may a job be running when its process dies; then it has failed.
        memory_reserve: a server whose computer has less left is asked to unload its model first.
        probe_age: how often a server is asked how it feels while it has nothing to do.
        keep_days: ended jobs and downloads are forgotten after so many days; None: never.
        keep_jobs: the ended ones beyond the newest so many are forgotten, of either; None: none.
        keep_images: whether the pictures of a job that is forgotten stay.

    Raises:
        InvalidSettings: a value is not of the kind that its setting takes, or a number is not above
            zero; lists every bad one.
    """

    max_images: int = 16
    max_prompt_chars: int = 100_000
    max_body_bytes: int = 16 * 1024 * 1024
    max_attempts: int = 4
    backoff_base: float = 2.0
    backoff_cap: float = 120.0
    lease: float = 30.0
    poll: float = 0.5
    inventory_age: float = 60.0
    affinity_bound: float = 120.0
    stall_base: float = 180.0
    stall_per_megapixel_step: float = 10.0
    cancel_wait: float = 10.0
    close_grace: float = 10.0
    connect_timeout: float = 5.0
    answer_timeout: float = 30.0
    circuit_base: float = 1.0
    circuit_cap: float = 30.0
    start_up_grace: float = 20.0
    hash_rate: float = 200e6
    civitai_url: str = "https://civitai.com/api/v1"
    civitai_second_url: str | None = "https://civitai.red/api/v1"
    civitai_api_key: str | None = field(
        default=None,
        repr=lambda key: "***" if key else "None",
        metadata={_VARIABLE: "CIVITAI_API_KEY"},
    )
    civitai_unknown_age: float = 7 * 86400.0
    max_downloads: int = 2
    download_stall: float = 60.0
    allow_private_downloads: bool = False
    database_url: str | None = field(default=None, repr=lambda url: "***" if url else "None")
    fairness: bool = False
    split_batches: bool = False
    split_smallest: int = 4
    max_losses: int = 5
    memory_reserve: float = 1e9
    probe_age: float = 60.0
    keep_days: float | None = None
    keep_jobs: int | None = None
    keep_images: bool = True

    def __attrs_post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        unfit = {name: _unfit(getattr(self, name), kind) for name, kind in kinds.items()}
        problems = [FieldProblem(name, problem) for name, problem in unfit.items() if problem]
        if problems:
            raise InvalidSettings(problems)

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, **arguments: float | str | None
    ) -> Self:
        """Settings from arguments (None means: not given), then the environment, then defaults.

        Args:
            environment: instead of ``os.environ``.
            arguments: named as the attributes.

        Raises:
            InvalidSettings: a variable's text is no number, a number is not above zero, an address
                is none, or a flag is neither 1 nor 0.

        Example:
            >>> Settings.from_environment({"STABLEQUEUE_MAX_ATTEMPTS": "2"}).max_attempts
            2
        """
        environment = os.environ if environment is None else environment
        kinds = get_type_hints(cls)
        problems: list[FieldProblem] = []
        values: dict[str, Any] = {}
        for attribute in fields(cls):
            name, variable = attribute.name, variable_of(attribute)
            given = arguments.pop(name, None)
            source = name if given is not None else variable
            text = given if given is not None else environment.get(variable)
            if text is None or text == "":
                continue
            try:
                read = _READERS.get(name) or _BY_KIND[kinds[name]]
                values[name] = read(text)
            except _Unusable as problem:
                problems.append(FieldProblem(source, str(problem)))
        problems += [FieldProblem(name, "is no setting.") for name in arguments]
        if problems:
            raise InvalidSettings(problems)
        return cls(**values)


def variable_of(setting: Attribute[Any]) -> str:
    """The environment variable that a setting is read from."""
    return str(setting.metadata.get(_VARIABLE, f"{PREFIX}{setting.name.upper()}"))


class _Unusable(Exception):
    """The rest of a sentence that begins with the setting's name."""


def _unfit(value: Any, kind: Any) -> str | None:
    """What is wrong with a value that was given by hand; None: nothing is."""
    kinds = get_args(kind) or (kind,)
    wanted = kinds[0]
    if value is None and NoneType in kinds:
        return None
    if wanted is str:
        # Its type rather than the value, which may be a password.
        is_text = isinstance(value, str)
        return None if is_text else f"is of type {type(value).__name__}; it must be text."
    if wanted is bool:
        return None if isinstance(value, bool) else f"is {value!r}; it must be True or False."
    numbers = (int,) if wanted is int else (int, float)
    is_number = not isinstance(value, bool) and isinstance(value, numbers)
    # Compared in this way, so that NaN is refused, too.
    if is_number and not 0 < value < float("inf"):
        return _not_above_zero(value)
    takes = "a whole number" if wanted is int else "a number"
    or_none = ", or None" if NoneType in kinds else ""
    return None if is_number else f"is {value!r}; it must be {takes} above zero{or_none}."


def _whole(value: float | str) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise _Unusable(f"{value!r} is no whole number.")
    return int(_above_zero(value, int, "whole number"))


def _number(value: float | str) -> float:
    return _above_zero(value, float)


def _above_zero(value: Any, kind: Callable[[float | str], float], called: str = "number") -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        raise _Unusable(f"{value!r} is no {called}.") from None
    if not number > 0 or number == float("inf"):
        raise _Unusable(_not_above_zero(number))
    return number


def _not_above_zero(number: float) -> str:
    return f"is {number}; it must be above zero, and finite."


def _flag(value: float | str) -> bool:
    text = str(int(value)) if isinstance(value, bool) else str(value).strip().lower()
    if text not in _FLAGS:
        raise _Unusable(f"is {text!r}; it must be 1 or 0.")
    return _FLAGS[text]


def _address(value: float | str) -> str:
    """An http or https address without a slash at its end; a message repeats none of it."""
    try:
        parts = urlsplit(str(value).strip())
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or parts.query or parts.fragment:
        raise _Unusable("must be an address like https://civitai.com/api/v1.")
    if parts.username is not None or parts.password is not None:
        raise _Unusable("must not contain a user name or password.")
    return parts.geturl().rstrip("/")


def _address_or_none(value: float | str) -> str | None:
    return None if str(value).strip().lower() == NONE else _address(value)


def _database(value: float | str) -> str:
    """A PostgreSQL address; a message repeats none of it, as it may hold a password."""
    text = str(value).strip()
    if not text.startswith(("postgresql://", "postgres://")):
        raise _Unusable("must be an address like postgresql://user@host/database.")
    return text


def _number_or_none(value: float | str) -> float | None:
    return None if str(value).strip().lower() == NONE else _number(value)


def _whole_or_none(value: float | str) -> int | None:
    return None if str(value).strip().lower() == NONE else _whole(value)


def _secret(value: float | str) -> str:
    """What can be sent in a header; a message repeats none of it."""
    text = str(value).strip()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise _Unusable("holds characters that no key has; copy it again.")
    return text


_BY_KIND: Mapping[type, Callable[[float | str], Any]] = {int: _whole, float: _number, bool: _flag}
_READERS: Mapping[str, Callable[[float | str], Any]] = {
    "civitai_url": _address,
    "civitai_second_url": _address_or_none,
    "civitai_api_key": _secret,
    "database_url": _database,
    "keep_days": _number_or_none,
    "keep_jobs": _whole_or_none,
}
