"""``python -m benchmarks [name ...]``: measure, and print the table."""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import asdict

from benchmarks import (
    catalogue,
    choosing,
    claiming,
    dispatching,
    downloading,
    hashing,
    http,
    identifying,
    idle,
    importing,
    memory,
    postgres,
    resolving,
    scanning,
    sidecars,
    simulation,
    submitting,
)
from benchmarks.effort import Effort
from benchmarks.report import Figure, table

BENCHMARKS: Mapping[str, Callable[[Effort], Sequence[Figure]]] = {
    "submit": submitting.single,
    "submit-many": submitting.many,
    "claim": claiming.claim_and_complete,
    "claim-two": claiming.two_processes,
    "start": dispatching.start,
    "start-across": dispatching.start_across,
    "drain": dispatching.throughput,
    "postgres-submit": postgres.submit,
    "postgres-claim": postgres.claim_and_complete,
    "postgres-claim-two": postgres.two_processes,
    "postgres-start": postgres.start_across,
    "choose": choosing.claims,
    "simulation": simulation.fleet,
    "idle": idle.lanes,
    "generate": http.generate,
    "list": http.pages,
    "list-million": http.million,
    "list-models": http.model_page,
    "memory": memory.flat,
    "scan": scanning.first,
    "scan-again": scanning.again,
    "scan-memory": scanning.memory,
    "hash": hashing.one,
    "hash-two": hashing.two_at_once,
    "download": downloading.speed,
    "download-memory": downloading.memory,
    "resolve": resolving.one,
    "models-page": catalogue.first_page,
    "models-save": catalogue.save,
    "identify": identifying.requests,
    "sidecars": sidecars.write,
    "import": importing.ours_and_requests,
}

ONLY_IF_ASKED = frozenset({"list-million"})
"""These take minutes: name them, or say ``--full``."""


def main() -> None:
    """Measure what was asked for; a missed figure is no error, for this is a report."""
    options = _options()
    effort = Effort(quick=options.quick, folder=options.folder)
    names = options.names or [n for n in BENCHMARKS if options.full or n not in ONLY_IF_ASKED]
    measured: dict[str, Sequence[Figure]] = {}
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        measured[name] = BENCHMARKS[name](effort)
    print(table([figure for figures in measured.values() for figure in figures]))
    if options.json:
        options.json.write_text(_as_json(measured, effort), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Speed figures, each beside a floor that is measured in the same run.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"all, or some of: {', '.join(BENCHMARKS)}"
    )
    parser.add_argument("--quick", action="store_true", help="only see whether everything works")
    parser.add_argument(
        "--full", action="store_true", help=f"with {', '.join(sorted(ONLY_IF_ASKED))} too"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--folder", type=Path, help="measure the disk that this folder is on")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no such figure: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return options


def _as_json(measured: Mapping[str, Sequence[Figure]], effort: Effort) -> str:
    report = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        "quick": effort.quick,
        "figures": [
            {"benchmark": name, **asdict(figure)}
            for name, figures in measured.items()
            for figure in figures
        ],
    }
    return json.dumps(report, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    main()
