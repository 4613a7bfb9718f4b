"""What an explanation says of several servers at once."""

from __future__ import annotations

from stablequeue_core import Server
from stablequeue_core.dispatch.explaining.explanation import ServerOutlook
from stablequeue_flask.remarks import remarks


def said(*servers: tuple[str, str, str], why: str = "") -> list[str]:
    """What is said of servers with these names and addresses, and of what each one lacks."""
    looked_at = [
        (ServerOutlook(alias=alias, can=False, missing=(lack,)), Server(alias=alias, api_url=url))
        for alias, url, lack in servers
    ]
    return list(remarks(looked_at, why))


def test_sentences_that_differ_by_name_and_address_only_are_one() -> None:
    alike = [
        ("Laptop", "http://laptop:7860", "Server 'Laptop' cannot be reached: laptop:7860 is off."),
        ("Tower", "http://tower:7860", "Server 'Tower' cannot be reached: tower:7860 is off."),
        ("Attic", "http://attic:7860", "Server 'Attic' cannot be reached: nobody knows attic."),
    ]
    assert said(*alike) == [
        "Server 'Laptop' cannot be reached: laptop:7860 is off. The same goes for 'Tower'.",
        "Server 'Attic' cannot be reached: nobody knows attic.",
    ]


def test_a_host_is_not_looked_for_inside_of_words() -> None:
    alike = [("A", "http://a", "It lacks a card."), ("B", "http://b", "It lacks b card.")]
    assert said(*alike) == ["A, B: It lacks a card."]
    apart = [("A", "http://a", "It has a car."), ("B", "http://b", "It hbs b cbr.")]
    assert len(said(*apart)) == 2


def test_a_sentence_that_names_nobody_is_said_with_the_names() -> None:
    assert said(("A", "http://a", "No."), ("B", "http://b", "No.")) == ["A, B: No."]


def test_what_was_said_already_of_one_is_said_of_none() -> None:
    lacks = [("A", "http://a", "Server 'A' is off."), ("B", "http://b", "Server 'B' is off.")]
    assert said(*lacks, why="It waits. Server 'A' is off.") == []
