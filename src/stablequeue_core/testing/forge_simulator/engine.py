"""The engine room: one job at a time, first come first served, step by step."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import frozen

from stablequeue_core.clock import Clock
from stablequeue_core.testing.forge_simulator.state import ProgressState, TaskIds


class Died(Exception):
    """The server's process ended while this request was in it."""


class Killed(Exception):
    """This request ends the server's process."""


@frozen(eq=False)
class _Hold:
    step: int
    loading: bool


class Engine:
    """The FIFO lock, the progress, and the holds that tests put on them.

    Everything here changes under ``changed``, which wakes whoever waits for a change.
    """

    def __init__(self, clock: Clock) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.clock = clock
        self.state = ProgressState()
        self.tasks = TaskIds()
        self.active_task: str | None = None
        self.loading = False
        self.life = 0
        self._line: deque[object] = deque()
        self._holds: list[_Hold] = []

    def die(self) -> None:
        """End the process: whoever is in it comes back with Died, and nothing is remembered."""
        with self.changed:
            self.life += 1
            self._line.clear()
            self.state = ProgressState()
            self.tasks = TaskIds()
            self.active_task = None
            self.loading = False
            self.changed.notify_all()

    def wait_for(
        self, condition: Callable[[], bool], life: int, timeout: float | None = None
    ) -> None:
        """Wait until ``condition`` holds or ``timeout`` seconds have passed.

        Raises:
            Died: the process ended meanwhile.
        """
        with self.changed:
            self.changed.wait_for(lambda: self.life != life or condition(), timeout)
            if self.life != life:
                raise Died

    def interrupt(self) -> None:
        """Stop whatever runs, at its next step; forgotten when the next job begins."""
        with self.changed:
            self.state.interrupted = True
            self.changed.notify_all()

    def skip(self) -> None:
        """Stop the present iteration of whatever runs, at its next step."""
        with self.changed:
            self.state.skipped = True
            self.changed.notify_all()

    @contextmanager
    def turn(self, life: int, task_id: str | None = None) -> Iterator[None]:
        """Wait in line for the FIFO lock, as a task if it is one; hold it inside the block."""
        ticket = object()
        with self.changed:
            if task_id is not None:
                self.tasks.enqueue(task_id)
            self._line.append(ticket)
            self.changed.notify_all()
            self.wait_for(lambda: self._line[0] is ticket, life)
        try:
            yield
        finally:
            with self.changed:
                if self._line and self._line[0] is ticket:
                    self._line.popleft()
                self.changed.notify_all()

    @contextmanager
    def held(self, step: int, *, loading: bool) -> Iterator[None]:
        """Keep every job at sampling step ``step``, or in the loading of its model."""
        hold = _Hold(step, loading)
        with self.changed:
            self._holds.append(hold)
        try:
            yield
        finally:
            with self.changed:
                self._holds.remove(hold)
                self.changed.notify_all()

    @contextmanager
    def job(self, name: str, task_id: str, life: int) -> Iterator[Job]:
        """Begin a job whose turn has come, and end it. A failed one stays the current task."""
        now = self.clock.now()
        with self.changed:
            self._check(life)
            self.state.begin(name, now.strftime("%Y%m%d%H%M%S"), self.clock.monotonic())
            self.tasks.start(task_id)
            self.active_task = task_id
            self.changed.notify_all()
        try:
            yield Job(self, life)
            with self.changed:
                self._check(life)
                self.tasks.finish(task_id)
        finally:
            with self.changed:
                if self.life == life:
                    self.state.end()
                    self.active_task = None
                    self.loading = False
                    self.changed.notify_all()

    def _check(self, life: int) -> None:
        if self.life != life:
            raise Died

    def is_held(self, step: int, *, loading: bool) -> bool:
        """Whether a job that has come so far must wait for the end of a hold."""
        return any(
            hold.loading == loading and (loading or step >= hold.step) for hold in self._holds
        )


class Job:
    """What a running job does to the engine."""

    def __init__(self, engine: Engine, life: int) -> None:
        self._engine = engine
        self._life = life

    def load(self, seconds: float) -> None:
        """Spend time on loading; an interrupt only shows when that is over."""
        engine = self._engine
        with engine.changed:
            engine.loading = True
            engine.changed.notify_all()
            engine.wait_for(
                lambda: self._stopped() or not engine.is_held(0, loading=True), self._life
            )
            if seconds:
                engine.wait_for(lambda: False, self._life, seconds)
            engine.loading = False

    def count(self, passes: int) -> None:
        """Tell how many passes the job has."""
        with self._engine.changed:
            self._engine.state.job_count = passes
            self._engine.state.sampling_step = 0

    def sample(
        self, steps: int, seconds_per_step: float, on_step: Callable[[int], None] | None = None
    ) -> bool:
        """Go through the steps of one pass; an interrupt or a skip stops it at the next step.

        Returns:
            whether every step was made.
        """
        engine = self._engine
        with engine.changed:
            engine.state.sampling_steps = steps
        for step in range(steps):
            if on_step is not None:
                on_step(step)
            if not self._make_step(step, seconds_per_step):
                return False
        return True

    def _make_step(self, step: int, seconds: float) -> bool:
        engine = self._engine
        with engine.changed:
            if self._stopped():
                return False
            engine.state.sampling_step = step
            engine.changed.notify_all()
            engine.wait_for(
                lambda: self._stopped() or not engine.is_held(step, loading=False), self._life
            )
            if seconds:
                engine.wait_for(lambda: False, self._life, seconds)
            return True

    def next_pass(self) -> None:
        """One pass is done."""
        with self._engine.changed:
            self._engine.state.next_job()

    def begin_iteration(self, name: str | None) -> bool:
        """Begin the next iteration; a skip of the last one is over, an interrupt is not.

        Returns:
            whether to go on.
        """
        with self._engine.changed:
            self._engine.state.skipped = False
            if self._engine.state.interrupted:
                return False
            if name is not None:
                self._engine.state.job = name
            return True

    def interrupt(self) -> None:
        """Somebody presses Interrupt while it runs."""
        self._engine.interrupt()

    @property
    def interrupted(self) -> bool:
        """Whether somebody pressed Interrupt."""
        return self._engine.state.interrupted

    @property
    def lost(self) -> bool:
        """Whether the process that the job ran in is gone."""
        return self._engine.life != self._life

    @property
    def timestamp(self) -> str:
        """When the job began; ``info.job_timestamp`` says the same."""
        return self._engine.state.job_timestamp

    def _stopped(self) -> bool:
        return self._engine.state.interrupted or self._engine.state.skipped
