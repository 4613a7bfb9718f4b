"""A child: many connections, each of which asks again as soon as it was answered."""

from __future__ import annotations

import selectors
import socket
import time
from typing import Any

from benchmarks.children import answer_questions

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


class _Asker:
    """One connection."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._heard = b""

    def ask(self) -> None:
        self.socket.sendall(self._request)

    def listen(self) -> bool:
        """Take what is there; whether the answer is complete now.

        Raises:
            ConnectionError: the server hung up, or refused.
        """
        more = self.socket.recv(64 * 1024)
        self._heard += more
        head, end, body = self._heard.partition(_END_OF_HEAD)
        if not more or (end and not head.startswith(b"HTTP/1.1 2")):
            raise ConnectionError(self._heard.decode("latin-1") or "The server hung up.")
        if not end or len(body) < _length(head):
            return False
        self._heard = b""
        return True


def load(question: dict[str, Any]) -> float:
    """Ask for some seconds; how many answers came in a second."""
    request = str(question["request"]).encode("latin-1")
    answers = 0
    askers = [_Asker(question["port"], request) for _ in range(question["connections"])]
    with selectors.DefaultSelector() as selector:
        for asker in askers:
            selector.register(asker.socket, selectors.EVENT_READ, asker)
        start = time.perf_counter()
        end = start + question["seconds"]
        for asker in askers:
            asker.ask()
        while (now := time.perf_counter()) < end:
            for key, _ in selector.select(end - now):
                if key.data.listen():
                    answers += 1
                    key.data.ask()
        took = time.perf_counter() - start
    for asker in askers:
        asker.socket.close()
    return answers / took


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(_LENGTH):
            return int(line[len(_LENGTH) :])
    return 0


if __name__ == "__main__":
    answer_questions("ready", load)
