"""The link to one server: what speaks with it, what it has, how it feels."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from attrs import evolve

from stablequeue_core.backends import Backend, Prepared
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.circuit import Circuit
from stablequeue_core.dispatch.lists import SeenLists
from stablequeue_core.dispatch.orphans import has_stopped
from stablequeue_core.errors import BackendError, NotOnServer
from stablequeue_core.generation import GenerationRequest, Requirements
from stablequeue_core.models import split_hash, stem
from stablequeue_core.servers import (
    HealthBoard,
    Inventories,
    Inventory,
    Server,
    ServerHealth,
    ServerStatus,
)
from stablequeue_core.settings import Settings

logger = logging.getLogger(__name__)


class Link:
    """The link to one server. Used by its lane, but for what says otherwise."""

    def __init__(
        self,
        server: Server,
        backend: Backend,
        *,
        health: HealthBoard,
        inventories: Inventories,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self.server = server
        self.backend = backend
        self.circuit = Circuit(clock, settings)
        self._health = health
        self._inventories = inventories
        self._clock = clock
        self._settings = settings
        self._lists: SeenLists | None = None
        self._questions: set[Requirements] = set()
        self._loaded: str | None = None
        self._orphans: list[str] = []

    @property
    def is_stale(self) -> bool:
        """Whether the server's lists are older than we believe."""
        lists = self._believed
        age = self._clock.monotonic() - lists.at if lists else 0.0
        return lists is None or age > self._settings.inventory_age

    @property
    def _believed(self) -> SeenLists | None:
        """What was seen last; None when nothing was, or when somebody has doubted it since."""
        lists = self._lists
        is_doubted = lists and lists.doubts != self._inventories.doubts(self.server)
        return None if is_doubted else lists

    def ready(self) -> bool:
        """Whether the server can be given a job now; asks it when nothing certain is known."""
        if self.circuit.wait:
            return False
        return self._believed is not None or self.ask()

    def ask(self) -> bool:
        """Ask the server how it feels and what it has; whether it is well."""
        health = self.backend.probe()
        if health.status is ServerStatus.ONLINE:
            try:
                self.look_again()
            except BackendError as error:
                self.failed(error)
                return False
            if health.loaded_checkpoint:
                title = self._note_loaded(health.loaded_checkpoint)
                health = evolve(health, loaded_checkpoint=title)
            self._health.put(self.server.alias, health)
            return True
        if health.status is not self._health.of(self.server.alias).status:
            logger.warning(
                "Server %r is %s. %s", self.server.alias, health.status, health.last_error
            )
        self._lose(health)
        return False

    def inventory(self) -> Inventory:
        """What the server has, as it was last seen.

        Raises:
            BackendError: it was never seen, and cannot be asked now.
        """
        return self._lists.inventory if self._lists else self.look_again()

    def refresh(self, looked_for: frozenset[Requirements] = frozenset()) -> Inventory:
        """Make the server look at its folders again, and fetch its lists anew.

        Args:
            looked_for: what it does that for.

        Raises:
            BackendError: it cannot be asked now.
        """
        self.backend.refresh()
        return self.look_again(looked_for)

    def look_again(self, looked_for: frozenset[Requirements] = frozenset()) -> Inventory:
        """Fetch the server's lists anew.

        Args:
            looked_for: what the server has just looked for in its folders.

        Raises:
            BackendError: it cannot be asked now.
        """
        doubts = self._inventories.doubts(self.server)
        inventory = self.backend.inventory()
        now = self._clock.monotonic()
        self._lists = SeenLists(inventory, now, doubts, looked_for, backend=self.backend)
        self._inventories.put(self.server, inventory, doubts=doubts)
        return inventory

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

    def forget(self) -> None:
        """The server's lists are not to be believed any more; ask before the next job."""
        self._lists = None
        self._inventories.doubt(self.server)

    def failed(self, error: BackendError) -> None:
        """The server was found unreachable, or not to be trusted for a while."""
        health = self.backend.probe()
        if health.status is ServerStatus.ONLINE:
            health = evolve(health, last_error=error.message)
        self._lose(health)

    def worked(self, checkpoint: str | None) -> None:
        """The server has just made a picture, with this checkpoint (None: it did not tell)."""
        self.circuit.succeeded()
        if checkpoint and checkpoint != self._loaded:
            health = evolve(
                self._health.of(self.server.alias),
                status=ServerStatus.ONLINE,
                loaded_checkpoint=self._note_loaded(checkpoint),
                last_error=None,
                checked_at=self._clock.now(),
            )
            self._health.put(self.server.alias, health)

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

    def can_run(self, requirements: Requirements) -> bool:
        """Whether the server has all of this, as far as its lists tell."""
        return self._lists is not None and not self._lists.missing(requirements)

    def lacks(self, requirements: Requirements) -> Sequence[BackendError] | None:
        """What the server lacks of this; None while its lists are not known.

        Any thread may ask.
        """
        lists = self._lists
        return lists.missing(requirements) if lists else None

    def surely_lacks(self, requirements: Requirements) -> Sequence[BackendError] | None:
        """What the server lacks of this even after it looked at its folders again for it.

        Any thread may ask. Whoever is not told has left a question: the server looks when it has
        the time, see :meth:`answer`.

        Returns:
            None while that is not known.
        """
        lists = None if self.is_stale else self._believed
        if lists is not None:
            missing = lists.missing(requirements)
            if not missing or requirements in lists.looked_for:
                return missing
        self._questions.add(requirements)
        return None

    def answer(self) -> bool:
        """Have the server look for all that somebody has asked for; whether anybody had.

        Raises:
            BackendError: it cannot be asked now.
        """
        if not self._questions or self.circuit.wait:
            return False
        asked, self._questions = self._questions, set()
        before = self._lists.looked_for if self._lists else frozenset()
        self.refresh(before | asked)
        return True

    def is_loaded(self, checkpoint: str | None) -> bool:
        """Whether this checkpoint is in the server's memory; None asks for no certain one."""
        if checkpoint is None or self._loaded is None:
            return checkpoint is None
        return stem(split_hash(checkpoint)[0]).casefold() == self._loaded.casefold()

    def _note_loaded(self, said: str) -> str:
        """Remember what the server says it has loaded; its title.

        Its options repeat whatever spelling the last job used, its answers the bare file name.
        """
        listed = self._lists.inventory.checkpoints if self._lists else ()
        for checkpoint in listed:
            if said in (checkpoint.stem, checkpoint.title, checkpoint.name, checkpoint.model_name):
                self._loaded = checkpoint.stem
                return checkpoint.title
        self._loaded = said
        return said

    def _lose(self, health: ServerHealth) -> None:
        self.forget()
        self._health.put(self.server.alias, health)
        self.circuit.failed()
