"""What an examination looks at: everything that a queue stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from stablequeue_core.backends import Backend
from stablequeue_core.civitai.records import CivitaiAccount
from stablequeue_core.clock import Clock
from stablequeue_core.errors import StableQueueError
from stablequeue_core.models import ModelRoot
from stablequeue_core.servers import Server
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage
from stablequeue_core.transport import Abort, Timeouts, Transport


@frozen(kw_only=True)
class Premises:
    """What is looked at. Nothing of it is changed.

    Attributes:
        folder: the data folder; it may be missing.
        images: the folder of the pictures.
        settings: as they are in force.
        roots: the folders with models.
        storage: who remembers the queue; None where that could not be opened.
        refusal: why it could not; None where it was not tried, or could.
        file: the SQLite file of the data folder, whether it is there or not.
        uses_file: whether that is what remembers the queue.
        connect: makes what speaks with a server.
        transport: carries requests that only a Forge understands; None where servers are others.
        timeouts: how patient those are.
        account: tells whose the key for Civitai is.
        environment: the variables of the process.
        clock: this computer's.
    """

    folder: Path
    images: Path
    settings: Settings
    roots: Sequence[ModelRoot]
    storage: Storage | None
    refusal: StableQueueError | None = None
    file: Path
    uses_file: bool
    connect: Callable[[Server], Backend]
    transport: Transport | None
    timeouts: Timeouts
    account: Callable[[Abort], CivitaiAccount]
    environment: Mapping[str, str]
    clock: Clock
