"""The ``stablequeue doctor`` command: looks at everything, and says what to do."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from stablequeue_core.assembly.doctor import examine_folder
from stablequeue_core.doctor import Diagnosis, Finding, Verdict
from stablequeue_flask.folding import folded
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    model_folder_options,
    option,
)
from stablequeue_flask.plain_text import WIDEST, printable, room, say

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}

_VERDICT_WIDTH = max(map(len, Verdict)) + 2


@click.command()
@data_dir_option
@database_option
@model_folder_options
@option("--json", "as_json", is_flag=True, help="Tell it to programs: one JSON object.")
@option("-v", "--verbose", is_flag=True, help="Tell of each server, however many are well.")
@click.pass_context
def doctor(
    context: click.Context,
    data_dir: Path,
    database_url: str | None,
    checkpoints: Sequence[str],
    loras: Sequence[str],
    model_dirs: Mapping[str, Sequence[str]],
    as_json: bool,
    verbose: bool,
) -> None:
    """Look at everything, and say what to do.

    Everything that the queue stands on: the database, the folders, every server, the key for
    Civitai, the clocks, the settings and jobs that are stuck. Nothing is changed, and the queue may
    be in use. The exit code is 1 if there is a problem; warnings leave it at 0.
    """
    diagnosis = examine_folder(
        data_dir,
        database_url=database_url,
        checkpoints=checkpoints,
        loras=loras,
        model_dirs=model_dirs,
    )
    if as_json:
        click.echo(json.dumps(_as_json(diagnosis), indent=2))
    else:
        shown = diagnosis.findings if verbose else folded(diagnosis.findings)
        say("\n".join(_lines(diagnosis, shown)))
    if diagnosis.verdict is Verdict.PROBLEM:
        context.exit(1)


def _as_json(diagnosis: Diagnosis) -> Mapping[str, object]:
    return {
        "verdict": diagnosis.verdict.value,
        "findings": [
            {
                "subject": each.subject,
                "verdict": each.verdict.value,
                "sentence": each.sentence,
                "advice": each.advice,
            }
            for each in diagnosis.findings
        ],
    }


def _lines(diagnosis: Diagnosis, shown: Sequence[Finding]) -> Iterator[str]:
    width = room(unknown=WIDEST)
    subjects: dict[str, list[Finding]] = {}
    for each in shown:
        subjects.setdefault(each.subject, []).append(each)
    for subject, findings in subjects.items():
        yield printable(subject)
        for each in findings:
            yield from _lines_of(each, width)
    counts = {verdict: len(diagnosis.of(verdict)) for verdict in Verdict}
    yield ""
    yield ", ".join(
        (
            f"{counts[Verdict.OK]} ok",
            _counted(counts[Verdict.WARNING], "warning"),
            _counted(counts[Verdict.PROBLEM], "problem") + ".",
        )
    )


def _lines_of(finding: Finding, width: int) -> Iterator[str]:
    """What was seen, and below it what to do."""
    verdict = f"  {finding.verdict:<{_VERDICT_WIDTH}}"
    indent = " " * len(verdict)
    sentence, *rest = textwrap.wrap(printable(finding.sentence), width - len(indent)) or [""]
    yield _coloured(verdict, finding.verdict) + sentence
    yield from (indent + line for line in rest)
    if finding.advice:
        advice = textwrap.wrap(printable(finding.advice), width - len(indent) - 3)
        yield from (f"{indent}{' ' if n else '>'}  {line}" for n, line in enumerate(advice))


def _coloured(text: str, verdict: Verdict) -> str:
    """Click takes the colours out again where the output is no terminal."""
    return text if "NO_COLOR" in os.environ else click.style(text, fg=_COLOURS[verdict])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
