"""The queue as a whole over HTTP: at a glance, pause, resume."""

from __future__ import annotations

from flask import Response

from stablequeue_flask.answers import json_answer
from stablequeue_flask.bodies import status_body
from stablequeue_flask.mounted import mounted_queue


def queue_status() -> Response:
    """The queue at a glance."""
    return json_answer(status_body(mounted_queue().status()))


def pause_queue() -> Response:
    """Start no more jobs, on any server."""
    mounted_queue().pause()
    return json_answer({"message": "Queue paused; running jobs finish.", "paused": True})


def resume_queue() -> Response:
    """Start jobs again."""
    mounted_queue().resume()
    return json_answer({"message": "Queue resumed.", "paused": False})


ROUTES = (
    ("GET", "/status", queue_status),
    ("POST", "/queue/pause", pause_queue),
    ("POST", "/queue/resume", resume_queue),
)
