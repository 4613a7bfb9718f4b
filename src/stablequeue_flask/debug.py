"""Looking closer over HTTP: what a server makes of a name, and which checkpoints are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, request

from stablequeue_core.models import CachedModel, Verification
from stablequeue_flask.answers import json_answer
from stablequeue_flask.mounted import mounted_queue
from stablequeue_flask.reading import QueryReader

LONGEST_PATH = 4096
LONGEST_ALIAS = 128

_VERIFIED = (
    "success",
    "original_path",
    "normalized_path",
    "matched_model",
    "available_models",
    "reason",
    "candidates",
)
_CACHED = ("id", "name", "path", "normalized_path", "hash", "title", "aliases", "servers")
"""The fields of the API document in its order, then ours."""


def verify_checkpoint() -> Response:
    """Which of a server's checkpoints a name means there."""
    query = QueryReader(request.args)
    path = query.required(
        "checkpoint_path", "the name to look up, like Pony/x.safetensors.", longest=LONGEST_PATH
    )
    alias = query.required("server_alias", "the server to ask.", longest=LONGEST_ALIAS)
    query.check()
    return json_answer(_shown(mounted_queue().models.verify(path, alias), _VERIFIED))


def models_cache() -> Response:
    """Every checkpoint that is known, from our folders and from the servers' lists."""
    known = mounted_queue().models.known_checkpoints()
    return json_answer(
        {"cache_size": len(known), "models": [_shown(each, _CACHED) for each in known]}
    )


ROUTES = (
    ("GET", "/debug/verify-checkpoint", verify_checkpoint),
    ("GET", "/debug/models-cache", models_cache),
)


def _shown(known: Verification | CachedModel, names: Sequence[str]) -> dict[str, Any]:
    """The fields of these names, in this order."""
    return {name: getattr(known, name) for name in names}
