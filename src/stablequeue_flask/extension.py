"""Mounts the routes: as an application of their own, or into somebody else's."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RoutingException

from stablequeue_core import StableQueue
from stablequeue_flask import (
    civitai,
    debug,
    downloads,
    explain,
    images,
    jobs,
    models,
    servers,
    status,
)
from stablequeue_flask.errors import answer_error
from stablequeue_flask.foreign import check_of
from stablequeue_flask.mounted import mount

URL_PREFIX = "/api/v1"
OUTPUTS = "/outputs"
ROUTES = (
    *jobs.ROUTES,
    *explain.ROUTES,
    *servers.ROUTES,
    *models.ROUTES,
    *civitai.ROUTES,
    *downloads.ROUTES,
    *debug.ROUTES,
    *images.ROUTES,
    *status.ROUTES,
)


def create_app(
    queue: StableQueue,
    *,
    allowed_origins: Iterable[str] = (),
    allowed_hosts: Iterable[str] | None = None,
) -> Flask:
    """An application that serves ``queue`` and nothing else.

    Args:
        queue: whoever opened it closes it, after the last request.
        allowed_origins: sites whose pages may change something, besides our own, like
            ``https://gallery.example``. Other pages, as a browser names them, get 403.
        allowed_hosts: names by which the application may be called, besides ``localhost`` and its
            like; any other gets 403. None: any name.

    Raises:
        ValueError: one of them is no origin, or no host.

    Example::

        with StableQueue.open("queue-data") as queue:
            create_app(queue).run(port=8083)
    """
    app = Flask("stablequeue_flask", static_folder=None)
    # Every path of this application is ours, so every request is checked, and every error has
    # our shape.
    app.before_request(check_of(allowed_origins, allowed_hosts))
    app.register_error_handler(Exception, answer_error)
    _mount(app, queue, _blueprint(queue, URL_PREFIX, OUTPUTS))
    return app


def init_app(
    app: Flask,
    queue: StableQueue,
    *,
    url_prefix: str = URL_PREFIX,
    outputs: str = OUTPUTS,
    allowed_origins: Iterable[str] = (),
    allowed_hosts: Iterable[str] | None = None,
) -> None:
    """Mount ``queue`` into ``app``, whose own routes, error pages and limits stay as they are.

    Args:
        app: any application; one queue for each.
        queue: whoever opened it closes it, after the last request.
        url_prefix: where the API is.
        outputs: where the pictures are, besides ``{url_prefix}/images``.
        allowed_origins: as of :func:`create_app`, for our routes only.
        allowed_hosts: the same.

    Raises:
        ValueError: one of them is no origin, or no host.

    Example::

        init_app(your_app, queue)
    """
    blueprint = _blueprint(queue, url_prefix, outputs)
    blueprint.before_request(check_of(allowed_origins, allowed_hosts))
    _mount(app, queue, blueprint)


def _mount(app: Flask, queue: StableQueue, blueprint: Blueprint) -> None:
    mount(app, queue)
    app.register_blueprint(blueprint)


def _blueprint(queue: StableQueue, url_prefix: str, outputs: str) -> Blueprint:
    blueprint = Blueprint("stablequeue", __name__)
    for method, path, view in ROUTES:
        # Servers that came before us do not mind a slash at the end, so clients may send one.
        blueprint.add_url_rule(
            url_prefix + path, view_func=view, methods=[method], strict_slashes=False
        )
    blueprint.add_url_rule(f"{outputs}/<name>", view_func=images.show_image)
    blueprint.register_error_handler(Exception, answer_error)

    @blueprint.before_request
    def limit_body() -> None:
        request.max_content_length = queue.settings.max_body_bytes

    @blueprint.before_app_request
    def answer_unknown_route() -> Response | None:
        """A path without a route belongs to no blueprint, so its error handlers are not asked."""
        error = request.routing_exception
        if error is None or isinstance(error, RoutingException):
            return None
        return answer_error(error) if _is_ours(error) else None

    def _is_ours(error: HTTPException) -> bool:
        if f"{request.path}/".startswith(f"{url_prefix}/"):
            return True
        # Below `outputs` the application may have routes of its own: only a picture is ours.
        folder, _, name = request.path.rpartition("/")
        return isinstance(error, MethodNotAllowed) and folder == outputs and bool(name)

    return blueprint
