"""Whether memory stays flat while big pictures pass through."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.memory_process import MEGABYTE
from benchmarks.report import Figure

DRIFT_MB = 10.0


def flat(effort: Effort) -> Sequence[Figure]:
    """How far memory strays from where it was after the first two hundred jobs."""
    jobs, block = effort.pick(2000, 20), effort.pick(100, 5)
    picture_bytes = effort.pick(2 * MEGABYTE, 64 * 1024)
    with (
        effort.workplace() as folder,
        Child("forge_process", str(picture_bytes)) as forge,
        Child("memory_process", forge.greeting, str(folder), str(jobs), str(block)) as runner,
    ):
        levels: list[float] = runner.greeting
    settled = levels[2:]
    drift = max((level - settled[0] for level in settled), key=abs, default=0.0)
    return [
        Figure(
            name=f"memory over {jobs:,} jobs of {picture_bytes / MEGABYTE:.2g} MB",
            unit="MB drift",
            ours=drift,
            reach=f"± {DRIFT_MB:g} MB after the first {2 * block}",
            met=abs(drift) <= DRIFT_MB,
        )
    ]
