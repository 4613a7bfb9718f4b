"""The link to one server: what speaks with it, what it has, how it feels."""

from __future__ import annotations

import logging
import random

from attrs import evolve

from stablequeue_core.backends import Backend, Prepared
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.links.circuit import Circuit
from stablequeue_core.dispatch.links.lists import KnownLists
from stablequeue_core.dispatch.links.loaded import Loaded
from stablequeue_core.dispatch.links.orphans import has_stopped
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.errors import BackendError, NotOnServer
from stablequeue_core.generation import GenerationRequest
from stablequeue_core.jobs import Job
from stablequeue_core.servers import Inventories, Server, ServerHealth, ServerStatus
from stablequeue_core.settings import Settings

logger = logging.getLogger(__name__)

PROBE_MOMENTS = 5
"""At so many moments of the time after which an idle server is asked, some of them are."""

PROBE_EACH = 8
"""Of so many looks at an idle server, one asks for all that it can tell; the others for a sign."""


class Link(KnownLists):
    """The link to one server. Used by its lane, but for what says otherwise.

    Args:
        server: which one.
        backend: speaks with it.
        reporter: is told how it feels.
        inventories: is shown what it has.
        costs: is told what its jobs have cost.
        clock, settings: the time, and every knob.

    Attributes:
        circuit: how long it is not to be asked.
    """

    def __init__(
        self,
        server: Server,
        backend: Backend,
        *,
        reporter: Reporter,
        inventories: Inventories,
        costs: CostBook,
        clock: Clock,
        settings: Settings,
    ) -> None:
        super().__init__(server, backend, inventories, clock, settings)
        self.circuit = Circuit(clock, settings)
        self._reporter = reporter
        self._costs = costs
        self._loaded = Loaded()
        self._orphans: list[str] = []
        self._complaint: str | None = None
        self._signs = 0
        self._heard()

    @property
    def is_well(self) -> bool:
        """Whether a job can be sent to the server as far as we know. Any thread may ask."""
        return not self.circuit.wait and self.are_known and not self._orphans

    @property
    def answers(self) -> bool:
        """Whether it answers when it is asked about the job that it runs. Any thread may ask."""
        return self._reporter.health.unanswered_since is None

    @property
    def probe_in(self) -> float:
        """Seconds until a server that has nothing to do is to be asked how it feels."""
        return max(0.0, self._probe_at - self._clock.monotonic())

    def leads_to(self, server: Server) -> bool:
        """Whether it still leads to this server: its address, password or name may be new."""
        here, there = self.server, server
        return (here.alias, here.api_url, here.auth) == (there.alias, there.api_url, there.auth)

    def ready(self) -> bool:
        """Whether the server can be given a job now; asks it when nothing certain is known."""
        if self.circuit.wait:
            return False
        return self.are_known or self.ask()

    def ask(self) -> bool:
        """Ask the server how it feels and what it has; whether it is well."""
        health = self._probe()
        if health is None:
            return False
        try:
            self.look_again()
        except BackendError as error:
            self.failed(error)
            return False
        self._feels(health)
        return True

    def feel(self) -> bool:
        """Ask the server how it feels, and nothing else; whether it is well."""
        health = self._probe()
        if health is not None:
            self._feels(health)
        return health is not None

    def keep_in_touch(self) -> bool:
        """The same for a server that has nothing to do: a sign of life is enough, mostly."""
        self._signs += 1
        if self._signs % PROBE_EACH == 0 or not self.backend.is_still_well():
            return self.feel()
        self._heard()
        self._reporter.heard()
        return True

    def leave_behind(self, task_id: str) -> None:
        """The answer of this task was lost: the server may still be at work on it."""
        self._orphans.append(task_id)

    def is_free(self) -> bool:
        """Whether the server works on nothing of ours; what was left behind is interrupted."""
        try:
            self._orphans = [t for t in self._orphans if not has_stopped(self.backend, t)]
        except BackendError as error:
            self.failed(error)
        return not self._orphans

    def failed(self, error: BackendError) -> None:
        """The server was found unreachable, or not to be trusted for a while."""
        health = self.backend.probe()
        if health.status is ServerStatus.ONLINE:
            health = evolve(health, last_error=error.message)
        self._lose(health)

    def complain(self, sentence: str) -> None:
        """Something is wrong with the server, though it works; told until it is better."""
        self._complaint = sentence
        self._reporter.feels(evolve(self._reporter.health, last_error=sentence))

    def worked(self, checkpoint: str | None) -> None:
        """The server has just made a picture, with this checkpoint (None: it did not tell)."""
        self.circuit.succeeded()
        self._heard()
        self._reporter.heard()
        self._complaint = None
        if checkpoint and not self._loaded.has(checkpoint):
            health = evolve(
                self._reporter.health,
                status=ServerStatus.ONLINE,
                loaded_checkpoint=self._note_loaded(checkpoint),
                last_error=None,
                checked_at=self._clock.now(),
            )
            self._reporter.feels(health)

    def finished(
        self, job: Job, request: GenerationRequest, seconds: float, was_loaded: bool
    ) -> None:
        """The server has finished a job: learn what such jobs cost.

        Args:
            job: as it was kept.
            request: what was asked for.
            seconds: from sending it until the pictures were there.
            was_loaded: whether the server had its checkpoint in its memory before.
        """
        self._costs.learn(
            self.server.alias,
            job.checkpoint,
            effort=request.pixel_steps,
            seconds=seconds,
            was_loaded=was_loaded,
        )

    def prepare(self, request: GenerationRequest) -> Prepared:
        """Put a request into the server's words; a name that is new is looked for on its disk.

        Raises:
            NotOnServer: the server lacks something even after it looked at its folders again.
            RequestRefused: for another reason.
            ServerUnreachable: it cannot be asked now.
        """
        try:
            return self.backend.prepare(request, self.inventory())
        except NotOnServer as error:
            logger.info("%s Asking the server to look at its folders again.", error.message)
        return self.backend.prepare(request, self.refresh())

    def is_loaded(self, checkpoint: str | None) -> bool:
        """Whether this checkpoint is in the server's memory; None asks for no certain one."""
        return self._loaded.has(checkpoint)

    def _heard(self) -> None:
        """The server has just answered; a hundred of them are not to be asked all at once.

        Nor one by one: a thread that wakes up alone needs nearly twice as long for a request as one
        that follows another. So there are moments, and each is asked at the one next to its time.
        """
        age = self._settings.probe_age
        moment = age / PROBE_MOMENTS
        probe_at = self._clock.monotonic() + age * random.uniform(0.8, 1.2)
        self._probe_at = round(probe_at / moment) * moment

    def _note_loaded(self, said: str) -> str:
        return self._loaded.note(said, self._lists.inventory if self._lists else None)

    def _probe(self) -> ServerHealth | None:
        """How the server feels; None when it is not well, which was told then."""
        health = self.backend.probe()
        self._heard()
        if health.status is ServerStatus.ONLINE:
            return health
        self._lose(health)
        return None

    def _feels(self, health: ServerHealth) -> None:
        """The server is well."""
        if health.loaded_checkpoint:
            title = self._note_loaded(health.loaded_checkpoint)
            health = evolve(health, loaded_checkpoint=title)
        health = evolve(health, last_error=health.last_error or self._complaint)
        self._reporter.feels(health, self._free_bytes())

    def _free_bytes(self) -> int | None:
        """Memory that the server's computer has left; None when it does not tell."""
        try:
            memory = self.backend.memory()
        except BackendError:
            return None
        return memory.ram_free if memory else None

    def _lose(self, health: ServerHealth) -> None:
        """The server is not to be given any jobs for a while."""
        if health.status is not self._reporter.health.status:
            logger.warning(
                "Server %r is %s. %s", self.server.alias, health.status, health.last_error
            )
        self.forget()
        self._complaint = None
        self._reporter.feels(health)
        if health.status is ServerStatus.STARTING:
            self.circuit.starts()
        else:
            self.circuit.failed()
