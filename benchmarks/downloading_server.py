"""A child: hands out one file over HTTP, as fast as the system can."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from benchmarks.children import answer_questions, arguments

ETAG = '"benchmark"'


def serve(listener: socket.socket, path: Path) -> None:
    """Answer every connection, each in a thread of its own."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection, path), daemon=True).start()


def _answer(connection: socket.socket, path: Path) -> None:
    """Send the file for each request, by the system's own call where it has one."""
    size = path.stat().st_size
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {size}\r\nETag: {ETAG}\r\n\r\n"
    ).encode()
    with connection, connection.makefile("rb") as requests, path.open("rb") as file:
        while requests.readline():
            while requests.readline().strip():
                continue
            connection.sendall(head)
            connection.sendfile(file, 0, size)


def main() -> None:
    """Say the address, and serve until nobody asks any more."""
    (path,) = arguments(1)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener, Path(path)), daemon=True).start()
    answer_questions(f"http://127.0.0.1:{listener.getsockname()[1]}/model.safetensors")


if __name__ == "__main__":
    main()
