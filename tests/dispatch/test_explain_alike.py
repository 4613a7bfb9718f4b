"""With forty servers, what is true of many is said once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dispatch.explain_worlds import ExplainWorld, having
from tests.worlds import PONY, SDXL

from stablequeue_core import Job, Server
from stablequeue_core.dispatch.explaining.alike import shared

CARDS = [f"card-{number:02}" for number in range(12)]


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[ExplainWorld]:
    """Twelve servers that have the same files, and one with others."""
    forges = {alias: having(SDXL) for alias in CARDS}
    made = ExplainWorld(tmp_path, {**forges, "odd": having(PONY)})
    assert made.queue.servers.list()
    yield made
    made.close()


def waiting_reason(world: ExplainWorld, job: Job) -> str:
    """What a poll says of the job."""
    world.until(lambda: world.queue.waiting_reason(job) is not None)
    return world.queue.waiting_reason(job) or ""


def test_what_many_servers_lack_is_said_once_with_the_first_names(cards: ExplainWorld) -> None:
    job = cards.submit("auto", checkpoint_name="nowhere.safetensors")
    why = cards.why(job)
    assert why.count("has no checkpoint 'nowhere.safetensors'") == 2
    assert why.count("The same goes for 'card-") == 1
    assert "and 8 more." in why
    assert waiting_reason(cards, job) == why


def test_each_server_still_has_an_outlook_of_its_own(cards: ExplainWorld) -> None:
    job = cards.submit("auto", checkpoint_name="nowhere.safetensors")
    outlooks = cards.explain(job).servers
    assert len(outlooks) == len(CARDS) + 1
    assert all(repr(each.alias) in each.missing[0] for each in outlooks)


def test_servers_that_are_disabled_are_told_of_together(cards: ExplainWorld) -> None:
    job = cards.submit("auto")
    for alias in cards.forges:
        cards.queue.servers.update(alias, {"enabled": False})
    assert cards.why(job).count("is disabled.") == 1
    assert "and 9 more." in cards.why(job)


def told(*said: tuple[str, str]) -> list[str]:
    """What is said of all of these servers together."""
    servers = ((Server(alias=alias, api_url=f"http://{alias}"), told) for alias, told in said)
    return [each.told() for each in shared(servers)]


def test_sentences_that_differ_by_their_times_only_are_one() -> None:
    busy = "It runs another job, for about {} more."
    assert told(("A", busy.format("3 s")), ("B", busy.format("2.5 h"))) == [
        "A: It runs another job, for about 3 s more. With other times, the same goes for 'B'."
    ]
    assert told(("A", busy.format("3 s")), ("B", busy.format("3 s"))) == [
        "A, B: It runs another job, for about 3 s more."
    ]


def test_sentences_that_differ_by_more_stay_apart() -> None:
    assert told(("A", "Server 'A' has 1 file."), ("B", "Server 'B' has 2 files.")) == [
        "Server 'A' has 1 file.",
        "Server 'B' has 2 files.",
    ]
