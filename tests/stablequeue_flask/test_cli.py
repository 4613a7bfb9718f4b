"""The ``stablequeue`` command."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
import requests
from click.testing import CliRunner, Result

from stablequeue_core import StableQueue
from stablequeue_flask import cli
from stablequeue_flask.listening import listening
from stablequeue_flask.serving import WebServer

LISTENS = re.compile(r"listens on http://[0-9.]+(:\d+)")

if sys.platform == "win32":
    END, NEW_GROUP = signal.CTRL_BREAK_EVENT, subprocess.CREATE_NEW_PROCESS_GROUP
else:
    END, NEW_GROUP = signal.SIGTERM, 0


def run(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(cli.main, arguments, env=variables)


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command in a process of its own, and the URL that it prints; then it is asked to end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stablequeue_flask.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        creationflags=NEW_GROUP,
    )
    assert process.stdout is not None
    with process:
        try:
            # What is logged on the way may come first.
            matches = (LISTENS.search(line) for line in process.stdout)
            yield process, next(f"http://127.0.0.1{match[1]}" for match in matches if match)
            process.send_signal(END)
            rest = process.stdout.read()
            assert process.wait(timeout=20) == 0, rest
            assert "Traceback" not in rest
        finally:
            process.kill()


@pytest.fixture
def stopped_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serving ends as soon as it begins."""
    monkeypatch.setattr(WebServer, "run", lambda self: None)


def test_the_version_is_told() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert re.search(r"\d+\.\d+\.\d+", result.output)


def test_every_command_and_every_option_is_explained() -> None:
    assert run("--help").exit_code == 0
    for words, sub in commands(cli.main):
        text = run(*words, "--help").output
        assert sub.help
        for option in sub.params:
            if isinstance(option, click.Argument):
                assert option.human_readable_name in sub.help
                continue
            assert isinstance(option, click.Option)
            assert option.opts[0] in text
            assert option.help
            assert len(option.help.split()) > 2
            assert option.help.endswith(".")
            if option.name != "help":
                assert "STABLEQUEUE_" in text


def test_no_summary_of_a_command_is_cut_short() -> None:
    """In the list of commands, on a terminal of eighty columns."""
    groups = [words for words, sub in commands(cli.main) if isinstance(sub, click.Group)]
    for words in ((), *groups):
        listed = run(*words, "--help", COLUMNS="80").stdout.partition("Commands:")[2]
        assert [line for line in listed.splitlines() if line.endswith("...")] == []


