"""Civitai over HTTP: how a picture was made, and fetch this model."""

from __future__ import annotations

from flask import Response, request

from stablequeue_core.errors import FieldProblem, InvalidDownload
from stablequeue_flask.answers import json_answer
from stablequeue_flask.civitai_bodies import image_info_body
from stablequeue_flask.download_bodies import ordered_body
from stablequeue_flask.download_forms import read_download
from stablequeue_flask.errors import InvalidRequest
from stablequeue_flask.mounted import mounted_queue
from stablequeue_flask.reading import json_object, whole_number


def image_info() -> Response:
    """How the picture was made that the query names."""
    return _told(request.args.get("imageId") or None, request.args.get("url") or None, "imageId")


def image_info_of_body() -> Response:
    """The same, of the picture that the body names."""
    body = json_object()
    return _told(body.get("civitaiImageId"), body.get("url"), "civitaiImageId")


def download_model() -> Response:
    """Put a model file into the queue of downloads."""
    form = read_download(json_object())
    try:
        download = mounted_queue().civitai.download(form.link, **form.fields)
    except InvalidDownload as error:
        raise form.in_the_clients_words(error) from error
    return json_answer(ordered_body(download), 202)


ROUTES = (
    ("GET", "/civitai/image-info", image_info),
    ("POST", "/civitai/image-info", image_info_of_body),
    ("POST", "/civitai/download-model", download_model),
)


def _told(image_id: object, url: object, name: str) -> Response:
    """What is known of a picture that is named by its number or by the address of its page.

    Args:
        image_id: the number, which may be text.
        url: the address.
        name: how the client calls the number.
    """
    return json_answer(image_info_body(mounted_queue().civitai.image(_named(image_id, url, name))))


def _named(image_id: object, url: object, name: str) -> int | str:
    if image_id is not None and url is not None:
        raise _bad("url", f"stands beside `{name}`; give one of them.")
    if url is not None:
        if not isinstance(url, str):
            raise _bad("url", "must be text: the address of a picture's page.")
        return url
    if image_id is None:
        raise _bad(name, "is required: the number of a picture at Civitai (or `url`: its page).")
    number = whole_number(image_id)
    if number is None:
        raise _bad(name, "must be a whole number.")
    return number


def _bad(path: str, message: str) -> InvalidRequest:
    return InvalidRequest([FieldProblem(path, message)])
