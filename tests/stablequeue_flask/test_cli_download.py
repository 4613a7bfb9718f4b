"""``stablequeue download``, ``downloads`` and ``civitai``, with a simulated Civitai on ports."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stablequeue_flask.civitai_on_ports import Harbor
from tests.stablequeue_flask.test_cli import check_sentence

from stablequeue_core import StableQueue
from stablequeue_core.testing.civitai_simulator import (
    BANNED_KEY,
    GOOD_KEY,
    CivitaiServer,
    Fault,
    SimulatedCivitai,
)

LORA, CHECKPOINT = "700303", "700201"
FILE = "inkWash_v3.safetensors"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def port() -> Iterator[Harbor]:
    with CivitaiServer(SimulatedCivitai.with_sample_models()) as server:
        yield Harbor(server)


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """The options that name the data folder and the model folders."""
    loras, checkpoints = tmp_path / "Lora", tmp_path / "Stable-diffusion"
    for folder in (loras, checkpoints):
        folder.mkdir()
    return [
        *("--data-dir", str(tmp_path / "data")),
        *("--loras", str(loras)),
        *("--checkpoints", str(checkpoints)),
    ]


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    return ["--data-dir", str(tmp_path / "data")]


def queued(port: Harbor, folders: list[str], link: str = LORA) -> str:
    """Queue a download without fetching it; its id."""
    result = port.run("download", link, "--no-wait", *folders)
    assert result.exit_code == 0, result.output
    (found,) = UUID.findall(result.stdout)
    return str(found)


def test_a_link_becomes_a_file_in_the_folder_of_its_kind(
    port: Harbor, folders: list[str], tmp_path: Path
) -> None:
    result = port.run("download", LORA, "--subfolder", "styles", *folders)
    assert result.exit_code == 0, result.output
    file = tmp_path / "Lora" / "styles" / FILE
    assert file.read_bytes() == port.content(900303)
    assert "Ink Wash Style v3 (styles/inkWash_v3.safetensors) is queued as " in result.stdout
    assert f"{FILE} is there, whole and proved" in result.stdout
    assert str(file.resolve()) in result.stdout
    assert not port.server.civitai.leaks


def test_several_links_are_fetched_in_one_go_each_once(
    port: Harbor, folders: list[str], tmp_path: Path
) -> None:
    page = f"https://civitai.com/models/600102?modelVersionId={LORA}"
    result = port.run("download", LORA, CHECKPOINT, page, *folders)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("is there, whole and proved") == 2
    assert (tmp_path / "Stable-diffusion" / "harborMixXL_v20.safetensors").exists()


def test_a_file_gets_the_name_and_the_folder_that_one_says(
    port: Harbor, folders: list[str], tmp_path: Path
) -> None:
    arguments = ("--filename", "mine.safetensors", "--type", "lora", "--priority", "5")
    assert port.run("download", LORA, *arguments, *folders).exit_code == 0
    assert (tmp_path / "Lora" / "mine.safetensors").exists()


def test_where_there_is_no_terminal_progress_is_a_few_plain_lines(
    port: Harbor, folders: list[str]
) -> None:
    result = port.run("download", LORA, *folders)
    progress = [line for line in result.stdout.splitlines() if line.startswith("inkWash_v3: ")]
    assert progress[-1] == "inkWash_v3: completed"
    assert len(progress) == len(set(progress))
    assert "\x1b" not in result.stdout


def test_what_civitai_refuses_is_told_and_makes_the_exit_code_1(
    port: Harbor, folders: list[str], tmp_path: Path
) -> None:
    """The others are fetched all the same."""
    result = port.run("download", "700501", LORA, "799999", "https://example.org/1", *folders)
    assert result.exit_code == 1
    assert "is sold at Civitai" in result.output
    assert "Error: 799999: Civitai has no " in result.stderr
    assert "Error: https://example.org/1: " in result.stderr
    assert (tmp_path / "Lora" / FILE).exists()


def test_a_file_that_is_there_already_is_no_failure(port: Harbor, folders: list[str]) -> None:
    """Unless it is another one."""
    assert port.run("download", LORA, *folders).exit_code == 0
    again = port.run("download", LORA, *folders)
    assert again.exit_code == 0, again.output
    assert "It is the same file; there is nothing to fetch." in again.stdout
    other = port.run("download", "700701", "--filename", FILE, *folders)
    assert other.exit_code == 1
    assert "It is another file." in other.stderr


def test_a_kind_without_a_folder_says_which_option_names_one(port: Harbor, tmp_path: Path) -> None:
    result = port.run("download", LORA, "--data-dir", str(tmp_path / "data"))
    assert result.exit_code == 1
    assert "--loras DIR" in result.stderr


@pytest.mark.parametrize("option", [("--filename", "a.safetensors"), ("--file-id", "900303")])
def test_what_means_one_file_is_refused_for_several_links(
    port: Harbor, folders: list[str], option: tuple[str, str]
) -> None:
    result = port.run("download", LORA, CHECKPOINT, *option, *folders)
    assert result.exit_code == 2
    assert "are for one LINK" in result.stderr
    assert port.server.civitai.requests == []


def test_without_waiting_it_is_only_queued(
    port: Harbor, folders: list[str], data: list[str], tmp_path: Path
) -> None:
    """Until somebody fetches: the next command, for example."""
    queued(port, folders)
    assert list((tmp_path / "Lora").iterdir()) == []
    assert "queued" in port.run("downloads", "list", *data).stdout
    assert port.run("download", LORA, *folders).exit_code == 0
    assert (tmp_path / "Lora" / FILE).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles")
def test_after_ctrl_c_the_same_command_reads_on(
    port: Harbor, folders: list[str], tmp_path: Path
) -> None:
    whole = port.content(900303)
    port.faults.next("storage", Fault.STALL, after=len(whole) // 2)
    process = subprocess.Popen(
        [sys.executable, "-m", "stablequeue_flask.cli", "download", LORA, *folders],
        env=port.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        deadline = time.monotonic() + 20
        while not any(file.stat().st_size for file in (tmp_path / "Lora").iterdir()):
            assert time.monotonic() < deadline, "nothing came"
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "the same command reads on where it was" in said
    assert "Traceback" not in said
    result = port.run("download", LORA, *folders)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "Lora" / FILE).read_bytes() == whole
    (second,) = [r for r in port.server.civitai.requests if "range" in r.headers][-1:]
    assert not second.headers["range"].startswith("bytes=0-")


def test_the_list_is_a_table(port: Harbor, folders: list[str], data: list[str]) -> None:
    StableQueue.open(data[-1], dispatch=False).close()
    assert port.run("downloads", "list", *data).stdout == "There is no download.\n"
    port.run("download", LORA, *folders)
    waiting = queued(port, folders, CHECKPOINT)
    head, newest, oldest = port.run("downloads", "list", *data).stdout.splitlines()
    assert head.split() == ["status", "done", "size", "kind", "file", "model", "id"]
    assert newest.split()[:2] == ["queued", "0%"]
    assert newest.endswith(waiting)
    assert oldest.split()[:2] == ["completed", "100%"]
    assert "Ink Wash Style v3" in oldest
    shorter = port.run("downloads", "list", "--limit", "1", *data)
    assert shorter.stderr == "… and 1 older ones.\n"
    assert len(shorter.stdout.splitlines()) == 2
    none = port.run("downloads", "list", "--status", "failed", *data)
    assert none.stdout == "No download is failed.\n"


def test_one_download_is_shown_with_all_that_is_known_of_it(
    port: Harbor, folders: list[str], data: list[str]
) -> None:
    port.run("download", "700501", *folders)
    (download_id,) = UUID.findall(port.run("downloads", "list", *data).stdout)
    result = port.run("downloads", "show", download_id, *data)
    facts = dict(re.findall(r"^(\S.*?): +(.*)$", result.stdout, re.MULTILINE))
    assert facts["Status"] == "failed"
    assert "is sold at Civitai" in facts["It failed"]
    assert facts["Model"] == "Gilded Frame"
    assert facts["At Civitai"] == "version 700501, file 900501"
    assert re.fullmatch(r"[0-9a-f]{64}", facts["SHA-256"])


def test_downloads_are_paused_resumed_cancelled_and_tried_again(
    port: Harbor, folders: list[str], data: list[str]
) -> None:
    ids = [queued(port, folders), queued(port, folders, CHECKPOINT)]
    for verb, sentence in (
        ("pause", "is paused."),
        ("resume", "is queued again. It goes on while the server runs"),
        ("cancel", "is cancelled."),
        ("retry", "is queued again. It goes on while the server runs"),
    ):
        result = port.run("downloads", verb, *ids, *data)
        assert result.exit_code == 0, result.output
        assert result.stdout.count(sentence) == 2
    check_sentence(port.run("downloads", "retry", *ids, *data), "is queued and cannot become")
    check_sentence(port.run("downloads", "pause", "nothing", *data), "nothing not found")


def test_a_paused_download_does_not_hold_the_command(
    port: Harbor, folders: list[str], data: list[str]
) -> None:
    download_id = queued(port, folders)
    port.run("downloads", "pause", download_id, *data)
    result = port.run("download", LORA, *folders)
    assert result.exit_code == 1
    assert f"`stablequeue downloads resume {download_id}` lets it go on" in result.stdout


def test_the_account_of_the_key_is_told_and_the_key_is_not(port: Harbor) -> None:
    result = port.run("civitai", "account")
    assert result.exit_code == 0, result.output
    assert result.stdout == "Civitai accepts the key: it is that of harbor_tester, tier free.\n"


@pytest.mark.parametrize("key", ["", "wrong-key", BANNED_KEY])
def test_a_key_that_is_not_accepted_is_told_in_one_sentence(port: Harbor, key: str) -> None:
    result = port.run("civitai", "account", CIVITAI_API_KEY=key)
    check_sentence(result, "CIVITAI_API_KEY")
    assert key == "" or key not in result.output


def test_no_command_shows_the_key_or_a_signed_link(
    port: Harbor, folders: list[str], data: list[str]
) -> None:
    port.faults.next("storage", Fault.TRUNCATED)
    results = [port.run("download", LORA, "700501", *folders), port.run("downloads", "list", *data)]
    for download_id in UUID.findall(results[-1].stdout):
        results.append(port.run("downloads", "show", download_id, *data))
    for result in results:
        assert GOOD_KEY not in result.output
        assert "X-Amz" not in result.output
        assert "Signature" not in result.output


def test_the_queue_of_a_command_runs_no_jobs(port: Harbor, folders: list[str]) -> None:
    with StableQueue.open(folders[1], dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:1")
        job = queue.submit("Laptop", positive_prompt="a cat")
        assert port.run("download", LORA, *folders).exit_code == 0
        assert queue.get(job.id).attempts == ()