def commands(group: click.Group, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Each command with the words that it is called by."""
    for name, sub in group.commands.items():
        yield (*before, name), sub
        if isinstance(sub, click.Group):
            yield from commands(sub, *before, name)


def test_serve_answers_requests_until_it_is_told_to_stop(tmp_path: Path) -> None:
    folder = str(tmp_path / "data")
    arguments = ("serve", "--port", "0", "--data-dir", folder, "--server", "A=http://127.0.0.1:1")
    with command(*arguments) as (_, url):
        servers = requests.get(f"{url}/api/v1/servers").json()
        assert [server["alias"] for server in servers] == ["A"]
        job = {"target_server_alias": "A", "generation_params": {"positive_prompt": "a cat"}}
        assert requests.post(f"{url}/api/v1/generate", json=job).status_code == 202
    with StableQueue.open(folder, dispatch=False) as queue:
        assert queue.list().total == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles")
def test_ctrl_c_stops_it_too(tmp_path: Path) -> None:
    with command("serve", "--port", "0", "--data-dir", str(tmp_path)) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0  # a second signal finds nobody


def test_what_is_logged_cannot_command_the_terminal_nor_forge_lines() -> None:
    program = """
import logging
from stablequeue_flask.opening import log_to_stderr
log_to_stderr()
said = "\\x1b[2J\\x07 evil\\r\\n2026-01-01 ERROR forged"
try:
    raise ValueError(said)
except ValueError:
    logging.exception("A server said: %s", said)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    assert not any(obeyed in done.stderr for obeyed in (b"\x1b", b"\x07"))
    assert "evil" in lines[0]
    assert lines[0].endswith("2026-01-01 ERROR forged")
    assert lines[1].startswith("Traceback")


def test_simulate_forge_answers_like_a_forge() -> None:
    arguments = ("simulate-forge", "--port", "0", "--seconds-per-step", "0", "--load-seconds", "0")
    with command(*arguments) as (_, url):
        models = requests.get(f"{url}/sdapi/v1/sd-models").json()
        assert len(models) > 1


def test_simulate_civitai_tells_where_it_is_and_answers_like_civitai() -> None:
    with command("simulate-civitai", "--port", "0") as (process, url):
        assert process.stdout is not None
        told = dict(re.findall(r"(\w+)=(\S+)", "".join(next(process.stdout) for _ in range(5))))
        assert told["STABLEQUEUE_CIVITAI_URL"] == f"{url}/api/v1"
        account = run("civitai", "account", **told)
        assert account.exit_code == 0, account.output
        assert "it is that of harbor_tester" in account.stdout


@pytest.mark.usefixtures("stopped_at_once")
def test_one_line_tells_where_it_listens(tmp_path: Path) -> None:
    result = run("serve", "--port", "0", "--no-dispatch", "--data-dir", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert re.match(r"StableQueue listens on http://127\.0\.0\.1:\d+/api/v1 ", result.stdout)
    assert result.stderr == ""


@pytest.mark.usefixtures("stopped_at_once")
def test_an_address_that_others_can_reach_is_warned_of(tmp_path: Path) -> None:
    arguments = ("serve", "--port", "0", "--no-dispatch", "--data-dir", str(tmp_path))
    result = run(*arguments, "--host", "0.0.0.0")
    assert result.exit_code == 0
    assert "Warning: 0.0.0.0 can be reached from other machines" in result.stderr


def status_of(url: str, host: str, **headers: str) -> int:
    """Of a request that changes something, sent to ``url`` under another name."""
    answer = requests.post(f"{url}/api/v1/queue/pause", headers={"Host": host, **headers})
    return answer.status_code


def test_on_a_loopback_address_serve_answers_to_names_of_this_machine_only(tmp_path: Path) -> None:
    """And to those that it is given; a foreign page is refused under each."""
    arguments = ("serve", "--port", "0", "--data-dir", str(tmp_path))
    more = ("--allow-host", "queue.example", "--allow-origin", "https://gallery.example")
    with command(*arguments, *more) as (_, url):
        for host in ("localhost", "a.localhost:1", "127.0.0.9:8083", "[::1]", "queue.example:443"):
            assert status_of(url, host) == 200
        for host in ("evil.example", "192.168.1.5"):
            assert status_of(url, host) == 403
        assert status_of(url, "localhost", Origin="https://evil.example") == 403
        assert status_of(url, "localhost", Origin="http://localhost") == 200
        assert status_of(url, "localhost", Origin="https://gallery.example") == 200


def test_on_another_address_serve_answers_to_any_name_unless_it_is_given_some(
    tmp_path: Path,
) -> None:
    arguments = ("serve", "--port", "0", "--host", "0.0.0.0", "--data-dir", str(tmp_path))
    with command(*arguments) as (_, url):
        assert status_of(url, "anything.example") == 200
        assert status_of(url, "anything.example", Origin="https://evil.example") == 403
    with command(*arguments, "--allow-host", "queue.example") as (_, url):
        assert status_of(url, "anything.example") == 403
        assert status_of(url, "queue.example") == 200
        assert status_of(url, "127.0.0.1") == 200


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--allow-origin", "gallery.example", "is no origin; one looks like https://"),
        ("--allow-host", "https://gallery.example", "is no host; one looks like"),
    ],
)
def test_what_can_not_be_allowed_is_told_in_one_sentence(
    option: str, value: str, sentence: str
) -> None:
    for result in (
        run("serve", option, value),
        run("serve", **{"STABLEQUEUE_" + option[2:].upper().replace("-", "_"): value}),
    ):
        assert result.exit_code == 2
        assert sentence in result.stderr


