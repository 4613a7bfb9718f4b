"""Whatever three processes do to one queue, no job waits while a server is free."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from tests.worlds import PONY, SDXL, World, with_settings

from stablequeue_core import Job, JobStatus, StableQueue
from stablequeue_core.testing.forge_simulator import Phase, SimulatedForge

ALIASES = ("Attic", "Cellar", "Tower")
SOON = 5.0
"""Seconds; nobody looks for what was overlooked for an hour."""

ROUNDS = 40


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_once_all_obstacles_are_gone_every_job_runs_soon(tmp_path: Path, seed: int) -> None:
    world = World(
        tmp_path,
        {alias: SimulatedForge.with_sample_models() for alias in ALIASES},
        settings=with_settings(
            probe_age=3600.0, inventory_age=3600.0, split_batches=True, split_smallest=2
        ),
    )
    with world.open() as worker, world.open(dispatch=False) as web:
        chance = random.Random(seed)
        for _ in range(ROUNDS):
            everybody = [world.queue, worker, web]
            play_a_round(world, everybody, chance)
    world.close()


def play_a_round(world: World, everybody: list[StableQueue], chance: random.Random) -> None:
    """Jobs and obstacles in any order, from anybody; then every obstacle is removed."""
    jobs: list[Job] = []
    held: list[Job] = []

    def anybody() -> StableQueue:
        return chance.choice(everybody)

    def submit() -> None:
        target = chance.choice(["auto", "auto:studio", *ALIASES])
        if target == "auto:studio":
            anybody().servers.update("Attic", {"tags": ["studio"]})
        asked = {"width": 64, "height": 64, "steps": 1, "num_images": chance.choice([1, 1, 4])}
        names = {"positive_prompt": "x", "checkpoint_name": chance.choice([SDXL, PONY])}
        later = datetime.now(UTC) + timedelta(seconds=chance.random() * 0.3)
        hold = chance.random() < 0.2
        job = anybody().submit(
            target,
            {**asked, **names},
            priority=chance.randint(0, 2),
            hold=hold,
            not_before=chance.choice([None, None, later]),
        )
        jobs.append(job)
        held.extend([job] if hold else [])

    obstacles: list[Callable[[str], object]] = [
        lambda alias: anybody().servers.pause(alias),
        lambda alias: anybody().servers.update(alias, {"enabled": False}),
        lambda alias: anybody().servers.update(alias, {"tags": [chance.choice("abc")]}),
        lambda alias: anybody().pause(),
        lambda alias: setattr(world.forges[alias], "phase", Phase.DOWN),
    ]
    for _ in range(chance.randint(2, 8)):
        if chance.random() < 0.6:
            submit()
        else:
            chance.choice(obstacles)(chance.choice(ALIASES))

    remedies: list[Callable[[], object]] = [
        lambda: anybody().resume(),
        lambda: anybody().servers.update("Attic", {"tags": ["studio"]}),
        *(partial(anybody().release, job.id) for job in held),
    ]
    for alias in ALIASES:
        remedies.append(partial(anybody().servers.update, alias, {"enabled": True}))
        remedies.append(partial(anybody().servers.resume, alias))
        if world.forges[alias].phase is Phase.DOWN:
            remedies.append(partial(setattr, world.forges[alias], "phase", Phase.READY))
    chance.shuffle(remedies)
    for remove in remedies:
        remove()
    web = everybody[-1]
    world.until(lambda: all(web.get(job.id).status.ended for job in jobs), SOON)
    assert {web.get(job.id).status for job in jobs} <= {JobStatus.COMPLETED}
