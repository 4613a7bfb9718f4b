"""``stablequeue models`` and the options that name model folders."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from click.testing import Result
from tests.stablequeue_flask.test_cli import check_sentence, command, run
from tests.worlds import ACORN, CHECKPOINTS, LORAS, PONY, VAES, WATERCOLOR, stock_models

from stablequeue_core import StableQueue
from stablequeue_core.models import ModelKind
from stablequeue_core.testing.model_files import sdxl_lora
from stablequeue_flask.serving import WebServer


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The folder with the stock models; there is a blank in its path."""
    return stock_models(tmp_path / "all models")


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(tmp_path / "data")


@pytest.fixture
def scanned(models: Path, data: str) -> str:
    """A data folder that knows the stock models."""
    result = run("models", "scan", *folders(models), "--data-dir", data, "--hashes")
    assert result.exit_code == 0, result.output
    return data


@pytest.fixture
def roots_of_serve(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Kind and name of each folder that ``serve`` was given; serving ends as soon as it begins."""
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(WebServer, "run", lambda self: None)
    opened = StableQueue.__enter__

    def enter(queue: StableQueue) -> StableQueue:
        seen.extend((root.kind.value, root.folder.name) for root in queue.models.roots)
        return opened(queue)

    monkeypatch.setattr(StableQueue, "__enter__", enter)
    return seen


def folders(models: Path) -> list[str]:
    return [
        *("--checkpoints", str(models / CHECKPOINTS)),
        *("--loras", str(models / LORAS)),
        *("--model-dir", f"vae={models / VAES}"),
    ]


def test_serve_scans_the_folders_that_it_is_given(models: Path, data: str) -> None:
    with command("serve", "--port", "0", "--data-dir", data, *folders(models)) as (_, url):
        deadline = time.monotonic() + 20
        while requests.get(f"{url}/api/v1/models/scan/status").json()["last"] is None:
            assert time.monotonic() < deadline, "it was not scanned in time"
        listed = requests.get(f"{url}/api/v1/models?type=all").json()
        assert listed["total"] == 5


def test_each_folder_option_may_be_given_several_times(
    models: Path, data: str, roots_of_serve: list[tuple[str, str]]
) -> None:
    (models / "more").mkdir()
    more = ("--loras", str(models / "more"), "--model-dir", f"vae={models / 'other VAEs'}")
    result = run("serve", "--port", "0", "--data-dir", data, *folders(models), *more)
    assert result.exit_code == 0, result.output
    assert sorted(roots_of_serve) == [
        ("checkpoint", CHECKPOINTS),
        ("lora", LORAS),
        ("lora", "more"),
        ("vae", VAES),
        ("vae", "other VAEs"),
    ]


def test_folders_in_variables_are_separated_like_path(
    models: Path, data: str, roots_of_serve: list[tuple[str, str]]
) -> None:
    """Blanks belong to their names, and nothing between two separators is no folder."""
    both = os.pathsep.join(["", str(models / LORAS), "", str(models / "more LoRAs"), ""])
    result = run(
        "serve",
        "--port",
        "0",
        "--data-dir",
        data,
        STABLEQUEUE_CHECKPOINT_DIRS=str(models / CHECKPOINTS),
        STABLEQUEUE_LORA_DIRS=both,
        STABLEQUEUE_MODEL_DIRS=os.pathsep.join([f"vae={models / VAES}", "upscaler=other place"]),
    )
    assert result.exit_code == 0, result.output
    assert sorted(roots_of_serve) == [
        ("checkpoint", CHECKPOINTS),
        ("lora", LORAS),
        ("lora", "more LoRAs"),
        ("upscaler", "other place"),
        ("vae", VAES),
    ]


def test_an_option_wins_over_its_variable(
    models: Path, data: str, roots_of_serve: list[tuple[str, str]]
) -> None:
    arguments = ("serve", "--port", "0", "--data-dir", data, "--loras", str(models / LORAS))
    assert run(*arguments, STABLEQUEUE_LORA_DIRS=str(models)).exit_code == 0
    assert roots_of_serve == [("lora", LORAS)]


@pytest.mark.usefixtures("roots_of_serve")
def test_a_folder_that_is_not_there_is_a_warning_not_an_error(tmp_path: Path, data: str) -> None:
    away = tmp_path / "unmounted"
    result = run("serve", "--port", "0", "--data-dir", data, "--checkpoints", str(away))
    assert result.exit_code == 0
    assert f"Warning: the model folder {away} is not there" in result.stderr


@pytest.mark.usefixtures("roots_of_serve")
def test_a_file_in_place_of_a_folder_is_called_that(tmp_path: Path, data: str) -> None:
    file = sdxl_lora().write(tmp_path / "ink.safetensors")
    result = run("serve", "--port", "0", "--data-dir", data, "--loras", str(file))
    assert f"Warning: the model folder {file} is a file, not a folder" in result.stderr
    assert "mounted" not in result.stderr


def with_model_dir(data: str, folder: str) -> list[Result]:
    """What each command answers, by option and by variable."""
    return [
        result
        for name in (("serve", "--port", "0"), ("models", "scan"))
        for result in (
            run(*name, "--data-dir", data, "--model-dir", folder),
            run(*name, "--data-dir", data, STABLEQUEUE_MODEL_DIRS=folder),
        )
    ]


@pytest.mark.parametrize("folder", ["models/VAE", "=models/VAE", "vae="])
def test_a_folder_without_a_kind_is_told_how_to_name_one(data: str, folder: str) -> None:
    for result in with_model_dir(data, folder):
        assert result.exit_code == 2
        assert "must look like vae=DIR" in result.stderr


def test_a_folder_of_a_kind_that_does_not_exist_is_told_which_do(data: str) -> None:
    for result in with_model_dir(data, "vea=models/VAE"):
        check_sentence(result, "'vea' is no kind of model: checkpoint, lora, vae")


def test_a_scan_tells_what_it_has_found_and_what_is_wrong(models: Path, data: str) -> None:
    result = run("models", "scan", *folders(models), "--data-dir", data)
    assert result.exit_code == 0, result.output
    assert "5 model files: 5 added, 0 changed, 0 moved, 0 missing, 0 unchanged." in result.stdout
    broken = (models / CHECKPOINTS / "Pony" / "half_copied.safetensors").resolve()
    assert f"  {broken}: " in result.stdout


def test_a_scan_says_how_many_files_are_not_hashed_yet(models: Path, data: str) -> None:
    """At this pace, the largest one is not done in time."""
    arguments = ("models", "scan", "--data-dir", data, *folders(models))
    scanned = run(*arguments, STABLEQUEUE_HASH_RATE="1")
    assert re.search(r"\n\d files? (is|are) not hashed yet; --hashes waits for", scanned.stdout)
    assert "not hashed yet" not in run(*arguments, "--hashes").stdout


def test_a_folder_that_can_not_be_listed_is_told_once_and_makes_the_exit_code_1(
    models: Path, data: str, tmp_path: Path
) -> None:
    """The others are scanned all the same."""
    away = tmp_path / "unmounted"
    arguments = ("--data-dir", data, "--checkpoints", str(away), "--loras", str(models / LORAS))
    result = subprocess.run(
        [sys.executable, "-m", "stablequeue_flask.cli", "models", "scan", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr == ""
    assert "1 model files: 1 added" in result.stdout
    assert result.stdout.count("cannot be listed") == 1


def test_a_second_scan_tells_what_has_changed(models: Path, scanned: str) -> None:
    lora = models / LORAS / WATERCOLOR
    lora.rename(lora.with_name("moved.safetensors"))
    (models / CHECKPOINTS / PONY).unlink()
    sdxl_lora(rank=4).write(models / LORAS / "new.safetensors")
    result = run("models", "scan", *folders(models), "--data-dir", scanned)
    assert result.exit_code == 0
    found = re.search(r"(\d+) model files: (.*)\.", result.stdout)
    assert found is not None
    assert found[1] == "5"
    assert "1 added, 0 changed, 1 moved, 1 missing" in found[2]


def test_where_there_is_no_terminal_progress_is_a_few_plain_lines(models: Path, data: str) -> None:
    result = run("models", "scan", *folders(models), "--data-dir", data, "--hashes")
    progress = [line for line in result.stdout.splitlines() if line.startswith("models: ")]
    assert progress[-1] == "models: done"
    assert len(progress) == len(set(progress))
    assert "\x1b" not in result.stdout


def test_with_hashes_a_scan_waits_until_every_file_is_hashed(models: Path, scanned: str) -> None:
    with StableQueue.open(scanned, dispatch=False) as queue:
        found = queue.models.find(limit=None).models
        assert len(found) == 5
        assert all(model.hashes.sha256 for model in found)


def test_more_problems_than_fit_on_a_screen_are_counted(models: Path, data: str) -> None:
    for number in range(30):
        (models / LORAS / f"empty {number}.safetensors").touch()
    result = run("models", "scan", "--loras", str(models / LORAS), "--data-dir", data)
    assert result.exit_code == 0
    assert len(re.findall(r"\n  .*empty \d+\.safetensors: ", result.stdout)) == 20
    assert "  … and 10 more problems." in result.stdout


def test_without_folders_a_scan_says_what_to_do(data: str) -> None:
    check_sentence(run("models", "scan", "--data-dir", data), "Name one with --checkpoints DIR")


def test_the_list_is_a_table(scanned: str) -> None:
    result = run("models", "list", "--data-dir", scanned)
    assert result.exit_code == 0, result.output
    head, *rows = result.stdout.splitlines()
    assert head.split("  ")[0] == "name"
    assert all(column in head for column in ("kind", "base model", "size", "hash", "id", "folder"))
    assert len(rows) == 5
    acorn = next(row for row in rows if row.startswith(ACORN))
    assert re.search(r"checkpoint +Flux\.1 D +\d+\.\d [kM]B +[0-9a-f]{10} +id:\d+ +/$", acorn)
    pony = next(row for row in rows if row.startswith(Path(PONY).name))
    assert pony.endswith("  Pony")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--type", "lora"), {Path(WATERCOLOR).name}),
        (("--type", "vae"), {"ae.safetensors"}),
        (("--base-model", "flux.1 d"), {ACORN}),
        (("--base-model", "", "acorn"), {ACORN}),
        (("PONY", "cyber"), {Path(PONY).name}),
    ],
)
def test_the_list_can_be_narrowed(
    scanned: str, arguments: tuple[str, ...], names: set[str]
) -> None:
    result = run("models", "list", "--data-dir", scanned, *arguments)
    assert {row.split()[0] for row in result.stdout.splitlines()[1:]} == names


def test_of_two_files_with_one_name_each_can_be_shown_by_its_id(models: Path, data: str) -> None:
    """One lies in the root itself, so that no path tells it from the other."""
    loras = models / LORAS
    for file in (loras / "x.safetensors", loras / "old" / "x.safetensors"):
        sdxl_lora().write(file)
    run("models", "scan", "--data-dir", data, "--loras", str(loras))
    ambiguous = run("models", "show", "--data-dir", data, "x.safetensors")
    check_sentence(ambiguous, "Name one of these instead: ")
    names = re.findall(r"old/x\.safetensors|id:\d+", ambiguous.stderr)
    listed = run("models", "list", "--data-dir", data, "x.safetensors").stdout
    assert set(names) >= set(re.findall(r"id:\d+(?= +/\n)", listed))
    shown = [run("models", "show", "--data-dir", data, name).stdout for name in names]
    files = [re.findall(r"^File: +(.*)$", facts, re.MULTILINE) for facts in shown]
    assert sorted(files) == [["old/x.safetensors"], ["x.safetensors"]]


def test_a_list_without_any_model_says_so(scanned: str, tmp_path: Path) -> None:
    result = run("models", "list", "--data-dir", scanned, "nothing", "like", "this")
    assert (result.exit_code, result.stdout) == (0, "No model fits.\n")
    StableQueue.open(tmp_path / "new", dispatch=False).close()
    nothing_known = run("models", "list", "--data-dir", str(tmp_path / "new"))
    check_sentence(nothing_known, "stablequeue models scan")


def test_listing_scans_nothing(models: Path, scanned: str) -> None:
    """Whatever the variables name."""
    sdxl_lora().write(models / LORAS / "new.safetensors")
    for _ in range(2):
        result = run(
            "models", "list", "--data-dir", scanned, STABLEQUEUE_LORA_DIRS=str(models / LORAS)
        )
        assert "new.safetensors" not in result.stdout


def test_a_name_can_not_give_orders_to_the_terminal(models: Path, data: str) -> None:
    try:
        sdxl_lora().write(models / LORAS / "evil\x1b[2J\n.safetensors")
    except OSError:
        pytest.skip("this system has no such names")
    arguments = ("--data-dir", data, "--loras", str(models / LORAS))
    assert "\x1b" not in run("models", "scan", *arguments).output
    listed = run("models", "list", "--data-dir", data).stdout
    assert "\x1b" not in listed
    assert listed.count("\n") == 3


def test_one_model_is_shown_with_all_that_is_known_of_it(models: Path, scanned: str) -> None:
    result = run("models", "show", "--data-dir", scanned, ACORN)
    assert result.exit_code == 0, result.output
    facts = dict(re.findall(r"^(\S.*?): +(.*)$", result.stdout, re.MULTILINE))
    assert facts["Name"] == "Acorn Is Spinning FLUX"
    assert facts["File"] == ACORN
    assert facts["Folder"] == str((models / CHECKPOINTS).resolve())
    assert facts["Kind"] == "checkpoint"
    assert facts["Base model"].startswith("Flux.1 D (")
    assert facts["Trigger words"] == "acorn style, acorn photograph"
    assert facts["Civitai"] == "https://civitai.com/models/343221"
    assert re.fullmatch(r"[0-9a-f]{64} \(computed\)", facts["SHA-256"])
    assert "Missing" not in facts


def test_a_broken_model_is_shown_with_its_problem(scanned: str) -> None:
    result = run("models", "show", "--data-dir", scanned, "half_copied")
    assert re.search(r"^Problem: +\S", result.stdout, re.MULTILINE)


def test_a_model_that_nobody_knows_is_told_in_one_sentence(scanned: str) -> None:
    check_sentence(run("models", "show", "--data-dir", scanned, "nothing"), "'nothing' not found")
    wrong_type = run("models", "show", "--data-dir", scanned, "--type", "vae", WATERCOLOR)
    check_sentence(wrong_type, "lora")


def test_every_kind_can_be_asked_for(scanned: str) -> None:
    for kind in ModelKind:
        assert run("models", "list", "--data-dir", scanned, "--type", kind.value).exit_code == 0
