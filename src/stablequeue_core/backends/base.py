"""The seam: who makes pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from stablequeue_core.errors import BackendError
from stablequeue_core.generation import GenerationRequest, ImageFormat, Progress, Requirements
from stablequeue_core.servers import Inventory, ServerHealth
from stablequeue_core.transport import Abort


@frozen(kw_only=True)
class Prepared:
    """A request in one server's own words, ready to be sent.

    Attributes:
        payload: what is sent.
        asked: what the answer must prove, by subject: ``checkpoint``, ``sampler`` ...
        resolutions: how each name was found, for people: ``"x → Pony/x.safetensors (same stem)"``.
        picture_count: how many pictures must come back.
    """

    payload: Mapping[str, Any]
    asked: Mapping[str, Any] = field(factory=dict)
    resolutions: tuple[str, ...] = ()
    picture_count: int = 1


@frozen(kw_only=True)
class Picture:
    """One finished picture: its bytes as the server sent them, told by them what it is."""

    data: bytes = field(repr=lambda data: f"<{len(data)} bytes>")
    format: ImageFormat
    seed: int


@frozen(kw_only=True)
class Generation:
    """What a server answered.

    Attributes:
        pictures: the finished pictures, without a grid.
        info: what the server says of them.
        proof: what was compared, as ``{"checkpoint": {"asked": …, "got": …}, …}``.
        loaded_checkpoint: what the server has in its memory now, None when it does not tell.
    """

    pictures: tuple[Picture, ...]
    info: Mapping[str, Any]
    proof: Mapping[str, Any] = field(factory=dict)
    loaded_checkpoint: str | None = None


class TaskState(StrEnum):
    """Where a server has a task of ours.

    ``UNKNOWN`` says nothing: a server remembers only its last few tasks, and none after a restart.
    ``BUSY`` is the most that a server without task ids can say: something runs, perhaps ours.
    """

    QUEUED = "queued"
    ACTIVE = "active"
    COMPLETED = "completed"
    UNKNOWN = "unknown"
    BUSY = "busy"


@frozen(kw_only=True)
class TaskReport:
    """What a server says of one task."""

    state: TaskState
    progress: Progress | None = None


@frozen(kw_only=True)
class MemoryReport:
    """How much memory a server has left, in bytes; None: it does not tell.

    Attributes:
        ram_free: of its computer's memory. Forge counts only what it takes itself, so there may be
            less: other programs take some, too.
        ram_total: all of it.
        cuda_free: of its graphics card's memory.
        cuda_total: all of that.
    """

    ram_free: int | None = None
    ram_total: int | None = None
    cuda_free: int | None = None
    cuda_total: int | None = None


class Backend(ABC):
    """Speaks with one server that makes pictures. Safe to use from several threads at once.

    Only errors of the :class:`~stablequeue_core.errors.BackendError` branch leave it.
    """

    @abstractmethod
    def probe(self) -> ServerHealth:
        """How the server feels now. Never raises: what went wrong is part of the answer."""

    def is_still_well(self) -> bool:
        """Whether a server that was well is so still, asked in the cheapest way. Never raises.

        False is no diagnosis: whoever hears it probes the server.
        """
        return False

    @abstractmethod
    def inventory(self) -> Inventory:
        """What the server has, asked anew.

        Raises:
            ServerUnreachable: it cannot be asked now.
            GarbledAnswer: what answers there is no such server.
        """

    @abstractmethod
    def refresh(self) -> None:
        """Make the server look at its folders again, for files that are new.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """

    @abstractmethod
    def prepare(self, request: GenerationRequest, inventory: Inventory) -> Prepared:
        """Put ``request``, with its seeds drawn, into this server's own words. Asks nobody.

        Raises:
            NotOnServer: the server lacks something; the error lists what it has, nearest first.
            AmbiguousName: a name fits several of its files.
        """

    @abstractmethod
    def missing(self, requirements: Requirements, inventory: Inventory) -> Sequence[BackendError]:
        """What the server lacks to run a job, each as the error that running it would give.

        Empty when the server can run it. Asks nobody.
        """

    @abstractmethod
    def generate(self, prepared: Prepared, *, task_id: str, abort: Abort) -> Generation:
        """Make the pictures; returns when they are there and proved to be what was asked for.

        Raises:
            RequestRefused: the job's own fault.
            ServerUnreachable: nothing ran.
            ServerFault: it ran and broke.
            AnswerLost: it may or may not have run, or still be running.
            WrongResult: the server made something else.
        """

    @abstractmethod
    def task(self, task_id: str) -> TaskReport:
        """Where the server has this task.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """

    @abstractmethod
    def interrupt(self, task_id: str) -> bool:
        """Stop this task, and nothing else: only while the server says that it is the active one.

        Returns:
            whether an interrupt was sent.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """

    @abstractmethod
    def cure(self, prepared: Prepared, inventory: Inventory, abort: Abort) -> bool:
        """Try to heal a server that fails every job since a checkpoint failed to load.

        Returns:
            whether there was anything to try; run the job again to see if it helped.

        Raises:
            BackendError: the attempt failed.
        """

    def memory(self) -> MemoryReport | None:
        """How much memory the server has left; None where it cannot tell.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        return None

    def unload(self, abort: Abort) -> bool:
        """Make the server take its models out of its memory; the next job brings its own back.

        Left alone while somebody's picture is being made there: it may need them.

        Returns:
            whether the server did; False where that cannot be done, or not now.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        return False
