"""A world for pages to run in: servers and models are where the pages look for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.docs.forges import Forges
from tests.worlds import stock_models

from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

QUICK = {
    "STABLEQUEUE_POLL": "0.02",
    "STABLEQUEUE_CIRCUIT_BASE": "0.05",
    "STABLEQUEUE_BACKOFF_BASE": "0.05",
}
"""Pages are run with the defaults, but for how often a thing is looked at."""


@pytest.fixture
def forges() -> Iterator[Forges]:
    """Two simulated servers, a little slow, so that there is something to see."""
    with ExitStack() as stack:
        laptop, tower = (
            stack.enter_context(
                ForgeServer(SimulatedForge.with_sample_models(seconds_per_step=0.005))
            )
            for _ in range(2)
        )
        yield Forges(laptop, tower)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the current one, as the reader of a page has it: models, nothing else."""
    stock_models(tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    return tmp_path
