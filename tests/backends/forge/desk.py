"""One ForgeBackend before one simulated Forge: what the tests of this folder stand on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stablequeue_core.backends import Generation, Prepared
from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.errors import BackendError
from stablequeue_core.generation import ParamLimits, parse_params
from stablequeue_core.models import NOTHING_KNOWN, KnownFiles
from stablequeue_core.servers import Server
from stablequeue_core.settings import Settings
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge
from stablequeue_core.transport import Abort, Request, Response, StreamedResponse, Transport

PONY = "Pony/cyberrealisticPony_v8.safetensors"
SDXL = "sd_xl_base_1.0.safetensors"
TXT2IMG = "POST /sdapi/v1/txt2img"
INTERRUPT = "POST /sdapi/v1/interrupt"
SMALL = {"positive_prompt": "a lighthouse", "width": 64, "height": 64, "steps": 4, "seed": 7}
PATIENCE = Settings(connect_timeout=2.0, answer_timeout=2.0)


class Desk:
    """A simulated server, and the backend that speaks with it."""

    def __init__(
        self,
        forge: SimulatedForge | None = None,
        *,
        url: str = "http://laptop:7860",
        auth: tuple[str, str] | None = None,
        settings: Settings = PATIENCE,
        transport: Callable[[Transport], Transport] = lambda direct: direct,
        known: KnownFiles = NOTHING_KNOWN,
    ) -> None:
        self.forge = forge or SimulatedForge.with_sample_models()
        username, password = auth or (None, None)
        self.server = Server(alias="Laptop", api_url=url, username=username, password=password)
        carrier = transport(ForgeSimulator(self.forge))
        self.backend = ForgeBackend(self.server, carrier, settings, known)

    def prepare(self, **params: Any) -> Prepared:
        """A small job, in the server's words."""
        request = parse_params({**SMALL, **params}, ParamLimits())
        return self.backend.prepare(request, self.backend.inventory())

    def generate(self, prepared: Prepared, task_id: str = "task(ours)") -> Generation:
        """Run what was prepared."""
        return self.backend.generate(prepared, task_id=task_id, abort=Abort())

    def run(self, task_id: str = "task(ours)", **params: Any) -> Generation:
        """Run a small job."""
        return self.generate(self.prepare(**params), task_id)

    def start(self, task_id: str = "task(ours)", **params: Any) -> Running:
        """Run a small job on another thread."""
        prepared = self.prepare(**params)
        return Running(lambda: self.generate(prepared, task_id))

    @property
    def sent(self) -> Any:
        """The body of the last txt2img request that the server saw."""
        return [seen.body for seen in self.forge.requests if seen.path.endswith("/txt2img")][-1]

    @property
    def jobs_sent(self) -> int:
        """How many txt2img requests the server saw."""
        return self.forge.counts[TXT2IMG]

    @property
    def painted_with(self) -> str:
        """The checkpoint that really made the last picture."""
        return self.forge.rendered[-1].checkpoint


class Running:
    """A job on another thread."""

    def __init__(self, work: Callable[[], Generation]) -> None:
        self._outcome: Generation | BackendError | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], Generation]) -> None:
        try:
            self._outcome = work()
        except BackendError as error:
            self._outcome = error

    def result(self) -> Generation:
        """What came of it; raises what it raised."""
        self._thread.join(10)
        assert not self._thread.is_alive(), "the job still runs"
        assert self._outcome is not None, "the job ended with a foreign error"
        if isinstance(self._outcome, BackendError):
            raise self._outcome
        return self._outcome


class Between(Transport):
    """A transport that hands every answer to ``change`` before it goes on."""

    def __init__(self, inner: Transport, change: Callable[[Request, Response], Response]) -> None:
        self._inner = inner
        self._change = change

    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        return _Whole(self._change(request, self._inner.send(request, abort=abort)))

    def close(self) -> None:
        self._inner.close()


class _Whole(StreamedResponse):
    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.headers = response.headers
        self._body = response.body

    def chunks(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None:
        """Nothing to close."""


def answering(path: str, body: object, status: int = 200) -> Callable[[Transport], Transport]:
    """The answer of one route is always this: bytes as they are, all else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    def change(request: Request, response: Response) -> Response:
        asked = request.url.partition("?")[0]
        return Response(status=status, body=raw) if asked.endswith(path) else response

    return lambda inner: Between(inner, change)


def editing_info(**changes: Any) -> Callable[[Transport], Transport]:
    """The ``info`` of every txt2img answer is changed: what a server that errs would say."""

    def edit(body: dict[str, Any]) -> None:
        info = json.loads(body["info"])
        info.update(changes)
        body["info"] = json.dumps(info)

    return editing_answer(edit)


def editing_answer(edit: Callable[[dict[str, Any]], None]) -> Callable[[Transport], Transport]:
    """Every txt2img answer is changed."""

    def change(request: Request, response: Response) -> Response:
        if not request.url.endswith("/txt2img") or response.status != 200:
            return response
        body = response.json()
        edit(body)
        return Response(status=200, body=json.dumps(body).encode())

    return lambda inner: Between(inner, change)


def overrides(**options: Any) -> Mapping[str, Any]:
    """Parameters that override options of the server."""
    return {"override_settings": options}
