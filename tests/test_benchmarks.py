"""The benchmarks work; how fast anything is, is not for a test to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.__main__ import BENCHMARKS

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.soak
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_quick_run_gives_figures(name: str, tmp_path: Path) -> None:
    """Each benchmark can be run alone, prints its table and writes its figures down."""
    report = tmp_path / "figures.json"
    run = _benchmarks(name, "--quick", "--json", str(report), "--folder", str(tmp_path))
    assert run.returncode == 0, run.stderr
    figures = json.loads(report.read_text(encoding="utf-8"))["figures"]
    assert {figure["benchmark"] for figure in figures} == {name}
    assert all(figure["name"] in run.stdout for figure in figures)
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]


@pytest.mark.soak
def test_an_unknown_name_is_refused() -> None:
    """Whoever mistypes a name is told the right ones."""
    run = _benchmarks("sbumit")
    assert run.returncode == 2
    assert "submit-many" in run.stderr


def _benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
    )
