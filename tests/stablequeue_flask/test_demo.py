"""``stablequeue demo``: everything at once, and it ends by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge
from stablequeue_flask import bars, cli, demo


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["demo", *arguments])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "DEMO_SECONDS_PER_STEP", 0.0)
    monkeypatch.setattr(cli, "DEMO_LOAD_SECONDS", 0.0)
    monkeypatch.setattr(demo, "POLL_SECONDS", 0.02)


def test_the_demo_makes_pictures_and_says_where_they_are(tmp_path: Path) -> None:
    result = run("--data-dir", str(tmp_path))
    assert result.exit_code == 0, result.output
    pictures = sorted((tmp_path / "images").glob("*.png"))
    assert len(pictures) == len(demo.ASKED)
    assert f"{len(pictures)} pictures in {tmp_path / 'images'}" in result.stdout
    assert all(picture.name in result.stdout for picture in pictures)
    assert "stablequeue serve" in result.stdout
    assert "curl http://127.0.0.1:8083/api/v1/generate" in result.stdout


def test_the_demo_shows_that_each_server_rendered_with_the_model_that_was_meant(
    tmp_path: Path,
) -> None:
    """A backslash path on Linux, a path with slashes on Windows."""
    result = run("--data-dir", str(tmp_path))
    shown = [" ".join(line.split()) for line in result.stdout.splitlines()]
    pony = "cyberrealisticPony_v8.safetensors"
    assert rf"linux Pony\{pony} -> Pony/{pony} [9f90c59f3a]" in shown
    assert rf"windows Pony/{pony} -> Pony\{pony} [9f90c59f3a]" in shown


def test_the_demo_can_be_run_again_in_the_same_folder(tmp_path: Path) -> None:
    for _ in range(2):
        assert run("--data-dir", str(tmp_path)).exit_code == 0


def test_a_real_forge_is_asked_for_what_every_forge_has(tmp_path: Path) -> None:
    with ForgeServer(SimulatedForge.with_sample_models()) as server:
        result = run("--data-dir", str(tmp_path), "--forge", server.url)
        assert result.exit_code == 0, result.output
        asked = [r.body for r in server.forge.requests if r.path == "/sdapi/v1/txt2img"]
    assert len(asked) == len(demo.ASKED)
    assert not any("sd_model_checkpoint" in body.get("override_settings", {}) for body in asked)
    assert f"Laptop={server.url}" in result.stdout


def test_a_server_that_does_not_answer_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "OFFLINE_SECONDS", 0.0)
    result = run("--data-dir", str(tmp_path), "--forge", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The server at http://127.0.0.1:1 is offline")


def test_a_url_that_is_none_is_told_in_one_sentence(tmp_path: Path) -> None:
    result = run("--data-dir", str(tmp_path), "--forge", "nonsense")
    assert result.exit_code == 1
    assert "http://" in result.stderr


def test_bars_are_redrawn_in_place_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    shown = bars.Bars()
    shown.draw({"a cat": bars.Line(0.0, "pending"), "a dog, far away": bars.Line(0.0, "pending")})
    shown.draw({"a cat": bars.Line(0.5, "sampling"), "a dog, far away": bars.Line(1.0, "done")})
    text = capsys.readouterr().out
    assert text.count("\x1b[2A") == 1
    assert text.count("\n") == 4
    assert "a cat            ████████████░░░░░░░░░░░░  50%  sampling" in text


def test_lines_are_cut_where_the_terminal_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "30")
    bars.Bars().draw({"a" * 50: bars.Line(0.0, "pending")})
    assert capsys.readouterr().out == "\r" + "a" * 29 + "\x1b[K\n"


def test_a_line_is_written_once_for_each_note_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = bars.Bars()
    for note in ("pending", "pending", "sampling", "sampling", "done"):
        shown.draw({"a cat": bars.Line(0.5, note)})
    assert capsys.readouterr().out == "a cat: pending\na cat: sampling\na cat: done\n"


def test_a_failed_job_makes_the_demo_fail_with_its_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = demo.ASKED
    wrong = evolve(first, checkpoint="missing.safetensors")
    monkeypatch.setattr(demo, "ASKED", [wrong, *others])
    result = run("--data-dir", str(tmp_path))
    assert result.exit_code == 1
    assert "1 of 5 jobs failed: " in result.stderr
    assert "missing.safetensors" in result.stderr
