"""``stablequeue models refresh``, ``candidates``, ``pin`` and ``unpin``."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stablequeue_flask.civitai_on_ports import Harbor
from tests.stablequeue_flask.test_cli import check_sentence, run

from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiServer,
    Fault,
    Place,
    SimulatedCivitai,
)
from stablequeue_core.testing.model_files import sdxl_lora

INK, BOATS, MINE = "ink.safetensors", "boats.safetensors", "mine.safetensors"


@pytest.fixture
def port() -> Iterator[Harbor]:
    with CivitaiServer(SimulatedCivitai.with_sample_models()) as server:
        yield Harbor(server)


@pytest.fixture
def loras(port: Harbor, tmp_path: Path) -> Path:
    """A folder with two LoRAs that Civitai knows, one of them twice, and one of our own."""
    folder = tmp_path / "Lora"
    folder.mkdir()
    (folder / INK).write_bytes(port.content(900303))
    (folder / BOATS).write_bytes(port.content(900701))
    sdxl_lora(output_name="mine").write(folder / MINE)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    return ["--data-dir", str(tmp_path / "data")]


@pytest.fixture
def hashed(loras: Path, data: list[str]) -> list[str]:
    """The option that names a data folder which knows these models and their hashes."""
    result = run("models", "scan", "--hashes", "--loras", str(loras), *data)
    assert result.exit_code == 0, result.output
    return data


def test_all_models_are_refreshed_with_a_summary(
    port: Harbor, hashed: list[str], loras: Path
) -> None:
    result = port.run("models", "refresh", "--all", *hashed)
    assert result.exit_code == 0, result.output
    assert "2 models refreshed, 1 unknown to Civitai, 0 failed." in result.stdout
    for stem in ("ink", "boats"):
        assert (loras / f"{stem}.json").exists()
        assert (loras / f"{stem}.civitai.info").exists()
    shown = port.run("models", "show", INK, *hashed).stdout
    assert re.search(r"^Name: +Ink Wash Style$", shown, re.MULTILINE)


def test_what_was_refreshed_today_is_left_out_unless_one_insists(
    port: Harbor, hashed: list[str]
) -> None:
    port.run("models", "refresh", "--all", *hashed)
    second = port.run("models", "refresh", "--all", *hashed)
    assert second.exit_code == 0
    assert "0 models refreshed" in second.stdout
    assert "2 left out: refreshed within a day; --again refreshes them, too." in second.stdout
    third = port.run("models", "refresh", "--all", "--again", *hashed)
    assert "2 models refreshed" in third.stdout


def test_what_is_not_hashed_is_told_with_what_to_do(
    port: Harbor, loras: Path, data: list[str]
) -> None:
    run("models", "scan", "--loras", str(loras), *data, STABLEQUEUE_HASH_RATE="1")
    result = port.run("models", "refresh", "--all", *data)
    assert "3 not hashed yet, so that nobody can ask for them; `stablequeue models" in result.stdout


def test_a_type_narrows_it(port: Harbor, hashed: list[str]) -> None:
    result = port.run("models", "refresh", "--all", "--type", "checkpoint", *hashed)
    assert "0 models refreshed, 0 unknown to Civitai, 0 failed." in result.stdout


def test_models_that_are_named_are_refreshed_and_told_one_by_one(
    port: Harbor, hashed: list[str]
) -> None:
    result = port.run("models", "refresh", INK, MINE, "nothing", *hashed)
    assert result.exit_code == 1
    assert f"{INK} is Ink Wash Style v3 (version 700303). " in result.stdout
    assert f"Error: {MINE}: " in result.stderr
    assert "Error: nothing: Model 'nothing' not found." in result.stderr


def test_it_must_be_said_which(port: Harbor, data: list[str]) -> None:
    for arguments in ((), ("--all", INK), ("--again", INK)):
        assert port.run("models", "refresh", *arguments, *data).exit_code == 2


def test_where_there_is_no_terminal_progress_is_two_plain_lines(
    port: Harbor, hashed: list[str]
) -> None:
    result = port.run("models", "refresh", "--all", *hashed)
    lines = [line for line in result.stdout.splitlines() if line.startswith("models: ")]
    assert lines == ["models: asking Civitai", "models: done"]
    assert "\x1b" not in result.stdout


def test_what_is_no_answer_of_civitai_is_told_in_one_sentence(
    port: Harbor, hashed: list[str]
) -> None:
    port.faults.next("*", Fault.LOGIN_PAGE, times=None)
    check_sentence(port.run("models", "refresh", "--all", *hashed))


def test_the_versions_that_a_file_may_be_are_listed(port: Harbor, hashed: list[str]) -> None:
    """Two uploads of the very same file: the one that was published first is likelier."""
    result = port.run("models", "candidates", BOATS, *hashed)
    assert result.stdout.splitlines() == [
        "https://civitai.com/models/600106?modelVersionId=700701",
        "https://civitai.com/models/600106?modelVersionId=700702",
    ]
    nobody = port.run("models", "candidates", MINE, *hashed)
    assert nobody.stdout == "Civitai does not know a file with this hash.\n"


def test_a_pin_wins_until_it_is_taken_back(port: Harbor, hashed: list[str]) -> None:
    page = "https://civitai.com/models/600106?modelVersionId=700702"
    pinned = port.run("models", "pin", BOATS, page, *hashed)
    assert pinned.exit_code == 0, pinned.output
    assert "(version 700702). You have said that it is this version." in pinned.stdout
    again = port.run("models", "refresh", BOATS, *hashed)
    assert "(version 700702). You have said that it is this version." in again.stdout
    assert port.run("models", "unpin", BOATS, *hashed).exit_code == 0
    first = port.run("models", "candidates", BOATS, *hashed).stdout.splitlines()[0]
    assert "You have said" not in port.run("models", "refresh", BOATS, *hashed).stdout
    assert first.startswith("https://civitai.com/models/600106?")


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("https://civitai.com/models/600106", "one version of a model"),
        ("https://example.org/1", "does not name"),
        ("799999", "Civitai has no"),
    ],
)
def test_what_can_not_be_pinned_is_told_in_one_sentence(
    port: Harbor, hashed: list[str], link: str, words: str
) -> None:
    check_sentence(port.run("models", "pin", BOATS, link, *hashed), words)


def test_the_key_is_shown_nowhere(port: Harbor, hashed: list[str], loras: Path) -> None:
    result = port.run("models", "refresh", "--all", *hashed)
    assert GOOD_KEY not in result.output
    assert not any(GOOD_KEY.encode() in file.read_bytes() for file in loras.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles")
def test_after_ctrl_c_the_same_command_goes_on(port: Harbor, hashed: list[str]) -> None:
    port.faults.next("cdn", Fault.SILENCE, times=None)
    arguments = ("models", "refresh", "--all", *hashed)
    process = subprocess.Popen(
        [sys.executable, "-m", "stablequeue_flask.cli", *arguments],
        env=port.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        port.server.civitai.wait_until(
            lambda it: any(seen.place is Place.CDN for seen in it.requests), timeout=20
        )
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "the same command goes on where it was" in said
    assert "Traceback" not in said
    port.faults.clear()
    result = port.run(*arguments)
    assert result.exit_code == 0, result.output
    assert "2 models refreshed" in result.stdout
