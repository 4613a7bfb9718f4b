"""Finished pictures over HTTP."""

from __future__ import annotations

from flask import Response, send_file

from stablequeue_core.errors import ImageNotFound
from stablequeue_core.generation import ImageFormat
from stablequeue_flask.mounted import mounted_queue

FRESH_SECONDS = 24 * 3600
"""How long a browser need not ask again; a picture never changes under its name."""


def show_image(name: str) -> Response:
    """One picture; 304 to who has it already."""
    path = mounted_queue().images.path(name)
    media_type = ImageFormat(path.suffix.removeprefix(".")).media_type
    try:
        answer = send_file(path, mimetype=media_type, conditional=True, max_age=FRESH_SECONDS)
    except FileNotFoundError as error:  # deleted since we looked
        raise ImageNotFound(name) from error
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


ROUTES = (("GET", "/images/<name>", show_image),)
