"""StableQueue over HTTP: the core, mounted as ``/api/v1`` of a Flask application.

An application of its own::

    from stablequeue_core import StableQueue
    from stablequeue_flask import create_app

    app = create_app(StableQueue.open("queue-data"))

or a part of yours::

    from stablequeue_flask import init_app

    init_app(your_app, queue)

Whoever opens the queue closes it.
"""

from stablequeue_flask.extension import create_app, init_app

__all__ = ["create_app", "init_app"]
