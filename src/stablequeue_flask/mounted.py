"""Which queue the present application serves."""

from __future__ import annotations

from flask import Flask, current_app

from stablequeue_core import StableQueue

KEY = "stablequeue"
"""Our one key in ``app.extensions``; its value is the queue."""


def mount(app: Flask, queue: StableQueue) -> None:
    """Let ``app`` serve ``queue``."""
    app.extensions[KEY] = queue


def mounted_queue() -> StableQueue:
    """The queue of the application that answers the present request."""
    queue: StableQueue = current_app.extensions[KEY]
    return queue
