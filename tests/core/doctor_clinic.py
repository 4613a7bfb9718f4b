"""What the doctor looks at, put together by hand: what its tests stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from stablequeue_core import Settings
from stablequeue_core.backends import Backend
from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.doctor import Diagnosis, Finding, Premises, Verdict, examine
from stablequeue_core.doctor.forge_traits import STOP
from stablequeue_core.events import Event, EventKind
from stablequeue_core.models import ModelRoot
from stablequeue_core.servers import Server
from stablequeue_core.storage import Storage
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge
from stablequeue_core.transport import Abort, Request, StreamedResponse, Timeouts, Transport

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM


class Clinic:
    """A queue in memory with simulated servers, to be examined.

    Attributes:
        premises: what is looked at; a test may change some of it.
    """

    def __init__(
        self,
        folder: Path,
        forges: Mapping[str, SimulatedForge] | None = None,
        *,
        storage: Storage | None = None,
        transport: Transport | None = None,
        settings: Settings | None = None,
        clock: Clock | None = None,
        roots: Sequence[ModelRoot] = (),
        environment: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "images").mkdir(exist_ok=True)
        self.clock = clock or SystemClock()
        self.storage = storage or MemoryStorage(clock=self.clock)
        given = forges or {}
        carrier = transport or ForgeSimulator({url(alias): each for alias, each in given.items()})
        settings = settings or Settings(answer_timeout=2.0, start_up_grace=0.01)
        client = CivitaiClient(carrier, settings)
        self.premises = Premises(
            folder=folder,
            images=folder / "images",
            settings=settings,
            roots=roots,
            storage=self.storage,
            file=folder / "queue.sqlite3",
            uses_file=False,
            connect=_forge(carrier, settings),
            transport=carrier,
            timeouts=Timeouts(connect=1.0, read=settings.answer_timeout),
            account=lambda abort: client.account(abort=abort),
            environment=environment or {},
            clock=self.clock,
        )
        self.premises = evolve(self.premises, **changes)
        for alias in given:
            self.add(alias)

    def add(self, alias: str, **fields: Any) -> Server:
        """Add a server."""
        server = Server(**{"alias": alias, "api_url": url(alias), **fields})
        event = Event(kind=EventKind.SERVER_ADDED, at=self.clock.now(), server=alias)
        self.storage.servers.add(server, event)
        return server

    def change(self, alias: str, **fields: Any) -> None:
        """Change a server."""
        event = Event(kind=EventKind.SERVER_CHANGED, at=self.clock.now(), server=alias)
        server = self.storage.servers.get(alias)
        self.storage.servers.replace(server, evolve(server, **fields), event)

    def examine(self) -> Diagnosis:
        """Have it examined."""
        return examine(self.premises)

    def said(self, subject: str, verdict: Verdict | None = None) -> str:
        """Everything that was found of a subject, with its verdicts."""
        return told(self.examine(), subject, verdict)


def told(diagnosis: Diagnosis, subject: str, verdict: Verdict | None = None) -> str:
    """Everything that was found of a subject, with its verdicts."""
    return "\n".join(
        f"{each.verdict}: {each.sentence} {each.advice or ''}".rstrip()
        for each in diagnosis.findings
        if each.subject == subject and verdict in (None, each.verdict)
    )


def bad(diagnosis: Diagnosis) -> Sequence[Finding]:
    """All that is not well."""
    return [each for each in diagnosis.findings if each.verdict is not OK]


def url(alias: str) -> str:
    """Where a server is."""
    return f"http://{alias.lower()}:7860"


def _forge(carrier: Transport, settings: Settings) -> Callable[[Server], Backend]:
    return lambda server: ForgeBackend(server, carrier, settings)


class StoppableForge(Transport):
    """A server that was started with ``--api-server-stop``: it has a route that takes POST."""

    def __init__(self, forge: SimulatedForge) -> None:
        self._inner = ForgeSimulator(forge)
        self.stopped = False

    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        if request.url.endswith(STOP):
            # Any method that a route does not take is answered alike, with 405.
            self.stopped = self.stopped or request.method == "POST"
            elsewhere = request.url.replace(STOP, "/sdapi/v1/txt2img")
            return self._inner.stream(evolve(request, url=elsewhere, method="GET"))
        return self._inner.stream(request)

    def close(self) -> None:
        """There is nothing to close."""
