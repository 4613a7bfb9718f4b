"""The ``stablequeue models`` commands: scan the folders, list what is in them, look at one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import click

from stablequeue_core import StableQueue
from stablequeue_core.errors import NoModelFolders
from stablequeue_core.models import Model, ModelKind, ScanPhase, ScanReport, ScanStatus
from stablequeue_flask.bars import Bars, Line
from stablequeue_flask.model_bodies import civitai_url, display_name
from stablequeue_flask.opening import (
    data_dir_option,
    model_folder_options,
    opened,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import printable, say, size_text, table

DRAWN_EVERY = 0.1
MOST_PROBLEMS = 20

_NOTES = {
    ScanPhase.IDLE: "waiting",
    ScanPhase.LISTING: "listing the folders",
    ScanPhase.READING: "reading what is new",
    ScanPhase.HASHING: "hashing",
}
_HEAD = ("name", "kind", "base model", "size", "hash", "folder")

kind_option = partial(
    option,
    "--type",
    "kind",
    type=click.Choice([each.value for each in ModelKind]),
    help="Only models of this kind.",
)


@click.group()
def models() -> None:
    """Look after the model files: scan their folders, list them, look at one."""


@models.command()
@data_dir_option
@model_folder_options
@option(
    "--hashes/--no-hashes",
    default=False,
    help="Whether to hash every file, too, and wait for that: it reads all of them once.",
)
def scan(
    data_dir: Path,
    checkpoints: Sequence[str],
    loras: Sequence[str],
    model_dirs: Mapping[ModelKind | str, Sequence[str]],
    hashes: bool,
) -> None:
    """Look through the model folders, and tell what has changed."""
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


@models.command("list")
@data_dir_option
@kind_option(envvar="STABLEQUEUE_MODELS_LIST_TYPE")
@option("--base-model", help="Only models made from or for this, like SDXL or Pony.")
@click.argument("text", nargs=-1)
def list_models(
    data_dir: Path, kind: str | None, base_model: str | None, text: Sequence[str]
) -> None:
    """List the models that have all words of TEXT in their names, tags or base model."""
    with told_in_one_sentence(), _catalogue_in(data_dir) as queue:
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
    """Tell all that is known of the model NAME: a file name, a path below its folder, or a hash."""
    with told_in_one_sentence(), _catalogue_in(data_dir) as queue:
        model = queue.models.get(name, kind=kind)
        facts = [(label, text) for label, text in _facts(model) if text]
        say("\n".join(f"{label + ':':<16}{printable(text)}" for label, text in facts))


def _catalogue_in(data_dir: Path) -> AbstractContextManager[StableQueue]:
    """What is known already; without folders nothing is scanned, and models of all are listed."""
    return opened(data_dir, dispatch=False, checkpoints=(), loras=(), model_dirs={})


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
        problems += [(model.path, problem.message) for problem in model.problems]
    for path, message in problems[:MOST_PROBLEMS]:
        yield f"  {printable(path)}: {printable(message)}"
    if len(problems) > MOST_PROBLEMS:
        yield f"  … and {len(problems) - MOST_PROBLEMS:,} more problems."


def _row(model: Model) -> Sequence[str]:
    return (
        printable(model.filename),
        model.kind.value,
        printable(model.base_model.label or "?"),
        size_text(model.size),
        model.hashes.autov2 or "",
        printable(model.folder or "/"),
    )


def _facts(model: Model) -> Iterator[tuple[str, str | None]]:
    card, hashes, base = model.card, model.hashes, model.base_model
    yield "Name", display_name(model)
    yield "Version", card.version
    yield "File", model.path
    yield "Folder", model.root
    yield "Missing", "it is not there now" if model.missing else None
    yield "Kind", model.kind.value
    yield "Base model", f"{base.label or '?'} ({base.confidence}, by {base.source or 'nobody'})"
    yield "It could be", ", ".join(base.candidates) if base.name is None else None
    yield "Variant", base.variant
    yield "Size", f"{size_text(model.size)} ({model.size:,} bytes)"
    yield "Format", model.format.value
    yield "Header", ", ".join(f"{key} {value}" for key, value in model.details.items())
    yield "SHA-256", hashes.sha256 and f"{hashes.sha256} ({hashes.source})"
    yield "AutoV2", hashes.autov2
    yield "AutoV3", hashes.autov3
    yield "Trigger words", ", ".join(card.trigger_words)
    yield "Weight", None if card.preferred_weight is None else f"{card.preferred_weight:g}"
    yield "Tags", ", ".join(card.tags)
    yield "Creator", card.creator
    yield "Civitai", civitai_url(model)
    yield "Previews", ", ".join(model.previews)
    yield "Said by", ", ".join(card.sources)
    for problem in model.problems:
        yield "Problem", problem.message
