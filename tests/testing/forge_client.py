"""A short way to talk to a simulated server in tests, and the world of the recorded answers."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    EmbeddingFile,
    ForgeDisk,
    ForgeSimulator,
    LoraFile,
    ModuleFile,
    SimulatedForge,
)
from stablequeue_core.transport import Abort, Request, Response, Timeouts

RECORDINGS = Path(__file__).parents[1] / "recordings" / "forge"
BASE = "http://127.0.0.1:28761"
PONY = "Pony/ponytest.safetensors"
PONY_SHA = "71b70b4566775cdeff3cec40e6a09d27e073488d8cc58c2f3cbb2e0c9041c457"
BASE_SHA = "72819d46453cf18a02868fbfc79eeec79c6663a7e2a035c778732b7559b2ba3d"
CAT = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64, "cfg_scale": 1, "seed": 1}


def recording(name: str) -> Any:
    """One recorded exchange with a real server."""
    return json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))


def recorded_disk() -> ForgeDisk:
    """The models folder of the server that was recorded."""
    return ForgeDisk(
        [
            CheckpointFile(path="forgetest.safetensors", sha256=BASE_SHA),
            CheckpointFile(path=PONY, sha256=PONY_SHA),
            LoraFile(path="plainlora.safetensors"),
            LoraFile(
                path="styles/testlora.safetensors",
                alias="testlora_alias",
                short_hash="dde0531cdd76",
                metadata=recording("loras")["body"][1]["metadata"],
            ),
            ModuleFile(path="VAE/testvae.safetensors"),
            EmbeddingFile(name="testemb", shape=768, vectors=2),
        ]
    )


def recorded_forge(**settings: Any) -> SimulatedForge:
    """The server that was recorded."""
    return SimulatedForge(recorded_disk(), **settings)


class Pending:
    """A request that runs on another thread."""

    def __init__(self, send: Callable[[], Response]) -> None:
        self.response: Response | None = None
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(send,), daemon=True)
        self._thread.start()

    def _run(self, send: Callable[[], Response]) -> None:
        try:
            self.response = send()
        except Exception as error:  # noqa: BLE001  # handed to the test
            self.error = error

    def result(self) -> Response:
        """The answer; raises what the request raised."""
        self._thread.join(5)
        assert not self._thread.is_alive(), "the request still hangs"
        if self.error is not None:
            raise self.error
        assert self.response is not None
        return self.response

    @property
    def done(self) -> bool:
        """Whether it has come back."""
        return not self._thread.is_alive()


class Client:
    """Sends requests to one simulated server, in-process."""

    def __init__(self, forge: SimulatedForge, auth: tuple[str, str] | None = None) -> None:
        self.forge = forge
        self._transport = ForgeSimulator(forge)
        self._auth = auth

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        abort: Abort | None = None,
        read: float | None = 5.0,
        headers: dict[str, str] | None = None,
    ) -> Response:
        request = Request(
            method=method,
            url=BASE + path,
            json=body,
            auth=self._auth,
            headers=headers or {},
            timeouts=Timeouts(read=read),
        )
        return self._transport.send(request, abort=abort)

    def get(self, path: str) -> Any:
        return self.send("GET", f"/sdapi/v1/{path}").json()

    def post(self, path: str, body: Any = None) -> Any:
        return self.send("POST", f"/sdapi/v1/{path}", body).json()

    def txt2img(self, **changes: Any) -> Any:
        response = self.send("POST", "/sdapi/v1/txt2img", CAT | changes)
        assert response.status == 200, response.body
        return response.json()

    def info(self, **changes: Any) -> Any:
        return json.loads(self.txt2img(**changes)["info"])

    def model_for(self, checkpoint: Any) -> str:
        """The model that really painted when ``checkpoint`` was asked for."""
        return str(
            self.info(override_settings={"sd_model_checkpoint": checkpoint})["sd_model_name"]
        )

    def failure(self, **changes: Any) -> tuple[int, Any]:
        response = self.send("POST", "/sdapi/v1/txt2img", CAT | changes)
        return response.status, response.json()

    def start(
        self, abort: Abort | None = None, read: float | None = 5.0, **changes: Any
    ) -> Pending:
        body = CAT | {"steps": 20} | changes
        return Pending(lambda: self.send("POST", "/sdapi/v1/txt2img", body, abort=abort, read=read))

    def task(self, task_id: str) -> Any:
        body = {"id_task": task_id, "live_preview": False}
        return self.send("POST", "/internal/progress", body).json()


def picture(encoded: str) -> Image.Image:
    """A picture from an answer."""
    return Image.open(io.BytesIO(base64.b64decode(encoded)))
