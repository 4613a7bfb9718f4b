"""Explanations over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# What runs jobs is loaded when a queue is opened, not when a command is started.
if TYPE_CHECKING:
    from stablequeue_core.dispatch.explaining.estimates import BacklogEstimate
    from stablequeue_core.dispatch.explaining.explanation import Explanation, ServerOutlook


def explanation_body(explanation: Explanation) -> dict[str, Any]:
    """All that can be said of a job now."""
    return {
        "stablequeue_job_id": explanation.job_id,
        "status": explanation.status.value,
        "why": explanation.why,
        "eta_seconds": explanation.eta_seconds,
        "queue_position": explanation.position,
        "jobs_before": explanation.before,
        "chosen_server": explanation.chosen,
        "chosen_why": explanation.chosen_why,
        "story": list(explanation.story),
        "waits_for": list(explanation.waits_for),
        "servers": [outlook_body(outlook) for outlook in explanation.servers],
    }


def outlook_body(outlook: ServerOutlook) -> dict[str, Any]:
    """What one server could do for it; its status is in the words of the core."""
    return {
        "server": outlook.alias,
        "can": outlook.can,
        "missing": list(outlook.missing),
        "status": outlook.status.value,
        "is_loaded": outlook.is_loaded,
        "load_seconds": outlook.load_seconds,
        "seconds": outlook.seconds,
        "starts_in": outlook.starts_in,
        "is_learned": outlook.is_learned,
        "is_best": outlook.is_best,
        "worker": outlook.worker,
        "note": outlook.note,
    }


def backlog_body(backlog: BacklogEstimate) -> dict[str, Any]:
    """How much is to be done, and how long that takes."""
    return {
        "jobs": backlog.jobs,
        "megapixel_steps": backlog.effort,
        "unserved": backlog.unserved,
        "servers": dict(backlog.by_server),
        "later": backlog.later,
    }
