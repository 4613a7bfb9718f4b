"""What jobs cost on which server: learned from each that is finished, shared by all processes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.costing.learned import ALL, LearnedCosts
from stablequeue_core.errors import AmbiguousModel, ModelNotFound, StorageError
from stablequeue_core.models import Model, ModelKind, checkpoint_stem, split_hash
from stablequeue_core.servers import Cost, CostStore

logger = logging.getLogger(__name__)

BELIEVED = 5.0
"""Seconds until what other processes have learned is read again."""

HELD_BACK = 5.0
"""Seconds between two times that what was learned is written down: a lane that runs many small jobs
would write more of what they cost than of what came of them."""

FAMILY_BELIEVED = 600.0
"""Seconds until the catalogue is asked again for a checkpoint's family."""

MOST_NAMES = 2048
"""So many checkpoints' families are remembered; whoever queues more asks for them again."""


class CostBook:
    """What jobs cost on which server. Safe to use from several threads.

    What it says is an estimate: a storage or a catalogue that cannot be asked now only makes it
    worse. Nothing is asked of them while somebody claims a job, see :meth:`refresh`.

    Args:
        store: who remembers.
        family_of: the family of a checkpoint's base model, by whatever name a job gives it; None
            where that is not known. See :func:`families_of`.
        clock: the time.
    """

    def __init__(
        self, store: CostStore, family_of: Callable[[str], str | None], *, clock: Clock
    ) -> None:
        self._store = store
        self._family_of = family_of
        self._clock = clock
        self._lock = threading.Lock()
        self._known = LearnedCosts()
        self._learned = 0
        self._unsaved: dict[tuple[str, str], Cost] = {}
        self._saved_at: float | None = None
        self._read_at: float | None = None
        self._families: dict[str, tuple[str, float]] = {}
        self._wanted: set[str] = set()

    def refresh(self) -> None:
        """Read what others have learned, if that was long ago, and what the catalogue can tell.

        The other questions are answered from memory, as a choice that is made inside a transaction
        must not ask a store; so whoever is about to claim, or to explain, calls this before.
        """
        now = self._clock.monotonic()
        with self._lock:
            is_due = self._read_at is None or now - self._read_at >= BELIEVED
            if is_due:
                self._read_at = now
            wanted, self._wanted = self._wanted, set()
            learned = self._learned
        try:
            for name in wanted:
                self._note_family(name, self._family_of(name), now)
            if is_due:
                # What is held back would be forgotten for what was known before.
                self._save(now)
                known = LearnedCosts(self._store.all())
                with self._lock:
                    if learned == self._learned:
                        self._known = known
        except StorageError as error:
            logger.debug("What jobs cost cannot be read now; the last estimates stand. %s", error)

    def close(self) -> None:
        """Write down what was learned a moment ago; nobody finishes a job any more."""
        try:
            self._save(self._clock.monotonic())
        except StorageError as error:
            logger.debug("What the last jobs have cost cannot be kept. %s", error)

    def seconds(self, server: str, checkpoint: str | None, effort: float) -> float:
        """How long ``server`` works on a job of so many megapixel-steps, its checkpoint loaded."""
        return self._known.seconds(server, self._family(checkpoint), effort)

    def load(self, server: str, checkpoint: str | None) -> float:
        """How long ``server`` takes to load this checkpoint; nothing, where any will do."""
        if checkpoint is None:
            return 0.0
        return self._known.load(server, self._family(checkpoint))

    def is_learned(self, server: str, checkpoint: str | None) -> bool:
        """Whether an ordinary job like this has shown the server's own pace; small ones do not."""
        return self._known.is_learned(server, self._family(checkpoint))

    def learn(
        self,
        server: str,
        checkpoint: str | None,
        *,
        effort: float,
        seconds: float,
        was_loaded: bool,
    ) -> None:
        """A server has finished a job.

        It counts here at once; it is written down then, too, or a few seconds later.

        Args:
            server: its alias.
            checkpoint: of the job.
            effort: how much there was to do, in megapixel-steps.
            seconds: how long it took, loading included.
            was_loaded: whether the checkpoint was loaded before.
        """
        if not 0 <= seconds < float("inf"):
            return
        self._family(checkpoint)  # so that the catalogue is asked now, if it was not yet
        self.refresh()
        family = self._family(checkpoint)
        with self._lock:
            self._learned += 1
            self._known, changed = self._known.after(
                server, family, effort=effort, seconds=seconds, was_loaded=was_loaded
            )
            self._unsaved.update({(cost.server, cost.family): cost for cost in changed})
            now = self._clock.monotonic()
            is_due = self._saved_at is None or now - self._saved_at >= HELD_BACK
        if is_due:
            try:
                self._save(now)
            except StorageError as error:
                logger.debug("What a job has cost cannot be kept now. %s", error)

    def forget(self, server: str) -> None:
        """A server is gone, or has another name now: write down nothing more of it."""
        with self._lock:
            self._unsaved = {
                of: cost for of, cost in self._unsaved.items() if cost.server != server
            }

    def _save(self, now: float) -> None:
        """Write down what is held back.

        Raises:
            StorageError: it is still held back.
        """
        with self._lock:
            unsaved, self._unsaved = self._unsaved, {}
            if unsaved:
                self._saved_at = now
        try:
            for cost in unsaved.values():
                self._store.save(cost)
        except StorageError:
            with self._lock:
                self._unsaved = {**unsaved, **self._unsaved}
            raise

    def _family(self, checkpoint: str | None) -> str:
        """What it is remembered under; the catalogue is asked later, outside of any transaction."""
        if checkpoint is None:
            return ALL
        found = self._families.get(checkpoint)
        if found is None or self._clock.monotonic() - found[1] >= FAMILY_BELIEVED:
            with self._lock:
                self._wanted.add(checkpoint)
        return found[0] if found else checkpoint_stem(checkpoint)

    def _note_family(self, name: str, family: str | None, now: float) -> None:
        with self._lock:
            if len(self._families) >= MOST_NAMES:
                self._families.clear()
            self._families[name] = family or checkpoint_stem(name), now


def families_of(find: Callable[[str, ModelKind], Model]) -> Callable[[str], str | None]:
    """The family of a checkpoint, by the catalogue.

    Args:
        find: finds a model by its name and kind, as ``ModelCatalog.get`` does.
    """

    def family_of(name: str) -> str | None:
        try:
            return find(split_hash(name)[0], ModelKind.CHECKPOINT).base_model.family.label
        except (ModelNotFound, AmbiguousModel):
            return None

    return family_of
