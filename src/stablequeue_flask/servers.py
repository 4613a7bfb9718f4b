"""Servers over HTTP: list, add, change, remove, pause, drain."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from attrs import asdict
from flask import Response, request

from stablequeue_core import Server
from stablequeue_core.errors import InvalidServer, ServerNotFound
from stablequeue_flask.answers import json_answer
from stablequeue_flask.mounted import mounted_queue
from stablequeue_flask.reading import QueryReader, json_object
from stablequeue_flask.server_forms import ServerForm, read_server
from stablequeue_flask.shown import server_shown


def list_servers() -> Response:
    """All servers, as a bare array."""
    queue = mounted_queue()
    reports = queue.reports()
    return json_answer([server_shown(queue, each, reports) for each in queue.servers.list()])


def add_server() -> Response:
    """Add a server."""
    form = read_server(json_object())
    form.check_spelling({})
    try:
        fields = {"alias": "", "api_url": "", **form.fields}
        server = mounted_queue().servers.add(**fields, exist_ok=False)
    except InvalidServer as error:
        raise form.in_the_clients_words(error) from error
    message = f"Server {server.alias} added successfully."
    return json_answer(_changed(message, server, form), 201)


def show_server(alias: str) -> Response:
    """One server."""
    return json_answer(_shown(mounted_queue().servers.get(alias)))


def change_server(alias: str) -> Response:
    """Change the fields that are given; the others stay."""
    form = read_server(json_object())
    servers = mounted_queue().servers
    form.check_spelling(asdict(servers.get(alias)))
    try:
        server = servers.update(alias, form.fields)
    except InvalidServer as error:
        raise form.in_the_clients_words(error) from error
    message = f"Server {server.alias} updated successfully."
    return json_answer(_changed(message, server, form))


def remove_server(alias: str) -> Response:
    """Forget a server."""
    query = QueryReader(request.args)
    force = query.flag("force")
    query.check()
    mounted_queue().servers.remove(alias, force=force)
    return json_answer({"message": f"Server {alias} deleted successfully."})


def pause_server(alias: str) -> Response:
    """Let a server finish its job and take no other."""
    server = mounted_queue().servers.pause(alias)
    return json_answer({"message": f"Server {alias} paused.", "server": _shown(server)})


def drain_server(alias: str) -> Response:
    """Pause a server; 200 once nothing of ours runs there any more, 202 while it still does."""
    queue = mounted_queue()
    is_empty = queue.servers.drain(alias, timeout=0)
    message = (
        f"Server {alias} is drained: nothing of this queue runs there, and nothing will."
        if is_empty
        else f"Server {alias} is paused and finishes its job. Ask again to learn when it has."
    )
    body = {"message": message, "drained": is_empty, "server": _shown(queue.servers.get(alias))}
    return json_answer(body, 200 if is_empty else 202)


def resume_server(alias: str) -> Response:
    """Let a paused server take jobs again."""
    server = mounted_queue().servers.resume(alias)
    return json_answer({"message": f"Server {alias} resumed.", "server": _shown(server)})


ROUTES = (
    ("GET", "/servers", list_servers),
    ("POST", "/servers", add_server),
    ("GET", "/servers/<alias>", show_server),
    ("PUT", "/servers/<alias>", change_server),
    ("DELETE", "/servers/<alias>", remove_server),
    ("POST", "/servers/<alias>/pause", pause_server),
    ("POST", "/servers/<alias>/drain", drain_server),
    ("POST", "/servers/<alias>/resume", resume_server),
)


def _changed(message: str, server: Server, form: ServerForm) -> dict[str, Any]:
    remark = None
    with suppress(ServerNotFound):  # somebody removed or renamed it since
        remark = mounted_queue().servers.remark(server.alias)
    return {
        "message": message,
        "server": _shown(server),
        **form.unread.shown,
        **({"remark": remark} if remark else {}),
    }


def _shown(server: Server) -> dict[str, Any]:
    queue = mounted_queue()
    return server_shown(queue, server, queue.reports())