@pytest.mark.usefixtures("stopped_at_once")
def test_variables_stand_in_for_options(tmp_path: Path) -> None:
    result = run(
        "serve",
        STABLEQUEUE_DATA_DIR=str(tmp_path / "there"),
        STABLEQUEUE_PORT="0",
        STABLEQUEUE_HOST="127.0.0.1",
        STABLEQUEUE_THREADS="2",
        STABLEQUEUE_DISPATCH="false",
        STABLEQUEUE_SERVERS="A=http://a B=http://b",
    )
    assert result.exit_code == 0, result.output
    with StableQueue.open(tmp_path / "there", dispatch=False) as queue:
        assert [server.alias for server in queue.servers.list()] == ["A", "B"]


@pytest.mark.usefixtures("stopped_at_once")
def test_a_server_that_is_known_already_gets_its_new_url(tmp_path: Path) -> None:
    arguments = ("serve", "--port", "0", "--no-dispatch", "--data-dir", str(tmp_path), "--server")
    for url in ("http://a:1", "http://a:2/", "http://a:2"):
        assert run(*arguments, f"A={url}").exit_code == 0
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        assert queue.servers.get("A").api_url == "http://a:2"
        assert len([e for e in queue.events() if e.server == "A"]) == 2


def check_sentence(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("name", ["serve", "simulate-forge", "simulate-civitai"])
def test_a_port_in_use_is_told_in_one_sentence(tmp_path: Path, name: str) -> None:
    with listening("127.0.0.1", 0) as sockets:
        port = str(sockets[0].getsockname()[1])
        more = ("--data-dir", str(tmp_path / "data")) if name == "serve" else ()
        check_sentence(run(name, "--port", port, *more), f"Port {port}", "in use")
    assert not (tmp_path / "data").exists()


def test_a_folder_that_cannot_be_used_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        check_sentence(run("serve", "--port", "0", "--data-dir", str(folder)), str(folder))


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_that_may_not_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        check_sentence(run("serve", "--port", "0", "--data-dir", str(tmp_path)))
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "list"),
        ("explain", "some-job"),
        ("tidy", "--keep-days", "30"),
        ("downloads", "list"),
        ("models", "list"),
    ],
    ids=" ".join,
)
def test_whoever_only_looks_makes_no_queue(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A mistyped folder must not look like a queue that has lost its jobs."""
    result = run(*words, "--data-dir", str(tmp_path / "mistyped"))
    assert result.exit_code == 1
    assert "There is no queue in" in result.output
    assert not (tmp_path / "mistyped").exists()


def test_a_newer_database_is_told_in_one_sentence(tmp_path: Path) -> None:
    StableQueue.open(tmp_path, dispatch=False).close()
    connection = sqlite3.connect(tmp_path / "queue.sqlite3")
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    check_sentence(run("serve", "--port", "0", "--data-dir", str(tmp_path)), "version 9999")


def test_a_bad_server_is_told_in_one_sentence(tmp_path: Path) -> None:
    arguments = ("serve", "--port", "0", "--no-dispatch", "--data-dir", str(tmp_path))
    check_sentence(run(*arguments, "--server", "A=ftp://a"), "http://")
    result = run(*arguments, "--server", "http://me:geheim@a")
    assert result.exit_code == 2
    assert "Laptop=http://" in result.stderr
    assert "geheim" not in result.stderr


def test_a_bad_setting_is_told_in_one_sentence(tmp_path: Path) -> None:
    result = run(
        "serve", "--port", "0", "--data-dir", str(tmp_path), STABLEQUEUE_MAX_ATTEMPTS="many"
    )
    check_sentence(result, "STABLEQUEUE_MAX_ATTEMPTS")
