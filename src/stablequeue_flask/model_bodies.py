"""The API's shapes of models: the fields of the API document in its order, then ours.

No absolute path of this machine is in any of them.
"""

from __future__ import annotations

from typing import Any

from stablequeue_core.models import (
    Availability,
    BaseModel,
    Hashes,
    Model,
    ScanProblem,
    ScanReport,
    ScanStatus,
)
from stablequeue_core.models.files.sidecars.testimony import Dialect
from stablequeue_core.serialization import to_iso
from stablequeue_flask.excerpts import excerpt
from stablequeue_flask.file_times import written_at


def model_body(model: Model, url: str) -> dict[str, Any]:
    """A model in a list.

    Args:
        model: any.
        url: where the model is; its previews are below that.
    """
    card, base = model.card, model.base_model
    return {
        **_file_fields(model),
        "preview_url": preview_url(model, url),
        "civitai_url": model.civitai_url,
        "civitai_id": card.model_id,
        "description": None if card.description is None else excerpt(card.description),
        "tags": list(card.tags),
        "id": model.id,
        "path": model.path,
        "name": model.display_name,
        "model_version_id": card.version_id,
        "family": base.family.value,
        "base_model_confidence": base.confidence.value,
        "hash": model.hashes.autov2,
        "sha256": model.hashes.sha256,
        "format": model.format.value,
        "nsfw": card.nsfw,
        "missing": model.missing,
        "problems": problem_bodies(model),
    }


def model_info_body(model: Model, url: str) -> dict[str, Any]:
    """A model with all that is known of it; ``url`` as above."""
    card = model.card
    return {
        **_file_fields(model),
        "civitai_id": card.model_id,
        "model_version_id": card.version_id,
        "civitai_name": card.name,
        "description": card.description,
        "preview_images": [
            f"{_preview(model, url)}&index={index}" for index in range(model.preview_count)
        ],
        "tags": list(card.tags),
        "downloads": card.downloads,
        "favorited": card.favorited,
        "rating": card.rating,
        "trigger_words": list(card.trigger_words),
        "metadata_source": metadata_source(model),
        "id": model.id,
        "path": model.path,
        "name": model.display_name,
        "version_name": card.version,
        "creator": card.creator,
        "notes": card.notes,
        "negative_text": card.negative_text,
        "preferred_weight": card.preferred_weight,
        "nsfw": card.nsfw,
        "preview_url": preview_url(model, url),
        "civitai_url": model.civitai_url,
        "hashes": hashes_body(model.hashes),
        "base_model": base_model_body(model.base_model),
        "format": model.format.value,
        "header": dict(model.details),
        "sidecars": list(card.sources),
        "missing": model.missing,
        "problems": problem_bodies(model),
    }


def resource_body(model: Model) -> dict[str, Any]:
    """A model as the older lists of checkpoints and LoRAs show it."""
    return {
        "filename": model.filename,
        "relativePath": relative_path(model),
        "name": model.display_name,
        "size": model.size,
        "modified": written_at(model.mtime_ns),
        "previewAvailable": model.preview_count > 0,
        "civitaiModelId": model.card.model_id,
        "civitaiModelVersionId": model.card.version_id,
        "baseModel": model.base_model.label,
    }


def availability_body(availability: Availability) -> dict[str, Any]:
    """Whether a server has a model."""
    return {
        "server": availability.server,
        "available": availability.available,
        "listed_as": availability.listed_as,
        "reason": availability.reason,
    }


def scan_body(status: ScanStatus) -> dict[str, Any]:
    """How far a scan is, and what the last one has found."""
    return {
        "phase": status.phase.value,
        "running": status.running,
        "done": status.done,
        "total": status.total,
        "bytes_done": status.bytes_done,
        "bytes_total": status.bytes_total,
        "current": status.current,
        "unhashed": status.unhashed,
        "last": report_body(status.last) if status.last else None,
        "error": status.error,
    }


def report_body(report: ScanReport) -> dict[str, Any]:
    """What a scan has found."""
    return {
        "started_at": to_iso(report.started_at),
        "finished_at": to_iso(report.finished_at),
        "files": report.files,
        "added": report.added,
        "changed": report.changed,
        "moved": report.moved,
        "missing": report.missing,
        "unchanged": report.unchanged,
        "problems": [_scan_problem_body(problem) for problem in report.problems],
    }


def hashes_body(hashes: Hashes) -> dict[str, Any]:
    """The hashes that are known, and who says so."""
    return {
        "sha256": hashes.sha256,
        "autov1": hashes.autov1,
        "autov2": hashes.autov2,
        "autov3": hashes.autov3,
        "told_by_header": hashes.told,
        "source": hashes.source.value if hashes.source else None,
    }


def base_model_body(base: BaseModel) -> dict[str, Any]:
    """What a model was made from or for, and how surely that is known."""
    return {
        "family": base.family.value,
        "name": base.name,
        "candidates": list(base.candidates),
        "variant": base.variant,
        "confidence": base.confidence.value,
        "source": base.source,
    }


def problem_bodies(model: Model) -> list[dict[str, Any]]:
    """What is wrong with a model's file, or with one beside it."""
    return [
        {"code": problem.code, "message": problem.message, "file": problem.file}
        for problem in model.problems
    ]


def relative_path(model: Model) -> str:
    """The folder below its root: ``/`` for the root itself, ``Pony``, ``SDXL/Pony``."""
    return model.folder or "/"


def preview_url(model: Model, url: str) -> str | None:
    """Where its first preview is; None when it has none."""
    return _preview(model, url) if model.preview_count else None


def metadata_source(model: Model) -> str:
    """Who says most of what is known: Civitai, if we asked; else a tool, the header or nobody."""
    if Dialect.CIVITAI_API in model.card.sources:
        return Dialect.CIVITAI_API.value
    if model.card.sources:
        return model.card.sources[0]
    return "file_header" if model.details else "none"


def _file_fields(model: Model) -> dict[str, Any]:
    """What every body begins with."""
    return {
        "filename": model.filename,
        "relativePath": relative_path(model),
        "created": to_iso(model.created_at),
        "modified": written_at(model.mtime_ns),
        "size": model.size,
        "type": model.kind.value,
        "baseModel": model.base_model.label,
    }


def _preview(model: Model, url: str) -> str:
    return f"{url}/preview?type={model.kind.value}"


def _scan_problem_body(problem: ScanProblem) -> dict[str, str]:
    return {"path": problem.path, "code": problem.code, "message": problem.message}
