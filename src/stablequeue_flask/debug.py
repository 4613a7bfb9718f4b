"""Looking closer over HTTP: what a server makes of a name, and which checkpoints are known."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from stablequeue_core.models import CachedModel, Verification
from stablequeue_flask.answers import json_answer
from stablequeue_flask.mounted import mounted_queue
from stablequeue_flask.reading import QueryReader

LONGEST_PATH = 4096
LONGEST_ALIAS = 128


def verify_checkpoint() -> Response:
    """Which of a server's checkpoints a name means there."""
    query = QueryReader(request.args)
    path = query.required(
        "checkpoint_path", "the name to look up, like Pony/x.safetensors.", longest=LONGEST_PATH
    )
    alias = query.required("server_alias", "the server to ask.", longest=LONGEST_ALIAS)
    query.check()
    return json_answer(_verification_body(mounted_queue().models.verify(path, alias)))


def models_cache() -> Response:
    """Every checkpoint that is known, from our folders and from the servers' lists."""
    known = mounted_queue().models.known_checkpoints()
    return json_answer(
        {"cache_size": len(known), "models": [_cached_model_body(each) for each in known]}
    )


ROUTES = (
    ("GET", "/debug/verify-checkpoint", verify_checkpoint),
    ("GET", "/debug/models-cache", models_cache),
)


def _verification_body(verification: Verification) -> dict[str, Any]:
    """Which of a server's checkpoints a name means there."""
    return {
        "success": verification.success,
        "original_path": verification.original_path,
        "normalized_path": verification.normalized_path,
        "matched_model": verification.matched_model,
        "available_models": list(verification.available_models),
        "reason": verification.reason,
        "candidates": list(verification.candidates),
    }


def _cached_model_body(known: CachedModel) -> dict[str, Any]:
    """A checkpoint that is known, from our folders or from a server's list."""
    return {
        "id": known.id,
        "name": known.name,
        "path": known.path,
        "normalized_path": known.normalized_path,
        "hash": known.hash,
        "title": known.title,
        "aliases": list(known.aliases),
        "servers": list(known.servers),
    }
