"""The reference of the HTTP API: every route is there, and every example is answered as printed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from tests.docs.forges import Forges
from tests.docs.http_examples import Comparison, Example, examples_of
from tests.docs.pages import REFERENCE
from werkzeug.exceptions import NotFound

from stablequeue_core import StableQueue
from stablequeue_core.testing.civitai_simulator import CivitaiServer, Fault
from stablequeue_flask import create_app

PAGE = REFERENCE / "http-api.md"
EXAMPLES = list(examples_of(PAGE))
PATIENCE = 10.0
_HEADING = re.compile(r"^### `([A-Z]+) (/[^` ?]*)`", re.MULTILINE)


@pytest.fixture
def queue(reader: Path, forges: Forges, civitai: CivitaiServer) -> Iterator[StableQueue]:
    """What ``stablequeue serve --server Laptop=http://127.0.0.1:7860 …`` serves.

    Of all that is downloaded only the first file comes at once.
    """
    forges.laptop.forge.costs.seconds_per_step = 0.03
    civitai.civitai.faults.next("storage", Fault.STALL, skip=1, times=None, after=60_000)
    with StableQueue.open(
        reader / "queue-data", checkpoints="models/Stable-diffusion", loras="models/Lora"
    ) as queue:
        queue.servers.add("Laptop", forges.laptop.url)
        queue.models.scan(hashes=True)
        yield queue


@pytest.fixture
def app(queue: StableQueue) -> Flask:
    return create_app(queue)


def test_every_example_is_answered_as_printed(app: Flask, forges: Forges) -> None:
    """From the top of the page to its end, one after the other."""
    comparison = Comparison()
    for example in EXAMPLES:
        difference = answered(app, forges, comparison, example)
        assert difference is None, f"{example.block.place} {example.method} {example.path}: " + (
            difference
        )


def test_every_route_is_documented_and_nothing_else(app: Flask) -> None:
    """The headings of the page are the routes of the application."""
    text = PAGE.read_text(encoding="utf-8")
    documented = [(method, path) for method, path in _HEADING.findall(text)]
    assert len(documented) == len(set(documented))
    assert set(documented) == set(routes_of(app))


def test_every_route_has_an_example(app: Flask) -> None:
    """Which the first test of this file executes."""
    adapter = app.url_map.bind("localhost")
    shown = set()
    for example in EXAMPLES:
        path = example.path.partition("?")[0]
        with suppress(NotFound):  # there are examples of that, too
            rule, _ = adapter.match(path, method=example.method, return_rule=True)
            shown.add((example.method, printed_path(rule.rule)))
    assert shown == set(routes_of(app))


def answered(app: Flask, forges: Forges, comparison: Comparison, example: Example) -> str | None:
    """What is different from the page; a GET is asked again until it fits, or for too long."""
    deadline = time.monotonic() + PATIENCE
    while True:
        difference = once_answered(app, forges, comparison, example)
        if difference is None or example.method != "GET" or time.monotonic() > deadline:
            return difference
        time.sleep(0.005)


def once_answered(
    app: Flask, forges: Forges, comparison: Comparison, example: Example
) -> str | None:
    """What is different from the page in the answer to one request."""
    body = None if example.body is None else forges.placed(comparison.meant(example.body))
    with app.test_client().open(
        comparison.meant(example.path), method=example.method, headers=example.headers, data=body
    ) as answer:
        if answer.status_code != example.status:
            said = answer.get_data(as_text=True)
            return f"the status is {answer.status_code}, not {example.status}: {said}"
        for name, value in example.answer_headers.items():
            if answer.headers.get(name) != value:
                return f"the header {name} is {answer.headers.get(name)}, not {value}"
        if example.answer is None:
            return None
        real: Any = app.json.loads(forges.printed(answer.get_data(as_text=True)))
        return comparison.difference(example.answer, real)


def routes_of(app: Flask) -> Iterator[tuple[str, str]]:
    """Method and path of every route, with the path's variables in braces."""
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield method, printed_path(rule.rule)


def printed_path(rule: str) -> str:
    """How the page writes a path: ``{name}``, also where a name may have slashes."""
    return rule.replace("<path:", "<").replace("<", "{").replace(">", "}")
