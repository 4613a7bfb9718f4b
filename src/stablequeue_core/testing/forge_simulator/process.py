"""The server's process: it starts, it answers, it dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from stablequeue_core.testing.forge_simulator.api import Api
from stablequeue_core.testing.forge_simulator.diary import Diary
from stablequeue_core.testing.forge_simulator.engine import Died, Engine, Killed
from stablequeue_core.testing.forge_simulator.exchange import (
    LOST,
    Answer,
    Delivery,
    Incoming,
    JobError,
    Refusal,
    error_answer,
    refusal_answer,
)
from stablequeue_core.testing.forge_simulator.faults import (
    AFTERWARDS,
    INSTEAD,
    Fault,
    Faults,
    out_of_memory,
)
from stablequeue_core.testing.forge_simulator.link import Link
from stablequeue_core.testing.forge_simulator.routes import Phase, Router, ServerMode, Visit
from stablequeue_core.testing.forge_simulator.studio import Studio


class ServerProcess:
    """Answers requests, as far as its start-up has come and its worker threads allow."""

    def __init__(
        self,
        *,
        engine: Engine,
        studio: Studio,
        api: Api,
        mode: ServerMode,
        faults: Faults,
        diary: Diary,
        worker_threads: int,
    ) -> None:
        self.link = Link()
        self._engine = engine
        self._studio = studio
        self._router = Router(mode, api.routes())
        self._mode = mode
        self._faults = faults
        self._diary = diary
        self._worker_threads = worker_threads
        self._busy_threads = 0
        self._phase = Phase.READY
        self._unplugged = False
        self._wake_up()

    def handle(self, incoming: Incoming) -> Answer:
        """Answer one request; comes back when Forge would answer, however long that takes."""
        with self._engine.changed:
            if self._phase is Phase.DOWN:
                return Answer(delivery=Delivery.REFUSED)
            releases = self._faults.releases
            fault = self._faults.take(incoming.path)
            visit = Visit(incoming=incoming, fault=fault, life=self._engine.life, phase=self._phase)
            self._diary.note_request(incoming.method, incoming.path, incoming.body)
        try:
            if fault is None:
                return self._answer(visit)
            if fault.fault is Fault.HANG:
                self._engine.wait_for(lambda: self._faults.releases != releases, visit.life)
                return LOST
            if fault.fault in INSTEAD:
                return INSTEAD[fault.fault]
            answer = self._answer(visit)
        except Died:
            return LOST
        except Killed:
            self.enter(Phase.DOWN)
            return LOST
        spoil = AFTERWARDS.get(fault.fault)
        return answer if spoil is None else spoil(answer, fault.pause)

    def _answer(self, visit: Visit) -> Answer:
        try:
            with self._worker_thread(visit.life):
                if visit.struck_by(Fault.OUT_OF_MEMORY) and not visit.runs_a_job:
                    raise out_of_memory()
                return self._router.dispatch(visit)
        except Refusal as refusal:
            return refusal_answer(refusal)
        except JobError as error:
            return error_answer(error)

    @contextmanager
    def _worker_thread(self, life: int) -> Iterator[None]:
        engine = self._engine
        with engine.changed:
            engine.wait_for(lambda: self._busy_threads < self._worker_threads, life)
            self._busy_threads += 1
        try:
            yield
        finally:
            with engine.changed:
                if engine.life == life:
                    self._busy_threads -= 1
                    engine.changed.notify_all()

    @property
    def phase(self) -> Phase:
        """How far start-up has come."""
        return self._phase

    def enter(self, phase: Phase) -> None:
        """Start, go on starting, or die."""
        with self._engine.changed:
            before, self._phase = self._phase, phase
            if phase is Phase.DOWN:
                self._engine.die()
                self._busy_threads = 0
                self._studio.forget()
            elif before is Phase.DOWN:
                self._wake_up()
            self._engine.changed.notify_all()
        self._set_link()

    def restart(self, times: Sequence[tuple[float, Phase]]) -> None:
        """Die, then enter each phase after its seconds, on a thread of its own."""
        self.enter(Phase.DOWN)
        threading.Thread(
            target=self._start_up,
            args=(times, self._engine.life),
            name="forge-start-up",
            daemon=True,
        ).start()

    def plug(self, plugged: bool) -> None:
        """Pull the network cable, or put it back."""
        self._unplugged = not plugged
        self._set_link()

    def _set_link(self) -> None:
        self.link.set(self._phase is not Phase.DOWN and not self._unplugged)

    def _start_up(self, times: Sequence[tuple[float, Phase]], life: int) -> None:
        reached = Phase.DOWN
        for seconds, phase in times:
            try:
                self._engine.wait_for(lambda: False, life, seconds)
            except Died:
                return
            if self._phase is not reached:
                return  # somebody moved on by hand
            self.enter(phase)
            reached = phase

    def _wake_up(self) -> None:
        studio = self._studio
        for table in (studio.checkpoints, studio.loras, studio.modules):
            table.refresh()
        first = studio.checkpoints.chosen(None)
        if self._mode.webui and first and studio.options["sd_model_checkpoint"] is None:
            studio.options.set({"sd_model_checkpoint": first.title})
