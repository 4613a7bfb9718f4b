"""The forms in which clients describe a server, older ones included, put into the core's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from stablequeue_core.errors import FieldProblem, InvalidServer
from stablequeue_core.servers import check_server
from stablequeue_flask.unread import Unread, unread_in

_CORE_NAMES = {
    "alias": "alias",
    "apiUrl": "api_url",
    "authUser": "username",
    "authPass": "password",
    "username": "username",
    "password": "password",
    "enabled": "enabled",
    "description": "description",
    "tags": "tags",
}
"""API name → core name; where two mean the same, the later one counts."""

_AUTH = ("username", "password")
_FIELDS = (*_CORE_NAMES, "auth", "host", "port")


@frozen
class ServerForm:
    """What a client said of a server.

    Attributes:
        fields: core name → value, only those that were given.
        said: core name → how the client called it.
        unread: what else stands there.
    """

    fields: Mapping[str, Any]
    said: Mapping[str, str] = field(factory=dict)
    unread: Unread = field(factory=Unread)

    def check_spelling(self, before: Mapping[str, Any]) -> None:
        """Refuse what the client cannot have meant as it stands there.

        Args:
            before: what is known of the server already, in the core's words.

        Raises:
            InvalidServer: a name is that of no field, but nearly; lists whatever else is wrong.
        """
        if not self.unread.misspelled:
            return
        try:
            check_server({**before, **self.fields})
        except InvalidServer as error:
            raise self.in_the_clients_words(error) from error
        raise InvalidServer(self.unread.misspelled)

    def in_the_clients_words(self, error: InvalidServer) -> InvalidServer:
        """The same error, with the names that the client used, and those that were misspelled."""
        problems = [FieldProblem(self.said.get(p.path, p.path), p.message) for p in error.problems]
        return InvalidServer([*self.unread.misspelled, *problems])


def read_server(body: Mapping[str, Any]) -> ServerForm:
    """Put ``body`` into the core's words; the core checks the values.

    Raises:
        InvalidServer: ``auth`` is no object.

    Example:
        >>> read_server({"alias": "Laptop", "host": "10.0.0.5", "port": 7860}).fields
        {'api_url': 'http://10.0.0.5:7860', 'alias': 'Laptop'}
    """
    fields: dict[str, Any] = {}
    said = {"api_url": "apiUrl"}
    unread = unread_in(body, _FIELDS)
    if "host" in body or "port" in body:
        fields["api_url"] = _url(body.get("host"), body.get("port"))
        said["api_url"] = "port" if isinstance(body.get("host"), str) else "host"
    if "auth" in body:
        auth = body["auth"]
        if auth is None:
            auth = dict.fromkeys(_AUTH)
        if not isinstance(auth, dict):
            raise InvalidServer(
                [FieldProblem("auth", 'must be an object: {"username": …, "password": …}.')]
            )
        unread += unread_in(auth, _AUTH, below="auth.")
        for name in auth.keys() & set(_AUTH):
            fields[name] = auth[name]
            said[name] = f"auth.{name}"
    for name, core_name in _CORE_NAMES.items():
        if name in body:
            fields[core_name] = body[name]
            said[core_name] = name
    if "username" in fields and not fields["username"]:
        # Without a name there is nobody whose password it could be.
        fields.setdefault("password", None)
    return ServerForm(fields, said, unread)


def _url(host: object, port: object) -> object:
    """The URL of a host and a port; what makes no URL is left to the core to refuse."""
    if not isinstance(host, str) or not host:
        return host
    if port is None or isinstance(port, bool):
        return None
    if ":" in host and "/" not in host and not host.startswith("["):
        host = f"[{host}]"
    scheme = "" if "://" in host else "http://"
    return f"{scheme}{host.rstrip('/')}:{port}"
