"""What Forge's answers mean: pictures, or which of our errors."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from stablequeue_core.backends.base import Picture
from stablequeue_core.errors import (
    AnswerLost,
    BackendError,
    CheckpointUnreadable,
    GarbledAnswer,
    OutOfMemory,
    RequestRefused,
    ServerFault,
    ServerPoisoned,
    ServerStarting,
    ServerUnreachable,
    Unauthorized,
)
from stablequeue_core.generation import sniff
from stablequeue_core.transport import Response

GATEWAY_STATUSES = frozenset({502, 504, 520, 524})
"""A gateway gave up waiting; the server behind it may still be at work (52x: Cloudflare's own)."""

NOT_REACHED_STATUSES = frozenset({521, 522, 523, 530})
"""Cloudflare did not reach the server at all."""

BAD_REQUEST_ERRORS = frozenset(
    {"AssertionError", "IndexError", "KeyError", "TypeError", "ValueError", "ZeroDivisionError"}
)
"""Python errors with which Forge answers a bad request, as 500: trying again cannot help."""

_BAD_REQUEST_MESSAGES = ("could not find checkpoint with name", "could not find upscaler named")
"""The same for errors of no class of their own."""

_UNREADABLE = "Failed to recognize model type"
_POISONED = "'NoneType' object has no attribute 'sd_checkpoint_info'"
_SHOWN_CHARS = 300
_SHOWN_ENTRIES = 5


def error_of(response: Response, server: str) -> BackendError:
    """What an answer to txt2img other than 200 means.

    Forge has three shapes of errors: ``detail`` as a list (422, bad types), ``detail`` as text,
    and ``{"error": class, "message": text}`` for any Python exception.
    """
    status, body = response.status, _object(response)
    return _refusal(status, body, server) or _failure(status, body, server)


def _refusal(status: int, body: Mapping[str, Any], server: str) -> BackendError | None:
    """What the status alone tells; None where it takes a closer look."""
    detail = body.get("detail")
    if status == 401:
        return unauthorized(server)
    if status in GATEWAY_STATUSES:
        return AnswerLost(
            f"A gateway before server {server!r} answered {status} instead of the picture. "
            "If this repeats, the gateway's time-out is shorter than the job: reach the server "
            "directly, or ask for fewer steps or pixels."
        )
    if status == 503:
        return ServerStarting(f"Server {server!r} is not ready (503).")
    if status in NOT_REACHED_STATUSES or (status == 404 and detail is None):
        return ServerUnreachable(
            f"Server {server!r} is not reached: something before it answers {status}."
        )
    if 300 <= status < 400:
        return ServerUnreachable(
            f"Server {server!r} redirects ({status}) instead of answering; correct its apiUrl."
        )
    if status in (400, 404, 413, 422):
        return RequestRefused(
            f"Server {server!r} refused the request: {_detail_text(detail) or status}.",
            {"status": status, "detail": detail},
        )
    return None


def _failure(status: int, body: Mapping[str, Any], server: str) -> BackendError:
    """What a Python error inside the server means; ``errors`` is A1111's word for ``message``."""
    name = str(body.get("error") or "")
    said = str(body.get("message") or body.get("errors") or "")
    if name == "OutOfMemoryError" or "out of memory" in said.lower():
        return OutOfMemory(
            f"Server {server!r} ran out of memory. Ask for fewer pixels or a smaller batch.",
            {"said": said[:_SHOWN_CHARS]},
        )
    if _UNREADABLE in said:
        return CheckpointUnreadable(
            f"Server {server!r} could not read the checkpoint: the file is damaged or still being "
            "copied. Forge renames such a file to `.corrupted`; put a sound copy in its place.",
            {"said": said[:_SHOWN_CHARS]},
        )
    if _POISONED in said:
        return ServerPoisoned(
            f"Server {server!r} lost its model when another checkpoint failed to load."
        )
    is_bad_request = name in BAD_REQUEST_ERRORS or said.lower().startswith(_BAD_REQUEST_MESSAGES)
    shown = f"{name}: {said}".strip(": ")[:_SHOWN_CHARS] or f"status {status}"
    if status == 500 and is_bad_request:
        return RequestRefused(
            f"Server {server!r} cannot run the request as it stands: {shown}.",
            {"error": name, "said": said[:_SHOWN_CHARS]},
        )
    return ServerFault(f"Server {server!r} failed: {shown}.", {"status": status, "error": name})


def unauthorized(server: str) -> Unauthorized:
    """The server runs with ``--api-auth``, and ours is missing or wrong."""
    return Unauthorized(
        f"Server {server!r} wants a user name and password (Forge's --api-auth), or others than "
        "it was given; correct them in its settings."
    )


def answered(response: Response, server: str) -> tuple[list[str], dict[str, Any]]:
    """The encoded pictures, grid left out, and the parsed ``info`` of a 200.

    Raises:
        GarbledAnswer: it is no such answer.
    """
    body = _object(response)
    images, info = body.get("images"), body.get("info")
    if isinstance(info, str):
        try:
            info = json.loads(info)
        except (ValueError, RecursionError):
            info = None
    if not isinstance(images, list) or not isinstance(info, dict):
        raise GarbledAnswer(
            f"Server {server!r} answered 200, but not with pictures; is something else listening "
            "at its address?"
        )
    # With save_images a grid comes first; control maps of extensions come last.
    first = info.get("index_of_first_image")
    return images[first if isinstance(first, int) and first > 0 else 0 :], info


def pictures_of(
    images: list[str], info: Mapping[str, Any], count: int, server: str
) -> list[Picture]:
    """Decode the first ``count`` of ``images``.

    Raises:
        GarbledAnswer: one of them is no picture.
    """
    pictures = []
    for index, encoded in enumerate(images[:count]):
        try:
            data = base64.b64decode(encoded)
        except (binascii.Error, ValueError, TypeError):
            data = b""
        kind = sniff(data)
        if kind is None:
            raise GarbledAnswer(
                f"Server {server!r} answered with something that is no PNG, JPEG or WebP picture."
            )
        pictures.append(Picture(data=data, format=kind, seed=_seed(info, index)))
    return pictures


def _seed(info: Mapping[str, Any], index: int) -> int:
    """The seed of one picture; 0 where the server does not tell."""
    seeds = info.get("all_seeds")
    told = seeds[index] if isinstance(seeds, list) and index < len(seeds) else info.get("seed")
    return told if isinstance(told, int) else 0


def _object(response: Response) -> dict[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _detail_text(detail: object) -> str:
    if isinstance(detail, str):
        return detail[:_SHOWN_CHARS].rstrip(".")
    if not isinstance(detail, list):
        return ""
    parts = []
    for entry in detail[:_SHOWN_ENTRIES]:
        if isinstance(entry, Mapping):
            where = entry.get("loc")
            path = ".".join(map(str, where[1:])) if isinstance(where, list) else ""
            parts.append(f"{path}: {entry.get('msg', '')}"[:_SHOWN_CHARS])
    return "; ".join(parts)
