"""Speaks with one Forge server."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stablequeue_core.backends.base import (
    Backend,
    Generation,
    Prepared,
    TaskReport,
    TaskState,
)
from stablequeue_core.backends.forge import lists
from stablequeue_core.backends.forge.answers import answered, error_of, pictures_of
from stablequeue_core.backends.forge.client import (
    PROGRESS,
    TASK_PROGRESS,
    ForgeClient,
    status_of,
)
from stablequeue_core.backends.forge.names import ServerNames
from stablequeue_core.backends.forge.options import OptionGuard
from stablequeue_core.backends.forge.payload import prepare
from stablequeue_core.backends.forge.proof import prove
from stablequeue_core.errors import BackendError, ForeignInterrupt, WrongResult
from stablequeue_core.generation import GenerationRequest, Phase, Progress, Requirements
from stablequeue_core.servers import (
    Inventory,
    ListedCheckpoint,
    Server,
    ServerHealth,
    ServerStatus,
)
from stablequeue_core.settings import Settings
from stablequeue_core.transport import Abort, Response, Transport

TXT2IMG = "/sdapi/v1/txt2img"
PENDING_TASKS = "/internal/pending-tasks"
LOADING_PROGRESS = 0.01
"""What Forge answers for the whole time of loading and hashing a model."""


class ForgeBackend(Backend):
    """Speaks with one Forge server. Safe to use from several threads at once.

    Args:
        server: where it is, and how to log in.
        transport: who carries the requests.
        settings: how patient to be.

    Example::

        forge = ForgeBackend(server, RequestsTransport(), Settings())
        prepared = forge.prepare(request, forge.inventory())
        pictures = forge.generate(prepared, task_id="task(1)", abort=Abort()).pictures
    """

    def __init__(self, server: Server, transport: Transport, settings: Settings) -> None:
        self._server = server
        self._client = ForgeClient(server, transport, settings)
        self._options = OptionGuard(self._read_options)
        self._lock = threading.Lock()
        self._names: tuple[Inventory, ServerNames] | None = None

    def probe(self) -> ServerHealth:
        """How the server feels now. Never raises: what went wrong is part of the answer."""
        now = datetime.now(UTC)
        try:
            self._client.get(PROGRESS)
            loaded = self._read_options().get("sd_model_checkpoint")
            return ServerHealth(
                status=ServerStatus.ONLINE,
                loaded_checkpoint=loaded if isinstance(loaded, str) else None,
                queue_depth=self._queue_depth(),
                checked_at=now,
            )
        except BackendError as error:
            return ServerHealth(status=status_of(error), last_error=error.message, checked_at=now)

    def inventory(self) -> Inventory:
        """What the server has, asked anew.

        ``/sdapi/v1/loras`` is asked last: it is the last route to come when a server starts.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        checkpoints = lists.checkpoints_of(self._client.get("/sdapi/v1/sd-models"))
        upscalers = lists.names_of(self._client.get("/sdapi/v1/upscalers"), "name")
        latent = lists.names_of(self._client.get_or_none("/sdapi/v1/latent-upscale-modes"), "name")
        modules = lists.names_of(self._client.get_or_none("/sdapi/v1/sd-modules"), "model_name")
        return Inventory(
            checkpoints=checkpoints,
            samplers=lists.samplers_of(self._client.get("/sdapi/v1/samplers")),
            schedulers=lists.schedulers_of(self._client.get("/sdapi/v1/schedulers")),
            upscalers=(*(latent or lists.LATENT_UPSCALERS), *upscalers),
            modules=modules,
            loras=lists.loras_of(self._client.get("/sdapi/v1/loras")),
        )

    def refresh(self) -> None:
        """Make the server look at its folders again; waits behind the jobs that run there.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        for what in ("checkpoints", "loras"):
            self._client.post(f"/sdapi/v1/refresh-{what}", {}, patient=True)

    def prepare(self, request: GenerationRequest, inventory: Inventory) -> Prepared:
        """Put ``request``, with its seeds drawn, into this server's own words. Asks nobody.

        Raises:
            NotOnServer: the server lacks something; the error lists what it has, nearest first.
            AmbiguousName: a name fits several of its files.
        """
        return prepare(request, self._names_in(inventory))

    def missing(self, requirements: Requirements, inventory: Inventory) -> Sequence[BackendError]:
        """What the server lacks to run a job, each as the error that running it would give."""
        return self._names_in(inventory).missing(requirements)

    def generate(self, prepared: Prepared, *, task_id: str, abort: Abort) -> Generation:
        """Make the pictures; returns when they are there and proved to be what was asked for.

        Raises:
            RequestRefused: the job's own fault.
            ServerUnreachable: nothing ran.
            ServerFault: it ran and broke.
            AnswerLost: it may or may not have run, or still be running.
            WrongResult: the server made something else.
            ForeignInterrupt: somebody else pressed Interrupt.
        """
        response = self._txt2img(prepared.payload, task_id, abort)
        images, info = answered(response, self._server.alias)
        self._check_complete(images, info, prepared.picture_count)
        asked = self._with_hash(prepared.asked, info)
        return Generation(
            pictures=tuple(pictures_of(images, info, prepared.picture_count, self._server.alias)),
            info=info,
            proof=prove(asked, info, self._server.alias),
            loaded_checkpoint=info.get("sd_model_name"),
        )

    def task(self, task_id: str) -> TaskReport:
        """Where the server has this task.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        body = {"id_task": task_id, "live_preview": False}
        response = self._client.send("POST", TASK_PROGRESS, body)
        if response.status == 404:
            # With --nowebui there is no /internal: all that can be told is whether something runs.
            return self._task_without_ids()
        said = self._client.read(response)
        fraction = _number(said.get("progress"))
        if said.get("active"):
            # A task that failed stays "active, 0.0" until another one starts.
            if not fraction and not self._is_working():
                return TaskReport(state=TaskState.UNKNOWN)
            loading = fraction <= LOADING_PROGRESS
            progress = Progress(
                fraction=fraction,
                phase=Phase.LOADING if loading else Phase.SAMPLING,
                eta_seconds=None if loading else _number(said.get("eta")) or None,
            )
            return TaskReport(state=TaskState.ACTIVE, progress=progress)
        if said.get("queued"):
            return TaskReport(state=TaskState.QUEUED, progress=Progress(phase=Phase.QUEUED))
        if said.get("completed"):
            done = Progress(fraction=1.0, phase=Phase.FINISHED)
            return TaskReport(state=TaskState.COMPLETED, progress=done)
        return TaskReport(state=TaskState.UNKNOWN)

    def interrupted(self) -> bool:
        """Whether the run that is under way, or the last one, was interrupted by anybody.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        return bool(self._state().get("interrupted"))

    def interrupt(self, task_id: str) -> bool:
        """Stop this task, and nothing else: only while the server says that it is the active one.

        Forge's interrupt has no task id and hits whatever runs, so it is asked right before.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        if self.task(task_id).state is not TaskState.ACTIVE:
            return False
        self._client.post("/sdapi/v1/interrupt", {})
        return True

    def cure(self, prepared: Prepared, inventory: Inventory, abort: Abort) -> bool:
        """Heal a server that lost its model: only a run with another checkpoint helps.

        Raises:
            BackendError: the attempt failed.
        """
        wanted = prepared.asked.get("checkpoint")
        others = [c for c in inventory.checkpoints if c != wanted]
        if not others:
            return False
        payload = {
            "prompt": "",
            "steps": 1,
            "width": 64,
            "height": 64,
            "cfg_scale": 1,
            "override_settings": {"sd_model_checkpoint": others[0].name},
            "override_settings_restore_afterwards": False,
        }
        self._txt2img(payload, f"task(stablequeue-cure-{time.time_ns()})", abort)
        return True

    def _txt2img(self, payload: Mapping[str, Any], task_id: str, abort: Abort) -> Response:
        overrides = self._options.complete(payload.get("override_settings") or {})
        body = {**payload, "override_settings": overrides, "force_task_id": task_id}
        response = self._client.send_once(TXT2IMG, body, abort)
        if response.status != 200:
            raise error_of(response, self._server.alias)
        return response

    def _check_complete(self, images: list[str], info: Mapping[str, Any], count: int) -> None:
        """An interrupted run answers 200 with unfinished pictures, or too few, and no mark."""
        state = self._state_or_nothing()
        ours = state.get("job_timestamp") == info.get("job_timestamp")
        if (state.get("interrupted") or state.get("skipped")) and ours:
            raise ForeignInterrupt(
                f"Somebody interrupted the job on server {self._server.alias!r}; its unfinished "
                "picture was thrown away."
            )
        if len(images) < count:
            raise WrongResult(
                "missing_images",
                f"Server {self._server.alias!r} answered with {len(images)} of {count} pictures; "
                "perhaps somebody interrupted it.",
                count,
                len(images),
            )

    def _with_hash(self, asked: Mapping[str, Any], info: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before its first load the server had no hash to compare by; now it has one."""
        checkpoint = asked.get("checkpoint")
        if not isinstance(checkpoint, ListedCheckpoint) or checkpoint.shorthash:
            return asked
        if not info.get("sd_model_hash"):
            return asked
        try:
            listed = lists.checkpoints_of(self._client.get("/sdapi/v1/sd-models"))
        except BackendError:
            return asked
        for now in listed:
            if now.name == checkpoint.name:
                return {**asked, "checkpoint": now}
        return asked

    def _names_in(self, inventory: Inventory) -> ServerNames:
        with self._lock:
            if self._names is None or self._names[0] is not inventory:
                names = ServerNames(self._server.alias, inventory)
                self._names = (inventory, names)
            return self._names[1]

    def _task_without_ids(self) -> TaskReport:
        said = self._client.get(PROGRESS)
        if not _state_of(said).get("job"):
            return TaskReport(state=TaskState.UNKNOWN)
        fraction = _number(said.get("progress")) if isinstance(said, Mapping) else 0.0
        phase = Phase.LOADING if fraction <= LOADING_PROGRESS else Phase.SAMPLING
        return TaskReport(state=TaskState.BUSY, progress=Progress(fraction=fraction, phase=phase))

    def _is_working(self) -> bool:
        return bool(self._state().get("job"))

    def _state(self) -> Mapping[str, Any]:
        return _state_of(self._client.get(PROGRESS))

    def _state_or_nothing(self) -> Mapping[str, Any]:
        try:
            return self._state()
        except BackendError:
            return {}

    def _queue_depth(self) -> int | None:
        pending = self._client.get_or_none(PENDING_TASKS)
        size = pending.get("size") if isinstance(pending, Mapping) else None
        return size if isinstance(size, int) else None

    def _read_options(self) -> Mapping[str, Any]:
        """Empty where the server cannot tell: one option of a wrong type makes it answer 500."""
        options = self._client.get_or_none("/sdapi/v1/options", absent=(404, 500))
        return options if isinstance(options, Mapping) else {}


def _state_of(said: Any) -> Mapping[str, Any]:
    state = said.get("state") if isinstance(said, Mapping) else None
    return state if isinstance(state, Mapping) else {}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
