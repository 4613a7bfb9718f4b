"""``stablequeue servers``: one command for a whole fleet."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stablequeue_flask.test_cli import check_sentence, run

from stablequeue_core import StableQueue

COMMANDS = [
    ("pause",),
    ("resume",),
    ("drain", "--timeout", "5"),
    ("tag", "--add", "new"),
    ("set", "--description", "words"),
]
of_each_command = pytest.mark.parametrize("words", COMMANDS, ids=lambda words: str(words[0]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with three servers, two of them in the studio."""
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:1")
        queue.servers.add("Tower", "http://127.0.0.1:2", tags=["studio"])
        queue.servers.add("Attic", "http://127.0.0.1:3", tags=["studio"])
    return tmp_path


def named_by(folder: Path, *words: str) -> set[str]:
    """The servers that it was done to, as the command tells."""
    result = run("servers", *words, "--data-dir", str(folder))
    assert result.exit_code == 0, result.output
    return {line.split("'")[1] for line in result.stdout.splitlines() if line.startswith("Server")}


@of_each_command
def test_it_is_done_to_a_group_or_to_all(folder: Path, words: tuple[str, ...]) -> None:
    assert named_by(folder, *words, "--tag", "studio") == {"Tower", "Attic"}
    assert named_by(folder, *words, "--all") == {"Laptop", "Tower", "Attic"}
    assert named_by(folder, *words, "Laptop") == {"Laptop"}


@of_each_command
@pytest.mark.parametrize(
    "which", [(), ("Laptop", "--all"), ("Laptop", "--tag", "studio"), ("--tag", "studio", "--all")]
)
def test_it_must_be_said_in_one_way_which_servers_are_meant(
    folder: Path, words: tuple[str, ...], which: tuple[str, ...]
) -> None:
    result = run("servers", *words, *which, "--data-dir", str(folder))
    assert result.exit_code == 2
    assert "ALIAS..., or --tag TAG, or --all" in result.stderr
    assert not result.stdout


def test_a_group_of_nobody_is_told_with_the_groups_that_there_are(folder: Path) -> None:
    result = run("servers", "pause", "--tag", "Studio", "--data-dir", str(folder))
    check_sentence(result, "No server has the tag 'Studio'", "The tags are: studio.")


def test_a_fleet_without_servers_is_told_how_to_add_one(tmp_path: Path) -> None:
    StableQueue.open(tmp_path, dispatch=False).close()
    result = run("servers", "pause", "--all", "--data-dir", str(tmp_path))
    check_sentence(result, "`stablequeue servers add ALIAS URL")
