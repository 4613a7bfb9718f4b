"""Somebody else at the same server's web UI."""

from __future__ import annotations

import threading

from stablequeue_core.testing.forge_simulator.engine import Died, Engine
from stablequeue_core.testing.forge_simulator.loader import Costs


class HumanJob(threading.Thread):
    """A picture that a human makes at the web UI; it holds the server's lock while it runs.

    Attributes:
        task_id: ``task(...)``, as the web UI makes them; ``state.job`` says the same.
    """

    def __init__(self, engine: Engine, costs: Costs, *, steps: int, number: int) -> None:
        super().__init__(name="human-job", daemon=True)
        self.task_id = f"task({number:08x})"
        self._engine = engine
        self._costs = costs
        self._steps = steps
        self._life = engine.life

    def run(self) -> None:
        """Wait in line, then go through the steps."""
        engine = self._engine
        try:
            with (
                engine.turn(self._life, self.task_id),
                engine.job(self.task_id, self.task_id, self._life) as job,
            ):
                job.count(1)
                job.sample(self._steps, self._costs.seconds_per_step)
                job.next_pass()
        except Died:
            return
