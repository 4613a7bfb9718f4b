"""The port: who remembers the servers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from stablequeue_core.events import Event
from stablequeue_core.servers.server import Server


class ServerStore(ABC):
    """Remembers servers. Safe to use from several threads and several processes at once.

    Every change and the event that tells of it are kept together or not at all.
    """

    @abstractmethod
    def add(self, server: Server, event: Event) -> None:
        """Keep a new server, and give it a number that no other server has.

        Raises:
            ServerExists: the alias is taken.
        """

    @abstractmethod
    def get(self, alias: str) -> Server:
        """The server with this alias.

        Raises:
            ServerNotFound: there is none; the error lists those that there are.
        """

    @abstractmethod
    def list(self) -> Sequence[Server]:
        """All servers, in the order in which they were added."""

    @abstractmethod
    def replace(self, before: Server, server: Server, event: Event) -> None:
        """Keep ``server`` in place of ``before``.

        A new alias renames it, and pending and running jobs follow: what names it in them (their
        ``target``, the ledger, the servers that they avoid) has the new name, and their
        ``revision`` changes, so that no older copy brings the old name back. Its number stays.

        Raises:
            ServerNotFound: there is none with the alias of ``before``.
            StaleServer: someone else changed it, so that it is not as ``before`` any more; nothing
                is kept.
            ServerExists: the new alias is taken by another server.
        """

    @abstractmethod
    def remove(self, alias: str, event: Event) -> None:
        """Forget the server.

        Raises:
            ServerNotFound: there is none.
        """
