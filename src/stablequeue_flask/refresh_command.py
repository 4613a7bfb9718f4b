"""The ``stablequeue models`` commands that ask Civitai: refresh, candidates, pin, unpin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stablequeue_core import StableQueue, StableQueueError
from stablequeue_core.models import CivitaiCandidate
from stablequeue_flask.bars import Bars, Line
from stablequeue_flask.models_command import MOST_PROBLEMS, kind_option
from stablequeue_flask.opening import (
    data_dir_option,
    opened_to_look,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import printable, say

if TYPE_CHECKING:
    from stablequeue_core.civitai.library.refreshing import Refreshed, RefreshReport

DRAWN_EVERY = 0.1

_ASKING = "asking Civitai"


@click.command()
@data_dir_option
@kind_option(envvar="STABLEQUEUE_MODELS_REFRESH_TYPE")
@option(
    "--all",
    "everything",
    is_flag=True,
    envvar="STABLEQUEUE_MODELS_REFRESH_ALL",
    help="All models that are there, hundreds of them with each request.",
)
@option("--again", is_flag=True, help="With --all: also those that were refreshed within a day.")
@click.argument("name", nargs=-1)
@click.pass_context
def refresh(
    context: click.Context,
    data_dir: Path,
    kind: str | None,
    everything: bool,
    again: bool,
    name: Sequence[str],
) -> None:
    """Ask Civitai what models are.

    Its answers and pictures are written beside their files. Each NAME is as for show; or say --all.
    What was broken off goes on where it was. The exit code is 1 if something failed.
    """
    if everything == bool(name):
        raise click.UsageError("Say which models, or --all.")
    if again and not everything:
        raise click.UsageError(
            "--again goes with --all; a model that you name is always asked for."
        )
    try:
        # Closed in this order: after Ctrl-C the queue stops what runs, which the pool waits for.
        with (
            told_in_one_sentence(),
            ThreadPoolExecutor(1) as pool,
            opened_to_look(data_dir) as queue,
        ):
            if everything:
                complete = _refreshed_all(queue, pool, kind, again)
            else:
                failed = [each for each in name if not _refreshed(queue, each, kind)]
                complete = not failed
    except KeyboardInterrupt:
        say("\nStopped. What was done stays; the same command goes on where it was.")
        context.exit(1)
    if not complete:
        context.exit(1)


@click.command()
@data_dir_option
@kind_option(envvar="STABLEQUEUE_MODELS_CANDIDATES_TYPE")
@click.argument("name")
def candidates(data_dir: Path, kind: str | None, name: str) -> None:
    """List what the model NAME may be at Civitai.

    By its hash, the likeliest first.
    """
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        found = queue.civitai.candidates(name, kind=kind)
    say("\n".join(map(_address, found)) or "Civitai does not know a file with this hash.")


@click.command()
@data_dir_option
@kind_option(envvar="STABLEQUEUE_MODELS_PIN_TYPE")
@click.argument("name")
@click.argument("link")
def pin(data_dir: Path, kind: str | None, name: str, link: str) -> None:
    """Say that the model NAME is the version LINK.

    That wins over whatever Civitai finds. LINK is the version's number, the address of its page, or
    its AIR.
    """
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        say("\n".join(_sentences(queue.civitai.pin(name, link, kind=kind))))


@click.command()
@data_dir_option
@kind_option(envvar="STABLEQUEUE_MODELS_UNPIN_TYPE")
@click.argument("name")
def unpin(data_dir: Path, kind: str | None, name: str) -> None:
    """Let Civitai's own answers count again for the model NAME."""
    with told_in_one_sentence(), opened_to_look(data_dir) as queue:
        queue.civitai.unpin(name, kind=kind)
    say("Civitai's answers count again; `stablequeue models refresh` asks for them.")


def _refreshed(queue: StableQueue, name: str, kind: str | None) -> bool:
    """Refresh one, and tell what came of it; whether it went well."""
    try:
        refreshed = queue.civitai.refresh(name, kind=kind)
    except StableQueueError as error:
        click.echo(f"Error: {printable(name)}: {printable(error.message)}", err=True)
        return False
    say("\n".join(_sentences(refreshed)))
    return True


def _refreshed_all(
    queue: StableQueue, pool: ThreadPoolExecutor, kind: str | None, again: bool
) -> bool:
    """Refresh all, show how far it is, and tell what came of it; whether it went well."""
    bars = Bars()
    line = Line(0.0, _ASKING)

    def tell(done: int, total: int, current: str | None) -> None:
        nonlocal line
        detail = f"({done:,} of {total:,}) {printable(current or '')}"
        line = Line(done / total if total else 0.0, _ASKING, detail)

    refreshing = pool.submit(queue.civitai.refresh_all, kind=kind, again=again, tell=tell)
    while not refreshing.done():
        bars.draw({"models": line})
        wait([refreshing], timeout=DRAWN_EVERY)
    report = refreshing.result()
    bars.draw({"models": Line(1.0, "done")})
    say("\n".join(_summary(report)))
    return not report.failed


def _sentences(refreshed: Refreshed) -> Iterator[str]:
    """What a model is, and what did not work."""
    card = refreshed.model.card
    title = printable(" ".join(filter(None, (card.name, card.version))))
    yield (
        f"{printable(refreshed.model.filename)} is {title} (version {refreshed.version_id}). "
        f"{printable(refreshed.reason)}"
    )
    for problem in refreshed.problems:
        yield f"  {printable(problem)}"


def _summary(report: RefreshReport) -> Iterator[str]:
    yield (
        f"{report.refreshed:,} models refreshed, {report.unknown:,} unknown to Civitai, "
        f"{report.failed:,} failed."
    )
    for problem in report.problems[:MOST_PROBLEMS]:
        yield f"  {printable(problem.model)}: {printable(problem.message)}"
    if len(report.problems) > MOST_PROBLEMS:
        yield f"  … and {len(report.problems) - MOST_PROBLEMS:,} more problems."
    if report.skipped:
        yield f"{report.skipped:,} left out: refreshed within a day; --again refreshes them, too."
    if report.unhashed:
        yield (
            f"{report.unhashed:,} not hashed yet, so that nobody can ask for them; `stablequeue "
            "models scan --hashes` does that."
        )


def _address(candidate: CivitaiCandidate) -> str:
    if candidate.model_id is None:
        return f"version {candidate.version_id}"
    return f"https://civitai.com/models/{candidate.model_id}?modelVersionId={candidate.version_id}"
