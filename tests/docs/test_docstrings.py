"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest
from tests.docs.pages import ROOT

SOURCE = ROOT / "src"


def module_of(path: Path) -> str:
    """How the file is imported."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


WITH_EXAMPLES = [
    module_of(path)
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    """What stands behind ``>>>`` gives what stands below it."""
    result = doctest.testmod(importlib.import_module(name), report=True)
    assert result.attempted > 0
    assert result.failed == 0


def test_there_are_examples() -> None:
    """Guards the test above against a search that finds nothing."""
    assert "stablequeue_core.settings" in WITH_EXAMPLES
