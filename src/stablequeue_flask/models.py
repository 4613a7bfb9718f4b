"""Models over HTTP: list, look closer, see a picture, find out who has one; scan, and refresh."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from flask import Response, request, send_file, url_for

from stablequeue_core.errors import PreviewNotFound
from stablequeue_core.models import Model, ModelKind
from stablequeue_flask.answers import json_answer
from stablequeue_flask.civitai_bodies import refreshed_body
from stablequeue_flask.model_bodies import (
    availability_body,
    model_body,
    model_info_body,
    relative_path,
    resource_body,
    scan_body,
)
from stablequeue_flask.mounted import mounted_queue
from stablequeue_flask.reading import QueryReader, optional_json_object

WIDEST = 4096
"""Pixels; a thumbnail that is wider is none."""

LONGEST_TEXT = 200
LATEST = 253_370_764_800
"""The last year that HTTP has a date for, in seconds since 1970; files may claim to be younger."""

ALL = "all"
_KINDS: Mapping[str, ModelKind | None] = {**{kind.value: kind for kind in ModelKind}, ALL: None}
_LISTED = (ModelKind.CHECKPOINT, ModelKind.LORA)
"""What a list holds when nobody says which kind: what the API document calls the models."""

# A preview is somebody else's file: whatever it is, it must not act as a page of ours.
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
}


def list_models() -> Response:
    """The models, all or a page of them."""
    query = QueryReader(request.args)
    kind = query.choice("type", _KINDS, _LISTED)
    base_model = query.text("baseModel", longest=LONGEST_TEXT)
    text = query.text("q", longest=LONGEST_TEXT)
    limit = query.number("limit", None)
    offset = query.number("offset", 0)
    missing = query.flag("missing")
    query.check()
    page = mounted_queue().models.find(
        text,
        kind=kind,
        base_model=base_model,
        missing=missing,
        limit=limit,
        offset=offset,
    )
    urls = _Urls()
    return json_answer(
        {
            "success": True,
            "count": len(page.models),
            "models": [model_body(model, urls.of(model)) for model in page.models],
            "total": page.total,
        }
    )


def model_info(name: str) -> Response:
    """All that is known of one model."""
    model = _named(name, QueryReader(request.args))
    return json_answer({"success": True, "model": model_info_body(model, _Urls().of(model))})


def model_preview(name: str) -> Response:
    """A model's picture or film, or a thumbnail of it; 304 to who has it already."""
    query = QueryReader(request.args)
    index = query.number("index", 0)
    width = query.number("width", None, least=1, most=WIDEST)
    model = _named(name, query)
    preview = mounted_queue().models.preview(model, index, width=width)
    try:
        answer = send_file(
            preview.path,
            mimetype=preview.media_type,
            conditional=True,
            etag=preview.etag,
            last_modified=min(max(preview.mtime_ns // 10**9, 0), LATEST),
            max_age=0,  # A preview is replaced under its name, so browsers have to ask.
        )
    except OSError as error:  # deleted since we looked, or on a disk that went away
        raise PreviewNotFound(model.filename, index, model.preview_count) from error
    answer.headers.update(_HARMLESS)
    return answer


def model_availability(name: str) -> Response:
    """Which servers list a model."""
    model = _named(name, QueryReader(request.args))
    found = mounted_queue().models.availability(model)
    return json_answer(
        {
            "success": True,
            "filename": model.filename,
            "relativePath": relative_path(model),
            "type": model.kind.value,
            "servers": [availability_body(each) for each in found],
        }
    )


def refresh_metadata(name: str) -> Response:
    """Ask Civitai what a model is, and write that and its pictures beside the file."""
    optional_json_object()
    model = _named(name, QueryReader(request.args))
    refreshed = mounted_queue().civitai.refresh(model)
    return json_answer(
        {
            "success": True,
            "message": "Metadata refreshed successfully",
            "model": refreshed_body(refreshed),
        }
    )


def start_scan() -> Response:
    """Begin to look through the model folders; join a scan that runs already."""
    status = mounted_queue().models.start_scan()
    message = "The model folders are being scanned."
    return json_answer({"success": True, "message": message, "status": scan_body(status)}, 202)


def scan_status() -> Response:
    """How far that is."""
    return json_answer({"success": True, **scan_body(mounted_queue().models.status())})


def list_checkpoints() -> Response:
    """The checkpoints, as a bare array."""
    return _resources(ModelKind.CHECKPOINT)


def list_loras() -> Response:
    """The LoRAs, as a bare array."""
    return _resources(ModelKind.LORA)


ROUTES = (
    ("GET", "/models", list_models),
    ("POST", "/models/scan", start_scan),
    ("GET", "/models/scan/status", scan_status),
    ("GET", "/models/<path:name>/info", model_info),
    ("GET", "/models/<path:name>/preview", model_preview),
    ("GET", "/models/<path:name>/availability", model_availability),
    ("POST", "/models/<path:name>/refresh-metadata", refresh_metadata),
    ("GET", "/checkpoints", list_checkpoints),
    ("GET", "/loras", list_loras),
)


def _resources(kind: ModelKind) -> Response:
    page = mounted_queue().models.find(kind=kind, limit=None)
    return json_answer([resource_body(model) for model in page.models])


def _named(name: str, query: QueryReader) -> Model:
    """The model of the request's path, among those of its ``type``; checkpoints if it has none.

    Raises:
        InvalidRequest: lists every bad parameter, those that were taken before included.
        ModelNotFound: says so if there is one of another type.
    """
    kind: ModelKind | None = query.choice("type", _KINDS, ModelKind.CHECKPOINT)
    query.check()
    return mounted_queue().models.get(name, kind=kind)


class _Urls:
    """Where models are, in the application that answers the present request."""

    def __init__(self) -> None:
        self._list = url_for(".list_models")

    def of(self, model: Model) -> str:
        """Under the shortest name that means this model and no other."""
        name = mounted_queue().models.link_name(model)
        # Names that are no UTF-8 keep their bytes.
        return f"{self._list}/{quote(name, errors='surrogateescape')}"
