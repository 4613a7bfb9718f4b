"""An application of your own, with the queue in it: a small gallery that takes orders.

    python examples/flask_embed.py http://127.0.0.1:7860

Then open http://127.0.0.1:5000. The API is there too, below /api/v1.
"""

from __future__ import annotations

import sys

from flask import Flask, redirect, render_template_string, request, url_for
from werkzeug.wrappers import Response

from stablequeue_core import JobStatus, StableQueue, StableQueueError
from stablequeue_flask import init_app

PAGE = """
<title>Gallery</title>
<form method="post"><input name="motif" placeholder="a lighthouse"><button>Paint</button></form>
<p>{{ open }} in work</p>
{% for name in names %}<img src="/outputs/{{ name }}" width="256" alt="">{% endfor %}
"""


def make_app(queue: StableQueue) -> Flask:
    """The gallery, with the API beside it."""
    app = Flask(__name__)
    init_app(app, queue)

    @app.get("/")
    def gallery() -> str:
        names = [path.name for job in queue.list(limit=20).jobs for path in job.images]
        counts = queue.status().jobs
        in_work = counts[JobStatus.PENDING] + counts[JobStatus.PROCESSING]
        return render_template_string(PAGE, names=names, open=in_work)

    @app.post("/")
    def order() -> Response:
        queue.submit("auto", positive_prompt=request.form["motif"], width=512, height=512)
        return redirect(url_for("gallery"))

    @app.errorhandler(StableQueueError)
    def explain(error: StableQueueError) -> tuple[str, int]:
        return error.message, 400

    return app


def main(forge_url: str = "http://127.0.0.1:7860") -> None:
    """Serve the gallery until Ctrl-C."""
    with StableQueue.open("queue-data") as queue:
        if not queue.servers.list():
            queue.servers.add("Laptop", forge_url)
        make_app(queue).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
