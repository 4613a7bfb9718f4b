"""The ``stablequeue models`` commands: scan the folders, list what is in them, look at one."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

import click

from stablequeue_core import StableQueue
from stablequeue_core.errors import NoModelFolders
from stablequeue_core.models import Model, ModelKind, ScanPhase, ScanReport, ScanStatus
from stablequeue_core.models.scanning import scanner
from stablequeue_core.quantities import size_text
from stablequeue_flask.bars import Bars, Line
from stablequeue_flask.model_facts import base_model_text, facts_of
from stablequeue_flask.opening import (
    data_dir_option,
    model_folder_options,
    opened,
    opened_to_look,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import fact_lines, printable, say, table

DRAWN_EVERY = 0.1
MOST_PROBLEMS = 20
ROOT_MISSING = "root_missing"

_NOTES = {
    ScanPhase.IDLE: "waiting",
    ScanPhase.LISTING: "listing the folders",
    ScanPhase.READING: "reading what is new",
    ScanPhase.HASHING: "hashing",
}
_HEAD = ("name", "kind", "base model", "size", "hash", "id", "folder")

kind_option = partial(
    option,
    "--type",
    "kind",
    type=click.Choice([each.value for each in ModelKind]),
    help="Only models of this kind.",
)


@click.group()
def models() -> None:
    """Look after the model files.

    Scan their folders, list them, ask Civitai what they are.
    """


@models.command()
@data_dir_option
@model_folder_options
@option(
    "--hashes/--no-hashes",
    default=False,
    help="Whether to hash every file, too, and wait for that: it reads all of them once.",
)
@click.pass_context
def scan(
    context: click.Context,
    data_dir: Path,
    checkpoints: Sequence[str],
    loras: Sequence[str],
    model_dirs: Mapping[str, Sequence[str]],
    hashes: bool,
) -> None:
    """Look through the model folders.

    And tell what has changed, and what is wrong. The exit code is 1 if a folder cannot be listed.
    """
    log = logging.StreamHandler()
    # What the scanner warns of is told at the end, with all other problems.
    log.addFilter(lambda record: record.name != scanner.__name__)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[log])
    folders = {"checkpoints": checkpoints, "loras": loras, "model_dirs": model_dirs}
    # Closed in this order: after Ctrl-C the queue stops what runs, which the pool then waits for.
    with (
        told_in_one_sentence(),
        ThreadPoolExecutor(1) as pool,
        opened(data_dir, dispatch=False, **folders) as queue,
    ):
        bars = Bars()
        report = _first_report(queue, bars)
        if hashes:
            hashing = pool.submit(queue.models.scan, hashes=True)
            while not hashing.done():
                bars.draw({"models": _line(queue.models.status())})
                wait([hashing], timeout=DRAWN_EVERY)
            hashing.result()
        bars.draw({"models": Line(1.0, "done")})
        say("\n".join(_summary(report, queue)))
    if any(problem.code == ROOT_MISSING for problem in report.problems):
        context.exit(1)


@models.command("list")
@data_dir_option
@kind_option(envvar="STABLEQUEUE_MODELS_LIST_TYPE")
@option("--base-model", help="Only models made from or for this, like SDXL or Pony.")
@click.argument("text", nargs=-1)
def list_models(
    data_dir: Path, kind: str | None, base_model: str | None, text: Sequence[str]
) -> None:
    """List the models that fit all words of TEXT.

    Each word is looked for in path, name, creator, tags, trigger words and base model.
    """
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        page = queue.models.find(" ".join(text), kind=kind, base_model=base_model, limit=None)
        if page.total:
            say(table([_HEAD, *map(_row, page.models)]))
        elif queue.models.find(missing=True, limit=1).total:
            say("No model fits.")
        else:
            raise click.ClickException(
                "No model is known yet. Look for them with `stablequeue models scan "
                "--checkpoints DIR --loras DIR`."
            )


@models.command()
@data_dir_option
@kind_option(envvar="STABLEQUEUE_MODELS_SHOW_TYPE")
@click.argument("name")
def show(data_dir: Path, kind: str | None, name: str) -> None:
    """Tell all that is known of the model NAME.

    That is a file name, a path below its folder, a hash, or the id that the list tells
    (id:10). It is looked for among all kinds.
    """
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        model = queue.models.get(name, kind=kind)
        say("\n".join(fact_lines(facts_of(model))))


def _first_report(queue: StableQueue, bars: Bars) -> ScanReport:
    """What is found by the scan that begins by itself when a queue is opened.

    Raises:
        NoModelFolders: then there is none.
    """
    if not queue.models.roots:
        raise NoModelFolders
    while True:
        status = queue.models.status()
        if status.error:
            raise click.ClickException(status.error)
        if status.last:
            return status.last
        bars.draw({"models": _line(status)})
        time.sleep(DRAWN_EVERY)


def _line(status: ScanStatus) -> Line:
    match status.phase:
        case ScanPhase.HASHING:
            fraction = _share(status.bytes_done, status.bytes_total)
            count = f"({status.unhashed:,} left)"
        case ScanPhase.READING:
            fraction = _share(status.done, status.total)
            count = f"({status.done:,} of {status.total:,})"
        case _:
            fraction, count = 0.0, f"({status.done:,})" if status.done else ""
    return Line(fraction, _NOTES[status.phase], f"{count} {printable(status.current or '')}")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _summary(report: ScanReport, queue: StableQueue) -> Iterator[str]:
    yield (
        f"{report.files:,} model files: {report.added:,} added, {report.changed:,} changed, "
        f"{report.moved:,} moved, {report.missing:,} missing, {report.unchanged:,} unchanged."
    )
    problems = [(problem.path, problem.message) for problem in report.problems]
    for model in queue.models.find(limit=None).models:
        problems += [(str(model.file), problem.message) for problem in model.problems]
    for path, message in problems[:MOST_PROBLEMS]:
        yield f"  {printable(path)}: {printable(message)}"
    if len(problems) > MOST_PROBLEMS:
        yield f"  … and {len(problems) - MOST_PROBLEMS:,} more problems."
    if unhashed := queue.models.status().unhashed:
        yield _not_hashed(unhashed)


def _not_hashed(count: int) -> str:
    if count == 1:
        return "1 file is not hashed yet; --hashes waits for it."
    return f"{count:,} files are not hashed yet; --hashes waits for them."


def _row(model: Model) -> Sequence[str]:
    return (
        printable(model.filename),
        model.kind.value,
        printable(base_model_text(model.base_model)),
        size_text(model.size),
        model.hashes.autov2 or "",
        f"id:{model.id}",
        printable(model.folder or "/"),
    )
