"""How fast the HTTP API answers."""

from __future__ import annotations

import http.client
import itertools
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import catalogue
from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.specimens import ALIAS, KILOBYTE, as_json, completed, padded, small_params
from benchmarks.timing import Pair, paired
from benchmarks.web_process import ECHO, QUEUE
from stablequeue_core import StableQueue
from stablequeue_core.assembly.storages import DATABASE
from stablequeue_core.storage.sqlite import SqliteStorage

GENERATE_RATIO = 0.5
CONNECTIONS = 32
FIRST_PAGE_MS = 5.0
DEEP_PAGE_MS = 50.0
MODEL_PAGE_MS = 10.0
FLAT_RATIO = 1.5

_GENERATE = "/api/v1/generate"
_BATCH = 5000
_PAGE = 50


def generate(effort: Effort) -> Sequence[Figure]:
    """Jobs submitted over HTTP by many clients, against a Flask route that echoes the body."""
    body = _generate_body()
    seconds = effort.pick(10, 2) / 10
    with effort.workplace() as folder, ExitStack() as children:
        with StableQueue.open(folder, dispatch=False) as queue:
            queue.servers.add(ALIAS, "http://127.0.0.1:9")
        ours = children.enter_context(Child("web_process", QUEUE, str(folder)))
        echo = children.enter_context(Child("web_process", ECHO, ""))
        client = children.enter_context(Child("load_process"))

        def answers_per_second(port: int, path: str) -> float:
            question = {
                "port": port,
                "request": _post(path, body),
                "connections": CONNECTIONS,
                "seconds": seconds,
            }
            return float(client.ask(question))

        pair = paired(
            lambda: answers_per_second(ours.greeting, _GENERATE),
            lambda: answers_per_second(echo.greeting, "/echo"),
            rounds=effort.pick(12, 2),
        )
    return [
        Figure(
            name=f"POST /generate, {CONNECTIONS} connections",
            unit="requests/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {GENERATE_RATIO} of an echo",
            met=pair.ratio >= GENERATE_RATIO,
        )
    ]


def pages(effort: Effort) -> Sequence[Figure]:
    """The first page and a deep one of a long list, against Flask sending as many bytes."""
    jobs = effort.pick(100_000, 2_000)
    deep = jobs * 9 // 10
    figures = []
    with effort.workplace() as folder:
        fill(folder, jobs)
        with (
            Child("web_process", QUEUE, str(folder)) as ours,
            Child("web_process", ECHO, "") as echo,
        ):
            for name, offset, limit in (
                ("first page", 0, FIRST_PAGE_MS),
                (f"offset {deep:,}", deep, DEEP_PAGE_MS),
            ):
                path = f"/api/v1/queue/jobs?limit={_PAGE}&offset={offset}"
                size = _milliseconds_and_size(_connected(ours), path)[1]
                pair = _in_turns(ours, path, echo, f"/bytes/{size}", rounds=effort.pick(200, 5))
                figures.append(
                    Figure(
                        name=f"GET /queue/jobs, {name} of {jobs:,}",
                        unit="ms",
                        ours=pair.ours,
                        floor=pair.floor,
                        ratio=pair.ratio,
                        reach=f"≤ {limit:g} ms",
                        met=pair.ours <= limit,
                    )
                )
    return figures


def million(effort: Effort) -> Sequence[Figure]:
    """The first page of a list ten times as long, against that of the shorter one."""
    few, many = effort.pick(100_000, 1_000), effort.pick(1_000_000, 10_000)
    path = f"/api/v1/queue/jobs?limit={_PAGE}"
    with effort.workplace() as folder:
        fill(folder / "few", few)
        fill(folder / "many", many)
        with (
            Child("web_process", QUEUE, str(folder / "many")) as ours,
            Child("web_process", QUEUE, str(folder / "few")) as short,
        ):
            pair = _in_turns(ours, path, short, path, rounds=effort.pick(200, 5))
    return [
        Figure(
            name=f"GET /queue/jobs, first page of {many:,}",
            unit="ms",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≤ {FLAT_RATIO} of that of {few:,}",
            met=pair.ratio <= FLAT_RATIO,
        )
    ]


def model_page(effort: Effort) -> Sequence[Figure]:
    """The first page of many models, against Flask sending as many bytes."""
    models = effort.pick(10_000, 200)
    path = f"/api/v1/models?limit={_PAGE}"
    with effort.workplace() as folder:
        with SqliteStorage(folder / DATABASE) as storage:
            catalogue.fill(storage, models)
        with (
            Child("web_process", QUEUE, str(folder)) as ours,
            Child("web_process", ECHO, "") as echo,
        ):
            size = _milliseconds_and_size(_connected(ours), path)[1]
            pair = _in_turns(ours, path, echo, f"/bytes/{size}", rounds=effort.pick(200, 5))
    return [
        Figure(
            name=f"GET /models, first page of {models:,}",
            unit="ms",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≤ {MODEL_PAGE_MS:g} ms",
            met=pair.ours <= MODEL_PAGE_MS,
        )
    ]


def fill(folder: Path, jobs: int) -> None:
    """A queue with so many completed jobs, straight into the store."""
    with SqliteStorage(folder / DATABASE) as storage:
        for first in range(0, jobs, _BATCH):
            storage.jobs.add(list(completed(first, min(_BATCH, jobs - first))))


def _generate_body() -> str:
    def body(size: int) -> str:
        given = padded(small_params(), size)
        return as_json({"target_server_alias": ALIAS, "generation_params": given})

    smaller = KILOBYTE // 2
    return body(smaller + KILOBYTE - len(body(smaller)))


def _post(path: str, body: str) -> str:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


def _in_turns(ours: Child, path: str, other: Child, other_path: str, *, rounds: int) -> Pair:
    """Milliseconds to get either path, on connections that are kept."""
    connection, other_connection = _connected(ours), _connected(other)
    try:
        for _ in itertools.repeat(None, min(rounds, 20)):
            _milliseconds_and_size(connection, path)
            _milliseconds_and_size(other_connection, other_path)
        return paired(
            lambda: _milliseconds_and_size(connection, path)[0],
            lambda: _milliseconds_and_size(other_connection, other_path)[0],
            rounds=rounds,
        )
    finally:
        connection.close()
        other_connection.close()


def _connected(server: Child) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.greeting)


def _milliseconds_and_size(connection: http.client.HTTPConnection, path: str) -> tuple[float, int]:
    start = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    size = len(answer.read())
    took = (time.perf_counter() - start) * 1000
    if answer.status != 200:
        raise RuntimeError(f"GET {path} was answered with {answer.status}.")
    return took, size
