"""One simulated Forge, with handles for tests to pull."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.testing.forge_simulator.api import Api
from stablequeue_core.testing.forge_simulator.diary import Diary, RenderedPicture, SeenRequest
from stablequeue_core.testing.forge_simulator.disk import ForgeDisk
from stablequeue_core.testing.forge_simulator.engine import Engine
from stablequeue_core.testing.forge_simulator.exchange import Answer, Incoming
from stablequeue_core.testing.forge_simulator.faults import Faults
from stablequeue_core.testing.forge_simulator.human import HumanJob
from stablequeue_core.testing.forge_simulator.link import Link
from stablequeue_core.testing.forge_simulator.loader import Costs, Loader
from stablequeue_core.testing.forge_simulator.memory import Memory
from stablequeue_core.testing.forge_simulator.names import (
    CheckpointTable,
    Folders,
    LoraTable,
    ModuleTable,
)
from stablequeue_core.testing.forge_simulator.options import ForgeOptions
from stablequeue_core.testing.forge_simulator.process import ServerProcess
from stablequeue_core.testing.forge_simulator.routes import Phase, ServerMode
from stablequeue_core.testing.forge_simulator.sample_models import sample_disk
from stablequeue_core.testing.forge_simulator.studio import Studio


class SimulatedForge:
    """A Stable Diffusion WebUI Forge, quirks included, without a graphics card.

    It answers as the real one does, and paints small landscapes where the real one makes
    pictures: the same request gives the same picture. Talk to it in-process with
    ForgeSimulator, or over HTTP with ForgeServer. Thread-safe.

    Attributes:
        disk: the files; put there what you like, the server notices it as late as a real one.
        faults: accidents on order.
        memory: how much there is, and how it fills. Change freely.
        costs: how long loading, hashing and each step take; nothing by default. Change freely.

    Example::

        forge = SimulatedForge.with_sample_models(seconds_per_step=0.1)
        with ForgeServer(forge) as server:
            print(server.url)
    """

    def __init__(
        self,
        disk: ForgeDisk | None = None,
        *,
        separator: str = "/",
        no_hashing: bool = False,
        api: bool = True,
        webui: bool = True,
        api_auth: tuple[str, str] | None = None,
        seconds_per_step: float = 0.0,
        load_seconds: float = 0.0,
        hash_seconds: float = 0.0,
        picture_bytes: int = 0,
        extensions: Iterable[str] = (),
        worker_threads: int = 40,
        remember: int = 10_000,
        clock: Clock | None = None,
    ) -> None:
        r"""Start a server; it is ready at once.

        Args:
            disk: its files; an empty disk by default.
            separator: ``/``, or ``\`` for a server on Windows.
            no_hashing: as with ``--no-hashing``: titles never gain a hash.
            api: False for a server without ``--api``.
            webui: False for a server with ``--nowebui``.
            api_auth: the user and password of ``--api-auth``.
            seconds_per_step: how long one sampling step takes.
            load_seconds: how long loading another model takes.
            hash_seconds: how long hashing takes, at a checkpoint's first load.
            picture_bytes: pad every PNG to this size.
            extensions: always-on scripts that are installed besides the stock ones.
            worker_threads: so many requests are worked on at once; the others hang.
            remember: how many requests and pictures are kept for tests to look at.
            clock: what job time stamps are read from; the computer's own by default.
        """
        root = "C:\\forge" if separator == "\\" else "/home/user/forge"
        folders = Folders(root=root, separator=separator)
        self.disk = disk or ForgeDisk()
        self.costs = Costs(
            seconds_per_step=seconds_per_step, load_seconds=load_seconds, hash_seconds=hash_seconds
        )
        self._engine = Engine(clock or SystemClock())
        self._diary = Diary(self._engine.changed, remember)
        self.faults = Faults(self._engine.changed)
        self.memory = Memory()
        checkpoints = CheckpointTable(self.disk, folders)
        self._studio = Studio(
            checkpoints=checkpoints,
            loras=LoraTable(self.disk, folders),
            modules=ModuleTable(self.disk, folders),
            options=ForgeOptions(),
            loader=Loader(self.disk, checkpoints, self.costs, self.memory, hashing=not no_hashing),
            memory=self.memory,
            costs=self.costs,
            dice=random.Random(0),
            rendered=self._diary.note_picture,
        )
        self._process = ServerProcess(
            engine=self._engine,
            studio=self._studio,
            api=Api(
                engine=self._engine,
                studio=self._studio,
                disk=self.disk,
                picture_bytes=picture_bytes,
                extensions=frozenset(name.lower() for name in extensions),
            ),
            mode=ServerMode(api=api, webui=webui, api_auth=api_auth),
            faults=self.faults,
            diary=self._diary,
            worker_threads=worker_threads,
        )

    @classmethod
    def with_sample_models(cls, **settings: Any) -> Self:
        """A server with a few checkpoints, LoRAs, modules and an embedding; see ``sample_disk``.

        Args:
            settings: the keyword arguments of SimulatedForge.
        """
        return cls(sample_disk(), **settings)

    def handle(self, incoming: Incoming) -> Answer:
        """Answer one request; comes back when Forge would answer, however long that takes."""
        return self._process.handle(incoming)

    @property
    def link(self) -> Link:
        """The network to the server; whoever carries requests watches it."""
        return self._process.link

    # What happened

    @property
    def requests(self) -> list[SeenRequest]:
        """What was asked, the latest of it, oldest first."""
        return self._diary.log.requests()

    @property
    def rendered(self) -> list[RenderedPicture]:
        """Every picture that was made, received or not, the latest of them, oldest first."""
        return self._diary.rendered()

    @property
    def pictures(self) -> int:
        """How many pictures were made since the beginning, those no longer remembered included."""
        return self._diary.pictures

    @property
    def counts(self) -> Counter[str]:
        """How often each request was made: ``counts["POST /sdapi/v1/txt2img"]``."""
        return self._diary.log.counts()

    # What is going on

    @property
    def active_task(self) -> str | None:
        """The id of the task that really runs now; a failed one does not."""
        return self._engine.active_task

    @property
    def waiting_tasks(self) -> list[str]:
        """The ids of the tasks that wait in line."""
        return list(self._engine.tasks.pending)

    @property
    def loading(self) -> bool:
        """Whether the running job loads its model."""
        return self._engine.loading

    @property
    def sampling_step(self) -> int:
        """The sampling step that the running job is in, counted from 0."""
        return self._engine.state.sampling_step

    @property
    def loaded_checkpoint(self) -> str | None:
        """The name of the checkpoint in memory, without its hash."""
        loaded = self._studio.loader.loaded
        return None if loaded is None else loaded.name

    def option(self, name: str) -> Any:
        """The value of an option that is in force."""
        return self._studio.options[name]

    # Handles

    @property
    def phase(self) -> Phase:
        """How far start-up has come.

        Setting it to DOWN kills the process: running jobs are lost, requests in flight get no
        answer, and what was not saved is forgotten. Setting it to another phase starts it again.
        """
        return self._process.phase

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self._process.enter(phase)

    def restart(self, *, down: float = 0.0, opening: float = 0.0, partial: float = 0.0) -> None:
        """Kill the process and start it again. Returns at once; without times, it is ready then.

        Args:
            down: seconds for which connections are refused.
            opening: seconds for which the port is open, but the API is 404.
            partial: seconds for which the API answers, but is not complete.
        """
        if down or opening or partial:
            self._process.restart(
                ((down, Phase.OPENING), (opening, Phase.PARTIAL), (partial, Phase.READY))
            )
        else:
            self._process.enter(Phase.DOWN)
            self._process.enter(Phase.READY)

    @contextmanager
    def unplugged(self) -> Iterator[None]:
        """Pull the network cable inside the block: no connections, but jobs go on."""
        self._process.plug(False)
        try:
            yield
        finally:
            self._process.plug(True)

    def held(self, step: int = 0, *, loading: bool = False) -> AbstractContextManager[None]:
        """Keep jobs where they are inside the block; an interrupt or a skip gets them out.

        Args:
            step: no job goes on from this sampling step, or from a later one that it has reached.
            loading: hold jobs while they load their model, instead.

        Example::

            with forge.held(step=5):
                ...                                    # send a job from another thread
                forge.wait_until(lambda forge: forge.sampling_step == 5)
        """
        return self._engine.held(step, loading=loading)

    def wait_until(self, condition: Callable[[Self], object], timeout: float = 5.0) -> None:
        """Wait until ``condition`` is true of this server.

        Args:
            condition: looked at whenever something changes in the server.
            timeout: seconds.

        Raises:
            TimeoutError: it did not come true in time.
        """
        with self._engine.changed:
            if not self._engine.changed.wait_for(lambda: bool(condition(self)), timeout):
                raise TimeoutError(f"The simulated server did not get there in {timeout} seconds.")

    def human_job(self, steps: int = 20) -> HumanJob:
        """Somebody at the web UI makes a picture: it stands in line like every other job."""
        job = HumanJob(
            self._engine, self.costs, steps=steps, number=self._studio.dice.getrandbits(32)
        )
        job.start()
        return job

    def press_interrupt(self) -> None:
        """Somebody at the web UI presses Interrupt."""
        self._engine.interrupt()

    def pause(self, seconds: float) -> None:
        """Wait for ``seconds``, or until the process dies."""
        with self._engine.changed:
            life = self._engine.life
            self._engine.changed.wait_for(lambda: self._engine.life != life, seconds)
