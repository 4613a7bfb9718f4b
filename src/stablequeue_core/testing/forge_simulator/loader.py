"""Loading checkpoints, and how a bad one poisons the server."""

from __future__ import annotations

from attrs import define

from stablequeue_core.testing.forge_simulator.disk import ForgeDisk
from stablequeue_core.testing.forge_simulator.engine import Job, Killed
from stablequeue_core.testing.forge_simulator.exchange import JobError
from stablequeue_core.testing.forge_simulator.memory import Memory
from stablequeue_core.testing.forge_simulator.names import Checkpoint, CheckpointTable


@define(kw_only=True)
class Costs:
    """How long things take, in seconds."""

    seconds_per_step: float = 0.0
    load_seconds: float = 0.0
    hash_seconds: float = 0.0


class Loader:
    """Keeps one model in memory; only a job loads it.

    Forge compares what the next job needs with what it loaded *successfully* last. After a failed
    load there is no model, but for the previous checkpoint that comparison still says "nothing to
    do": every job for it fails, until one for another checkpoint or other modules has run.
    """

    def __init__(
        self,
        disk: ForgeDisk,
        table: CheckpointTable,
        costs: Costs,
        memory: Memory,
        *,
        hashing: bool,
    ) -> None:
        self.loaded: Checkpoint | None = None
        self._disk = disk
        self._table = table
        self._costs = costs
        self._memory = memory
        self._hashing = hashing
        self._loaded_for: tuple[str, tuple[str, ...]] | None = None

    def unload(self) -> None:
        """Start afresh, as a new process does."""
        self.loaded = None
        self._loaded_for = None

    def fail(self) -> JobError:
        """A load that failed: there is no model in memory now, see above."""
        self.loaded = None
        return JobError("ValueError", "Failed to recognize model type!")

    def ensure(self, wanted: Checkpoint | None, modules: list[str], job: Job) -> Checkpoint:
        """Have ``wanted`` in memory, with ``modules``.

        Raises:
            JobError: there is no such model, or it cannot be read, or the server is poisoned.
        """
        if wanted is None:
            raise JobError("ValueError", "You do not have any model!")
        needed = (wanted.path, tuple(modules))
        if needed == self._loaded_for:
            if self.loaded is None:
                raise JobError(
                    "AttributeError", "'NoneType' object has no attribute 'sd_checkpoint_info'"
                )
            return self.loaded
        self.loaded = None
        self._memory.load()
        job.load(self._costs.load_seconds)
        if self._memory.is_exceeded:
            raise Killed
        file = self._disk.checkpoint(wanted.path)
        if file is None or file.broken:
            self._disk.quarantine(wanted.path)
            raise self.fail()
        if self._hashing and wanted.sha256 is None:
            job.load(self._costs.hash_seconds)
            self._table.hash(wanted, file.sha256)
        self.loaded = wanted
        self._loaded_for = needed
        return wanted
