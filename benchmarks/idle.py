"""What a queue costs that has nothing to do."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.report import Figure

PERCENT = 1.0
PERCENT_STUCK = 5.0


def lanes(effort: Effort) -> Sequence[Figure]:
    """The share of a core that many lanes take, without a job, and with jobs that none can run.

    It is measured for longer than it takes to ask every server how it feels.
    """
    servers, jobs = effort.pick(100, 5), effort.pick(10_000, 50)
    return [
        _idle(effort, f"{servers} lanes idle", servers, 0, PERCENT),
        _idle(
            effort,
            f"{servers} lanes, {jobs:,} jobs that none can run",
            servers,
            jobs,
            PERCENT_STUCK,
        ),
    ]


def _idle(effort: Effort, name: str, servers: int, jobs: int, reach: float) -> Figure:
    with (
        effort.workplace() as folder,
        Child("forge_process", "0") as forge,
        Child("idle_process", forge.greeting, str(folder), str(servers), str(jobs)) as queue,
    ):
        percent: float = queue.ask({"seconds": effort.pick(65, 1)})["percent"]
    return Figure(
        name=name,
        unit="% of a core",
        ours=percent,
        reach=f"≤ {reach:g} % of a core",
        met=percent <= reach,
    )
