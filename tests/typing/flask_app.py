"""Type-checked, never run: how an application uses stablequeue_flask."""

from __future__ import annotations

from flask import Flask

from stablequeue_core import Settings, StableQueue
from stablequeue_flask import create_app, init_app


def alone() -> Flask:
    queue = StableQueue.open("queue-data", dispatch=False, settings=Settings())
    app: Flask = create_app(queue)
    return app


def mounted(app: Flask, queue: StableQueue) -> None:
    init_app(app, queue)
    init_app(app, queue, url_prefix="/queue/v1", outputs="/pictures")


def wrong(app: Flask, queue: StableQueue) -> None:
    create_app("queue-data")  # type: ignore[arg-type]
    init_app(queue, app)  # type: ignore[arg-type]
    init_app(app, queue, "/api/v1")  # type: ignore[call-arg]
