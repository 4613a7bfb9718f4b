"""What lies around the code: a whole source package, data kept out, dependencies explained."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from benchmarks.__main__ import BENCHMARKS
from tests.docs.pages import DOCS, PAGES, ROOT, code_in, commands_of, rows_of

from stablequeue_flask.cli import main

_NAME = re.compile(r"[a-z0-9-]+")
DEPENDENCIES = DOCS / "explanation" / "dependencies.md"
SPEED = DOCS / "explanation" / "speed.md"


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_a_source_package_has_all_that_its_pages_and_its_makefile_need(
    project: dict[str, Any],
) -> None:
    included = set(project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    top = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    needed = {page.relative_to(ROOT).parts[0] for page in PAGES} | {"Makefile", "LICENSE"}
    needed |= {word for word in re.findall(r"[\w.-]+", makefile) if word in top}
    # The build takes pyproject.toml by itself.
    assert needed - {"pyproject.toml"} <= included
    assert included <= top


def test_the_data_of_whoever_tries_a_command_is_not_committed() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    (data_dir,) = (option for option in main.commands["serve"].params if option.name == "data_dir")
    assert f"/{data_dir.to_info_dict()['default']}/" in ignored
    for page in PAGES:
        for command in commands_of(page):
            for folder in re.findall(r"--data-dir (\S+)", command):
                assert f"/{folder}/" in ignored


def test_every_dependency_is_explained_and_no_other(project: dict[str, Any]) -> None:
    rows = rows_of(DEPENDENCIES, "Package")
    needed = project["project"]["dependencies"]
    assert [row[0] for row in rows] == [match[0] for match in map(_NAME.match, needed) if match]
    text = DEPENDENCIES.read_text(encoding="utf-8")
    development = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    for wanted in (line for line in development if not line.startswith("#")):
        name = wanted.partition("[")[0]
        assert name in text or name.startswith("types-")


def test_every_figure_of_speed_has_a_line() -> None:
    named = {code_in(row[-1])[0] for row in rows_of(SPEED, "Figure")}
    assert named == set(BENCHMARKS)
