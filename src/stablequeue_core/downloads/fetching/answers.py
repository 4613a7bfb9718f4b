"""What the head of an answer of the storage means for the part that is here. A pure judgment.

The storage is whoever Civitai's link leads to: R2, B2 or MinIO. It knows nothing of Civitai, and
says no with a status and a text in XML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto

from attrs import frozen

from stablequeue_core.downloads.fetching.proofs import page_for_people
from stablequeue_core.errors import StorageHostFailed, WrongFile

_EXPIRED = frozenset({401, 403, 404, 410})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d+)")
_PAGES = ("text/html", "application/xhtml+xml")
_MESSAGES = ("application/json", "application/problem+json", "application/xml", "text/xml")


class Meaning(Enum):
    """What to do with the body, and with what is here."""

    GOES_ON = auto()
    """The body is what comes behind the bytes that are here."""

    BEGINS = auto()
    """The body is all of the file: whatever is here is given up for it."""

    NOTHING_MORE = auto()
    """All of it is here."""

    START_OVER = auto()
    """What is here does not belong to what is there; ask for all of it."""

    EXPIRED = auto()
    """The storage does not know the link any more; ask for a new one."""


@frozen(kw_only=True)
class Head:
    """The head of an answer, understood.

    Attributes:
        total: size of the whole file in bytes; None: not told.
        etag: what the storage calls these very bytes; None: nothing that can be relied on.
    """

    meaning: Meaning
    total: int | None = None
    etag: str | None = None


def read_head(
    status: int, headers: Mapping[str, str], *, here: int, total: int | None, etag: str | None
) -> Head:
    """Understand the head of an answer to the request for what comes behind ``here`` bytes.

    Args:
        status: of the answer; no redirect.
        headers: of the answer, with names in lower case.
        here: how many bytes are here already.
        total: size of the file that they belong to; None: not known.
        etag: of that file; None: not known.

    Raises:
        StorageHostFailed: the storage is too busy, or answers nonsense.
        WrongFile: it is no file: ``login_page`` or ``not_a_model``.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if status in _EXPIRED or (status == 400 and kind in _MESSAGES):
        return Head(meaning=Meaning.EXPIRED)
    if status == 416 and here:
        found = _UNSATISFIED.fullmatch(headers.get("content-range", "").strip())
        is_whole = found is not None and int(found[1]) == here
        return Head(meaning=Meaning.NOTHING_MORE if is_whole else Meaning.START_OVER)
    if status not in (200, 206):
        raise _refusal(status, headers)
    _check_kind(kind)
    _check_encoding(headers)
    if status == 200:
        length = _number(headers.get("content-length"))
        return Head(meaning=Meaning.BEGINS, total=length, etag=strong(headers.get("etag")))
    return _read_partial(headers, here=here, total=total, etag=etag)


def strong(etag: str | None) -> str | None:
    """An ETag, if it stands for these very bytes and can be sent back.

    Example:
        >>> strong('"9f90c59f3a-1"'), strong('W/"9f90c59f3a"'), strong("unquoted")
        ('"9f90c59f3a-1"', None, None)
    """
    text = (etag or "").strip()
    is_strong = len(text) > 2 and text[0] == text[-1] == '"' and text.isascii()
    return text if is_strong and text.isprintable() else None


def _read_partial(
    headers: Mapping[str, str], *, here: int, total: int | None, etag: str | None
) -> Head:
    """The head of a 206, of a file that may have been replaced by another meanwhile."""
    text = headers.get("content-range", "").strip()
    found = _CONTENT_RANGE.fullmatch(text)
    if found is None:
        raise _nonsense("names no part of the file, or several of them")
    first, last = int(found[1]), int(found[2])
    whole = total if found[3] == "*" else int(found[3])
    length = _number(headers.get("content-length"))
    if first != here or last < first or (length is not None and length != last - first + 1):
        raise _nonsense("is another part of the file than the one that was asked for")
    if whole is not None and last >= whole:
        raise _nonsense("ends behind the end of the file")
    new_etag = strong(headers.get("etag"))
    is_other = (total is not None and whole != total) or (
        etag is not None and new_etag is not None and new_etag != etag
    )
    if is_other and here:
        return Head(meaning=Meaning.START_OVER)
    return Head(meaning=Meaning.GOES_ON, total=whole, etag=new_etag or etag)


def _check_kind(kind: str) -> None:
    if kind in _PAGES:
        raise page_for_people()
    if kind in _MESSAGES:
        raise WrongFile(
            "not_a_model",
            f"What came is a message ({kind}), not a model. Nothing of it was kept; retry later, "
            "or look at the model's page whether this file can be had.",
            {"found": kind},
        )


def _check_encoding(headers: Mapping[str, str]) -> None:
    """Packed bytes can be neither counted nor read on from the middle, and may unpack for ever."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise _nonsense(f"is packed ({encoding[:20]!r}), though that was not allowed")


def _refusal(status: int, headers: Mapping[str, str]) -> StorageHostFailed:
    seconds = _number(headers.get("retry-after"))
    details = {"status": status} | ({} if seconds is None else {"retry_after": seconds})
    if status == 429:
        what = "is asked too often"
    elif status >= 500:
        what = "is out of order"
    else:
        what = "does not understand what it is asked for"
    return StorageHostFailed(
        f"The host that holds the file {what} (status {status}). Retry later: what is here already "
        "is kept.",
        details,
    )


def _nonsense(what: str) -> StorageHostFailed:
    return StorageHostFailed(
        f"The answer of the host that holds the file {what}, so it was not used. Retry later, or "
        "without a proxy in between; what is here already is kept."
    )


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
