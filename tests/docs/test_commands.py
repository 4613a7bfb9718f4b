"""The commands of the pages can be typed as they stand there."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from attrs import fields
from tests.docs.forges import Forges
from tests.docs.pages import DOCS, PAGES, REFERENCE, ROOT, code_in, commands_of, name_of, rows_of

from stablequeue_core import Settings, StableQueue
from stablequeue_flask import create_app
from stablequeue_flask.cli import main

COMMAND_LINE = REFERENCE / "command-line.md"
_JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VARIABLE = re.compile(r"\bSTABLEQUEUE_[A-Z_]+[A-Z]\b")
_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)


def typed(program: str) -> list[tuple[str, list[str]]]:
    """Page and arguments of every command that starts so."""
    found = []
    for page in PAGES:
        for command in commands_of(page):
            words = shlex.split(command, comments=True)
            if words and words[0].rpartition("/")[2] == program:
                found.append((name_of(page), words[1:]))
    return found


@pytest.mark.parametrize(("page", "words"), typed("stablequeue"))
def test_our_own_command_takes_what_a_page_gives_it(page: str, words: list[str]) -> None:
    """Whoever copies it does not read ``No such option``."""
    command: click.Command = main
    while isinstance(command, click.Group):
        name, *words = words
        command = command.commands[name]
    with command.make_context(command.name, words):
        pass


@pytest.mark.parametrize(("page", "words"), typed("make"))
def test_make_knows_every_target_that_a_page_names(page: str, words: list[str]) -> None:
    """Variables like ``FORGE=…`` are none."""
    targets = _TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    assert {word for word in words if "=" not in word} <= set(targets)


@pytest.mark.parametrize("page", sorted({page for page, _ in typed("curl")}))
def test_every_curl_is_answered(page: str, reader: Path, forges: Forges) -> None:
    """One after the other, against what ``stablequeue serve --server Laptop=… …`` serves."""
    with StableQueue.open(
        reader / "queue-data", checkpoints="models/Stable-diffusion", loras="models/Lora"
    ) as queue:
        queue.servers.add("Laptop", forges.laptop.url)
        client = create_app(queue).test_client()
        job_id = ""
        for name, words in typed("curl"):
            if name == page:
                request = curl(words)
                path = _JOB_ID.sub(job_id, request.url.removeprefix("http://127.0.0.1:8083"))
                method = request.method or ("POST" if request.data else "GET")
                headers = [tuple(header.split(": ", 1)) for header in request.header]
                with client.open(path, method=method, headers=headers, data=request.data) as answer:
                    assert answer.status_code < 400, answer.data
                    body = answer.json if answer.is_json else None
                    if isinstance(body, dict) and job_id == "":
                        job_id = str(body.get("stablequeue_job_id", ""))


def curl(words: list[str]) -> argparse.Namespace:
    """The few options of curl that pages use."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="header", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("-O", action="store_true")
    return parser.parse_args(words)


def test_every_variable_that_a_page_names_is_read() -> None:
    """By the settings, or by the command."""
    known = {f"STABLEQUEUE_{field.name.upper()}" for field in fields(Settings)}
    for command, context in commands():
        known |= {variable_of(option, context) for option in options_of(command)}
    for page in PAGES:
        named = set(_VARIABLE.findall(page.read_text(encoding="utf-8")))
        assert named <= known, name_of(page)


def test_the_reference_lists_every_option_with_its_variable_and_default() -> None:
    """And no other."""
    documented = {
        tuple(code_in(cell)[0] if code_in(cell) else "" for cell in row[:4])
        for row in rows_of(COMMAND_LINE, "Command")
    }
    real = {
        (
            typed_name(context),
            spelled(option),
            variable_of(option, context),
            default_of(option),
        )
        for command, context in commands()
        for option in options_of(command)
    }
    assert documented == real


def commands() -> list[tuple[click.Command, click.Context]]:
    """Every command below ``stablequeue``, those of its groups included."""
    with main.make_context("stablequeue", ["serve"]) as parent:
        return list(below(main, parent))


def below(
    group: click.Group, parent: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    """The commands of a group; of groups in it those, not the groups."""
    for name, command in group.commands.items():
        context = click.Context(command, info_name=name, parent=parent)
        if isinstance(command, click.Group):
            yield from below(command, context)
        else:
            yield command, context


def typed_name(context: click.Context) -> str:
    """What is typed behind ``stablequeue``: ``models scan``."""
    return context.command_path.removeprefix("stablequeue ")


def options_of(command: click.Command) -> list[click.Option]:
    """What can be given to a command, but for ``--help``."""
    return [option for option in command.params if isinstance(option, click.Option)]


def spelled(option: click.Option) -> str:
    """How it is written: ``--dispatch/--no-dispatch``."""
    return "/".join([*option.opts, *option.secondary_opts])


def variable_of(option: click.Option, context: click.Context) -> str:
    """The environment variable that sets it."""
    given = option.envvar or f"{context.auto_envvar_prefix}_{(option.name or '').upper()}"
    assert isinstance(given, str)
    return given


def default_of(option: click.Option) -> str:
    """Its default, as the page writes it; empty when there is none."""
    if option.secondary_opts and option.default is not None:
        return option.opts[0] if option.default else option.secondary_opts[0]
    default = option.to_info_dict()["default"]
    return "" if default is None or option.multiple else str(default)


def test_every_relative_link_leads_somewhere() -> None:
    """To a file of the repository, and to a heading in it."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            assert file.exists(), f"{name_of(page)} links to {target}"
            if anchor:
                assert anchor in anchors_of(file), f"{name_of(page)} links to {target}"


def anchors_of(page: Path) -> set[str]:
    """What can stand behind ``#``: headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_names_every_page() -> None:
    """Nobody finds a page that nothing leads to."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        if page != DOCS / "README.md":
            assert f"({page.relative_to(DOCS).as_posix()})" in index
