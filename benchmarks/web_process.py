"""A child: an application served as ``stablequeue serve`` does it."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack

from benchmarks.children import answer_questions, arguments
from benchmarks.floors import echo_app
from stablequeue_core import StableQueue
from stablequeue_flask import create_app
from stablequeue_flask.listening import listening
from stablequeue_flask.serving import WebServer

ECHO = "echo"
QUEUE = "queue"


def main() -> None:
    """Say the port; serve until nobody asks any more."""
    kind, data_dir = arguments(2)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with ExitStack() as stack:
        sockets = stack.enter_context(listening("127.0.0.1", 0))
        if kind == ECHO:
            app = echo_app()
        else:
            app = create_app(stack.enter_context(StableQueue.open(data_dir, dispatch=False)))
        server = stack.enter_context(WebServer(app, sockets))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            answer_questions(sockets[0].getsockname()[1])
        finally:
            server.stop()
            thread.join()


if __name__ == "__main__":
    main()
