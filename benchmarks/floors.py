"""The least that anybody would have to do: what our figures are measured against."""

from __future__ import annotations

import base64
import http.client
import json
import os
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from flask import Flask, Response, request

from benchmarks.specimens import as_json

TXT2IMG = "/sdapi/v1/txt2img"


class BareQueue:
    """A durable queue in the fewest words of SQL, with our pragmas. Safe for several threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE TABLE jobs (id INTEGER PRIMARY KEY, status TEXT NOT NULL, "
            "priority INTEGER NOT NULL, params TEXT NOT NULL, result TEXT)"
        )
        self._connection.execute(
            "CREATE INDEX to_claim ON jobs (priority DESC, id) WHERE status = 'pending'"
        )

    def add(self, params: str) -> None:
        """One job, durable."""
        with self._lock:
            self._connection.execute(
                "INSERT INTO jobs (status, priority, params) VALUES ('pending', 0, ?)", (params,)
            )

    def add_many(self, params: Iterable[str]) -> None:
        """Many jobs in one transaction."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT INTO jobs (status, priority, params) VALUES ('pending', 0, ?)",
                ((text,) for text in params),
            )
            self._connection.execute("COMMIT")

    def claim(self) -> tuple[int, str] | None:
        """The next job, which is ours now."""
        with self._lock:
            found = self._connection.execute(
                "UPDATE jobs SET status = 'processing' WHERE id = (SELECT id FROM jobs "
                "WHERE status = 'pending' ORDER BY priority DESC, id LIMIT 1) RETURNING id, params"
            ).fetchall()
        return found[0] if found else None

    def complete(self, number: int, result: str) -> None:
        """The job is done."""
        with self._lock:
            self._connection.execute(
                "UPDATE jobs SET status = 'done', result = ? WHERE id = ?", (result, number)
            )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def post_txt2img(url: str, body: str) -> dict[str, Any]:
    """Ask a Forge for pictures on a connection of its own, as a request must not be sent twice."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)
    try:
        connection.request("POST", TXT2IMG, body, {"Content-Type": "application/json"})
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer


def drain(queue: BareQueue, urls: Iterable[str], folder: Path) -> None:
    """Run every job of ``queue``: one thread for each server, each picture written durably."""

    def work(url: str) -> None:
        while claimed := queue.claim():
            number, params = claimed
            answer = post_txt2img(url, params)
            temporary = folder / f"{number}.tmp"
            with temporary.open("wb") as file:
                file.write(base64.b64decode(answer["images"][0]))
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(folder / f"{number}.png")
            queue.complete(number, answer["info"])

    threads = [threading.Thread(target=work, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def forge_request(params: dict[str, Any]) -> str:
    """Our parameters in the words of Forge."""
    return as_json(
        {
            "prompt": params["positive_prompt"],
            "width": params["width"],
            "height": params["height"],
            "steps": params["steps"],
            "override_settings": {"sd_model_checkpoint": params["checkpoint_name"]},
            "override_settings_restore_afterwards": False,
        }
    )


def echo_app() -> Flask:
    """The least that Flask can do: give back a body, or send one of any length."""
    app = Flask("echo", static_folder=None)

    @app.post("/echo")
    def echo() -> Response:
        return Response(request.get_data(), mimetype="application/json")

    @app.get("/bytes/<int:count>")
    def some_bytes(count: int) -> Response:
        return Response(b" " * count, mimetype="application/json")

    return app
