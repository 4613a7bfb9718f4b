"""A world for pages to run in: servers and models are where the pages look for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.docs.forges import Forges
from tests.worlds import stock_models

from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiServer,
    SimulatedCivitai,
)
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
def civitai() -> Iterator[CivitaiServer]:
    """A simulated Civitai, which knows the reader's key."""
    with CivitaiServer(SimulatedCivitai.with_sample_models()) as server:
        yield server


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, civitai: CivitaiServer) -> Path:
    """A folder that is the current one, as the reader of a page has it: models, nothing else.

    Civitai is the simulated one, of which the shell knows.
    """
    stock_models(tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    found = {
        "STABLEQUEUE_CIVITAI_URL": civitai.url,
        "STABLEQUEUE_CIVITAI_SECOND_URL": civitai.second_url,
        "STABLEQUEUE_ALLOW_PRIVATE_DOWNLOADS": "1",
        "CIVITAI_API_KEY": GOOD_KEY,
    }
    for name, value in {**QUICK, **found}.items():
        monkeypatch.setenv(name, value)
    return tmp_path
