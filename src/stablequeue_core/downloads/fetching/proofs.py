"""What the bytes of a file prove: is it a model at all, and is it the one. Functions of values."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import BinaryIO

from stablequeue_core.downloads.download import Download
from stablequeue_core.errors import UnreadableModel, WrongFile
from stablequeue_core.models import FileFormat, HashSource
from stablequeue_core.models.files.headers.gguf import GGUF_MAGIC
from stablequeue_core.models.files.headers.reading import (
    PICKLE_PROTOCOLS,
    ZIP_MAGIC,
    read_header,
)
from stablequeue_core.models.files.headers.safetensors import LENGTH_BYTES, MAX_HEADER_BYTES

BEGINNING_BYTES = 512
"""So many of the first bytes tell whether the rest is worth fetching."""

_ONLY: Mapping[str, FileFormat] = {
    ".safetensors": FileFormat.SAFETENSORS,
    ".sft": FileFormat.SAFETENSORS,
    ".gguf": FileFormat.GGUF,
}
"""A server reads these by their names; behind the others, pickles, it finds what is there."""


def check_size(total: int | None, told: int | None) -> None:
    """Hold the size of what is offered against the one that Civitai tells.

    Civitai counts in kilobytes, and may have rounded.

    Args:
        total: as the host of the file tells it; None: it does not.
        told: as Civitai tells it; None: it does not.

    Raises:
        WrongFile: with the code ``not_a_model`` for nothing at all, else ``wrong_size``.
    """
    if total == 0:
        raise WrongFile(
            "not_a_model",
            "The host of the file sent nothing: 0 bytes. Nothing was kept. Retry later, or choose "
            "another file of this version.",
        )
    if total is not None and told and abs(total - told) > allowance(told):
        raise WrongFile(
            "wrong_size",
            f"The host of the file offers {total:,} bytes, but Civitai tells of {told:,}: it is "
            "another file, or not all of it. Nothing more was fetched; retry later, or choose "
            "another file of this version.",
            {"size": total, "expected": told},
        )


def allowance(told: int) -> int:
    """By how many bytes a size that Civitai tells may be off."""
    return max(2048, told // 100)


def check_beginning(first: bytes, filename: str, total: int | None) -> None:
    """See from its first bytes whether a file can be what its name says, before 7 GB are fetched.

    A pickle is known by its first bytes and never opened, because opening it would run it.

    Args:
        first: BEGINNING_BYTES of them, or all that there are.
        filename: of the model that is wanted.
        total: its size in bytes; None: not known.

    Raises:
        WrongFile: with the code ``login_page`` for a page for people, else ``not_a_model``.

    Example:
        >>> check_beginning(b"GGUF" + bytes(508), "flux-q4.gguf", 10_000)
        >>> try:
        ...     check_beginning(b"<!DOCTYPE html><title>Log in", "x.safetensors", None)
        ... except WrongFile as error:
        ...     print(error.code)
        login_page
    """
    found = _format(first, total)
    wanted = _ONLY.get(_extension(filename))
    if found is None:
        raise _no_model(first)
    if wanted is not None and found is not wanted:
        raise WrongFile(
            "not_a_model",
            f"What came begins as {found} does, but {filename!r} says by its end that it is "
            f"{wanted}, so no server would read it. Choose another file of this version, or "
            "another filename.",
            {"found": str(found), "expected": str(wanted)},
        )


def told_sha256(download: Download) -> str | None:
    """The SHA-256 that the file must have: Civitai's word, never what we computed ourselves."""
    hashes = download.hashes
    if hashes.sha256 is None or hashes.source is HashSource.COMPUTED:
        return None
    return hashes.sha256.lower()


def page_for_people() -> WrongFile:
    """What to say when a page came instead of a file."""
    return WrongFile(
        "login_page",
        "What came is a page for people, not a model: most often one to log in. Nothing of it was "
        "kept. Set CIVITAI_API_KEY to a key of https://civitai.com/user/account, look at the "
        "model's page whether this account may have it, then retry.",
    )


def header_problem(file: BinaryIO, size: int) -> str | None:
    """What is wrong with the header of a whole file; None: it accounts for all of its bytes."""
    try:
        read_header(file, size)
    except UnreadableModel as error:
        return error.message
    return None


def wrong_once(sha256: str, told: str | None, problem: str | None) -> WrongFile:
    """What to say of a whole file that is wrong, the first time.

    Args:
        sha256: of the file.
        told: as it should be; None: Civitai does not tell.
        problem: of its header, where that is all that can be judged.
    """
    return WrongFile(
        _code(told),
        f"{_what_is_wrong(sha256, told, problem)} It may have been damaged on its way, so it is "
        "fetched once more.",
        {"sha256": sha256, "expected": told, "is_final": False},
    )


def wrong_again(
    filename: str,
    sha256: str,
    told: str | None,
    problem: str | None,
    *,
    is_same: bool,
    kept_as: str,
) -> WrongFile:
    """What to say of a file that was fetched twice, and was wrong both times.

    Args:
        filename: that it does not get.
        sha256: of the second one.
        told: as it should be; None: Civitai does not tell.
        problem: of its header, where that is all that can be judged.
        is_same: the first one had the very same bytes.
        kept_as: the name that it has instead.
    """
    if is_same:
        whose = "what Civitai tells of it is" if told else "the file itself is"
        advice = (
            f"Both fetches gave the very same bytes, so {whose} probably wrong. The file is kept "
            f"as {kept_as!r}: if you trust it, rename it to {filename!r}; else delete it."
        )
    else:
        advice = (
            "The two fetches gave different bytes, so they are damaged on their way: look at your "
            f"network, a proxy, your disk and your memory. The second is kept as {kept_as!r}; "
            "delete it, then retry."
        )
    return WrongFile(
        _code(told),
        f"{_what_is_wrong(sha256, told, problem)} It was fetched twice. {advice}",
        {
            "sha256": sha256,
            "expected": told,
            "is_final": True,
            "is_same": is_same,
            "kept_as": kept_as,
        },
    )


def _code(told: str | None) -> str:
    return "wrong_header" if told is None else "wrong_checksum"


def _what_is_wrong(sha256: str, told: str | None, problem: str | None) -> str:
    if told is None:
        return f"The file came whole, but it is damaged. {problem}"
    return (
        f"The file came whole, but its SHA-256 is {sha256[:12]}…, and {told[:12]}… is what Civitai "
        "tells."
    )


def _format(first: bytes, total: int | None) -> FileFormat | None:
    if first.startswith(GGUF_MAGIC):
        return FileFormat.GGUF
    if first.startswith((ZIP_MAGIC, *PICKLE_PROTOCOLS)):
        return FileFormat.PICKLE
    length = int.from_bytes(first[:LENGTH_BYTES], "little")
    most = MAX_HEADER_BYTES if total is None else min(MAX_HEADER_BYTES, total - LENGTH_BYTES)
    if 0 < length <= most and first[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{":
        return FileFormat.SAFETENSORS
    return None


def _no_model(first: bytes) -> WrongFile:
    found = _reason(first)
    if found.code == "html_page":
        return page_for_people()
    return WrongFile(
        "not_a_model",
        f"What came is no model, so nothing of it was kept. {found.message}",
        {"found": found.code},
    )


def _reason(first: bytes) -> UnreadableModel:
    """Why these are not the first bytes of a model, in the words of who reads models."""
    try:
        read_header(BytesIO(first), len(first))
    except UnreadableModel as error:
        return error
    return UnreadableModel("bad_header", "Its header claims more than the file has.")


def _extension(filename: str) -> str:
    return f".{filename.rpartition('.')[2].lower()}"
