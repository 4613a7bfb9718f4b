"""``stablequeue servers set``: where servers are, and whether they are used."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.stablequeue_flask.test_cli import check_sentence

from stablequeue_core import Server, StableQueue
from stablequeue_flask import cli


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with two servers."""
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:1", description="under the desk")
        queue.servers.add("Tower", "http://127.0.0.1:2", tags=["studio"])
    return tmp_path


def tried(folder: Path, *words: str, typed: str = "") -> Result:
    arguments = ("servers", "set", *words, "--data-dir", str(folder))
    return CliRunner().invoke(cli.main, arguments, input=typed)


def set_to(folder: Path, *words: str, typed: str = "") -> str:
    result = tried(folder, *words, typed=typed)
    assert result.exit_code == 0, result.output
    return result.stdout


def server(folder: Path, alias: str) -> Server:
    with StableQueue.open(folder, dispatch=False) as queue:
        return queue.servers.get(alias)


def test_a_server_gets_a_new_address_and_what_is_not_named_stays(folder: Path) -> None:
    told = set_to(folder, "Laptop", "--url", "http://127.0.0.1:9/")

    assert told == "Server 'Laptop' is changed: its address is http://127.0.0.1:9.\n"
    laptop = server(folder, "Laptop")
    assert (laptop.api_url, laptop.description) == ("http://127.0.0.1:9", "under the desk")
    assert laptop.enabled


def test_a_description_is_changed_and_taken_away(folder: Path) -> None:
    assert "'in the attic'" in set_to(folder, "Laptop", "--description", "in the attic")
    assert server(folder, "Laptop").description == "in the attic"
    assert "no description" in set_to(folder, "Laptop", "--description", "")
    assert server(folder, "Laptop").description is None


def test_a_server_is_disabled_and_enabled(folder: Path) -> None:
    assert "it is disabled and takes no jobs" in set_to(folder, "Tower", "--disable")
    assert not server(folder, "Tower").enabled
    assert "it is enabled and takes jobs" in set_to(folder, "Tower", "--enable")
    assert server(folder, "Tower").enabled


def test_a_paused_server_that_is_enabled_takes_no_jobs_and_it_is_told_how_it_would(
    folder: Path,
) -> None:
    with StableQueue.open(folder, dispatch=False) as queue:
        queue.servers.pause("Tower")
    told = set_to(folder, "Tower", "--enable")
    assert "takes no jobs until `stablequeue servers resume Tower --data-dir" in told


def test_a_password_is_read_and_never_shown(folder: Path) -> None:
    told = set_to(folder, "Tower", "--username", "ada", "--ask-password", typed="geheim\n")

    assert "user name is 'ada'; it has a new password" in told
    assert "geheim" not in told
    assert server(folder, "Tower").auth == ("ada", "geheim")


def test_a_user_name_is_taken_away_with_its_password(folder: Path) -> None:
    set_to(folder, "Tower", "--username", "ada", "--ask-password", typed="geheim\n")
    assert "no user name; it has no password" in set_to(folder, "Tower", "--username", "")
    assert server(folder, "Tower").auth is None


def test_a_password_without_a_user_name_is_refused_by_the_name_of_the_server(folder: Path) -> None:
    result = tried(folder, "Tower", "--ask-password", typed="geheim\n")
    check_sentence(result, "Server 'Tower'", "username")
    assert "geheim" not in result.output


def test_a_script_that_writes_no_password_is_told_so(folder: Path) -> None:
    result = tried(folder, "Tower", "--username", "ada", "--ask-password")
    check_sentence(result, "no password on the standard input")


def test_what_all_servers_would_refuse_is_told_once_and_nothing_is_changed(folder: Path) -> None:
    result = tried(folder, "--all", "--username", "a:b", "--disable")
    check_sentence(result, "colon")
    assert server(folder, "Laptop").enabled


def test_a_password_in_an_address_is_refused_and_not_repeated(folder: Path) -> None:
    result = tried(folder, "Tower", "--url", "http://me:geheim@127.0.0.1:3")
    check_sentence(result, "user name or password")
    assert "geheim" not in result.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("Tower",), "Say what to change"),
        (("Laptop", "Tower", "--url", "http://127.0.0.1:3"), "--url is for one ALIAS"),
        (("--tag", "studio", "--url", "http://127.0.0.1:3"), "--url is for one ALIAS"),
        (("Tower", "--username", "", "--ask-password"), "takes both away"),
    ],
)
def test_what_makes_no_sense_is_refused(
    folder: Path, words: tuple[str, ...], sentence: str
) -> None:
    result = tried(folder, *words, typed="geheim\n")
    assert result.exit_code == 2
    assert sentence in result.stderr
