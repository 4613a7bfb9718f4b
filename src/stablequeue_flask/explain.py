"""Why a job waits, over HTTP."""

from __future__ import annotations

from flask import Response

from stablequeue_flask.answers import json_answer
from stablequeue_flask.explain_bodies import explanation_body
from stablequeue_flask.mounted import mounted_queue


def explain_job(job_id: str) -> Response:
    """Why a job waits, what each server could do for it, and when it will be done."""
    return json_answer(explanation_body(mounted_queue().explain(job_id)))


ROUTES = (("GET", "/queue/jobs/<job_id>/explain", explain_job),)
