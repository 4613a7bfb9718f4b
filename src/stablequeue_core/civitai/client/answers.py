"""What Civitai's answers mean: a value, or which of our errors. Pure: status, headers, body."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from stablequeue_core.civitai.client.patience import retry_after
from stablequeue_core.civitai.client.refusals import refusal_of
from stablequeue_core.civitai.client.saying import is_markup, said_in
from stablequeue_core.errors import (
    CivitaiGarbled,
    CivitaiNotFound,
    CivitaiRefused,
    CivitaiUnavailable,
    StableQueueError,
)
from stablequeue_core.transport import Response

PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504, *range(520, 527)})
"""What may be over in a moment; 52x are those of the network before Civitai."""

_TOO_MANY_PAGES = "too many pages"
"""Answered with 429 as well, and no limit of a rate: the same request is never answered."""

_TOO_MANY_DOWNLOADS = "unusual amount of downloading"
"""Said of the account: not over in a moment."""


@frozen(kw_only=True)
class Asked:
    """What an answer answers.

    Attributes:
        what: for sentences: ``version 700201``.
        host: for sentences.
        now: when the answer came.
        key_was_sent: whether it was asked in somebody's name.
        secret: struck out, should the server repeat it; whoever it was shown to may tell others.
    """

    what: str
    host: str
    now: datetime
    key_was_sent: bool
    secret: str | None = field(repr=False)


def value_of(response: Response, asked: Asked) -> Any:
    """The JSON that an answer brings.

    Raises:
        CivitaiRefused: it says no.
        CivitaiNotFound: there is no such thing.
        CivitaiUnavailable: it cannot answer now.
        CivitaiGarbled: it is no answer of Civitai's API.
    """
    if response.status != 200 or is_markup(response):
        raise error_of(response, asked)
    try:
        return response.json()
    except (ValueError, RecursionError):
        raise no_api(response, asked) from None


def error_of(response: Response, asked: Asked) -> StableQueueError:
    """What an answer without a value means."""
    status = response.status
    if status >= 500 or (status in PASSING_STATUSES and not is_too_many_pages(response)):
        return _unavailable(response, asked)
    if refusal := refusal_of(response, asked.now, asked.secret, key_was_sent=asked.key_was_sent):
        return refusal
    if is_markup(response) or status < 400:
        return no_api(response, asked)
    if status == 404:
        return CivitaiNotFound(asked.what)
    said = said_in(response, asked.secret)
    return CivitaiRefused(
        f"Civitai does not accept the request for {asked.what}"
        f"{f': {said}' if said else f' (status {status})'}. Please report this: asking again "
        "changes nothing.",
        {"status": status, "said": said},
    )


def no_api(response: Response, asked: Asked) -> CivitaiGarbled:
    """Something answered that is not Civitai's API."""
    found = "a page for people" if is_markup(response) else "something that is no JSON"
    return CivitaiGarbled(
        f"Asked for {asked.what}, {asked.host} answered with {found} (status {response.status}) "
        "instead of what Civitai's API answers. Check STABLEQUEUE_CIVITAI_URL, and whether a "
        "proxy or a login page of your network stands between.",
        {"status": response.status},
    )


def is_too_many_pages(response: Response) -> bool:
    """Whether a list was turned too far: it says 429, and never gives another answer."""
    return response.status == 429 and _TOO_MANY_PAGES in said_in(response, None).lower()


def is_rate_limit(response: Response) -> bool:
    """Whether it complains that too much is asked in too short a time."""
    return response.status == 429 and not is_too_many_pages(response)


def may_pass(response: Response) -> bool:
    """Whether asking again in a moment may help."""
    if response.status not in PASSING_STATUSES or is_too_many_pages(response):
        return False
    return _TOO_MANY_DOWNLOADS not in said_in(response, None).lower()


def _unavailable(response: Response, asked: Asked) -> CivitaiUnavailable:
    said, seconds = said_in(response, asked.secret), retry_after(response.headers, asked.now)
    wait = f"in {seconds:.0f} seconds" if seconds else "in a while"
    if response.status == 429:
        what = f"{asked.host} is asked too often{f': {said}' if said else ''}"
    else:
        what = f"{asked.host} has trouble ({response.status}{f': {said}' if said else ''})"
    return CivitaiUnavailable(
        f"{what.rstrip('.')}. Try again {wait}.",
        {"status": response.status, "retry_after": seconds, "wanted": asked.what},
    )
