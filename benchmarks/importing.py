"""What it costs to import us."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.timing import paired

RATIO = 1.5
_CODE = "import time; t = time.perf_counter(); import {}; print((time.perf_counter() - t) * 1000)"


def ours_and_requests(effort: Effort) -> Sequence[Figure]:
    """In fresh interpreters, against the library that everybody has."""
    pair = paired(
        lambda: _milliseconds("stablequeue_core"),
        lambda: _milliseconds("requests"),
        rounds=effort.pick(25, 2),
    )
    return [
        Figure(
            name="import stablequeue_core",
            unit="ms",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≤ {RATIO} of import requests",
            met=pair.ratio <= RATIO,
        )
    ]


def _milliseconds(module: str) -> float:
    answer = subprocess.run(
        [sys.executable, "-c", _CODE.format(module)], check=True, capture_output=True, text=True
    )
    return float(answer.stdout)
