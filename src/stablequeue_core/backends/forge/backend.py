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
    MemoryReport,
    Prepared,
    TaskReport,
    TaskState,
)
from stablequeue_core.backends.forge.answers import answered, error_of, pictures_of
from stablequeue_core.backends.forge.client import PROGRESS, ForgeClient, status_of
from stablequeue_core.backends.forge.cure import cures
from stablequeue_core.backends.forge.interrupts import Interrupts
from stablequeue_core.backends.forge.lists import CHECKPOINTS, checkpoints_of, inventory_of
from stablequeue_core.backends.forge.memory import memory_of, unload
from stablequeue_core.backends.forge.names import ServerNames
from stablequeue_core.backends.forge.options import OptionGuard
from stablequeue_core.backends.forge.payload import prepare
from stablequeue_core.backends.forge.proof import lora_hashes, prove
from stablequeue_core.backends.forge.tasks import Tasks
from stablequeue_core.errors import (
    BackendError,
    CheckpointUnreadable,
    ServerPoisoned,
)
from stablequeue_core.generation import GenerationRequest, Requirements
from stablequeue_core.models import NOTHING_KNOWN, KnownFiles
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


class ForgeBackend(Backend):
    """Speaks with one Forge server. Safe to use from several threads at once.

    Args:
        server: where it is, and how to log in.
        transport: who carries the requests.
        settings: how patient to be.
        known: what the local catalogue knows of hashes and Civitai versions.

    Example::

        forge = ForgeBackend(server, RequestsTransport(), Settings())
        prepared = forge.prepare(request, forge.inventory())
        pictures = forge.generate(prepared, task_id="task(1)", abort=Abort()).pictures
    """

    def __init__(
        self,
        server: Server,
        transport: Transport,
        settings: Settings,
        known: KnownFiles = NOTHING_KNOWN,
    ) -> None:
        self._server = server
        self._known = known
        self._client = ForgeClient(server, transport, settings)
        self._tasks = Tasks(self._client)
        self._options = OptionGuard(self._read_options)
        self._lock = threading.Lock()
        self._names: tuple[Inventory, ServerNames] | None = None
        self._hashed: dict[str, ListedCheckpoint] = {}
        self._interrupts = Interrupts(self._tasks, server.alias)

    def probe(self) -> ServerHealth:
        """How the server feels now. Never raises: what went wrong is part of the answer."""
        now = datetime.now(UTC)
        try:
            self._client.get(PROGRESS)
            loaded = self._read_options().get("sd_model_checkpoint")
            return ServerHealth(
                status=ServerStatus.ONLINE,
                loaded_checkpoint=_text(loaded),
                queue_depth=self._queue_depth(),
                checked_at=now,
            )
        except BackendError as error:
            return ServerHealth(status=status_of(error), last_error=error.message, checked_at=now)

    def is_still_well(self) -> bool:
        """Whether a server that was well is so still: one request. Never raises."""
        try:
            self._client.get(PROGRESS)
        except BackendError:
            return False
        return True

    def inventory(self) -> Inventory:
        """What the server has, asked anew.

        Raises:
            ServerUnreachable: it cannot be asked now.
            GarbledAnswer: it is no Forge.
        """
        self._hashed.clear()
        return inventory_of(self._client)

    def refresh(self) -> None:
        """Make the server look at its folders again; waits behind the jobs that run there.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        for what in ("checkpoints", "vae", "loras"):
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
        self._interrupts.check(images, info, prepared.picture_count, task_id, abort)
        asked = self._provable(prepared.asked, info)
        return Generation(
            pictures=tuple(pictures_of(images, info, prepared.picture_count, self._server.alias)),
            info=info,
            proof=prove(asked, info, self._server.alias),
            loaded_checkpoint=_text(info.get("sd_model_name")),
        )

    def task(self, task_id: str) -> TaskReport:
        """Where the server has this task.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        report = self._tasks.report(task_id)
        if report.state is TaskState.ACTIVE:
            self._interrupts.look(task_id)
        return report

    def interrupt(self, task_id: str) -> bool:
        """Stop this task, and nothing else: only while the server says that it is the active one.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        return self._tasks.interrupt(task_id)

    def cure(self, prepared: Prepared, inventory: Inventory, abort: Abort) -> bool:
        """Heal a server that lost its model: only a run with another checkpoint helps.

        Raises:
            BackendError: the attempt failed.
        """
        for payload in cures(prepared, inventory):
            try:
                self._txt2img(payload, f"task(stablequeue-cure-{time.time_ns()})", abort)
            except (CheckpointUnreadable, ServerPoisoned):
                continue
            return True
        return False

    def memory(self) -> MemoryReport | None:
        """How much memory the server has left; None where it cannot tell.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        return memory_of(self._client)

    def unload(self, abort: Abort) -> bool:
        """Make the server unload its model, unless it is making a picture for anybody.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        if self._tasks.state().get("job") or self._queue_depth():
            return False
        return unload(self._client, abort)

    def _txt2img(self, payload: Mapping[str, Any], task_id: str, abort: Abort) -> Response:
        overrides = self._options.complete(payload.get("override_settings") or {})
        body = {**payload, "override_settings": overrides, "force_task_id": task_id}
        response = self._client.send_once(TXT2IMG, body, abort)
        if response.status != 200:
            raise error_of(response, self._server.alias)
        return response

    def _provable(self, asked: Mapping[str, Any], info: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was asked, by what the server can prove."""
        provable = dict(asked)
        checkpoint = asked.get("checkpoint")
        if isinstance(checkpoint, ListedCheckpoint) and not checkpoint.shorthash:
            provable["checkpoint"] = self._with_hash(checkpoint, info)
        if "loras" in asked and not lora_hashes(info) and not self._tells_loras():
            del provable["loras"]
        return provable

    def _with_hash(self, checkpoint: ListedCheckpoint, info: Mapping[str, Any]) -> ListedCheckpoint:
        """Before its first load the server had no hash to compare by; now it has one.

        It is asked for once, and remembered until the lists are fetched anew.
        """
        if not info.get("sd_model_hash"):
            return checkpoint
        if checkpoint.name not in self._hashed:
            try:
                listed = checkpoints_of(self._client.get(CHECKPOINTS))
            except BackendError:
                return checkpoint
            self._hashed.update({now.name: now for now in listed if now.shorthash})
        return self._hashed.get(checkpoint.name, checkpoint)

    def _tells_loras(self) -> bool:
        """Whether the server writes the hashes of LoRAs into its answers, as it does by default."""
        try:
            return self._read_options().get("lora_add_hashes_to_infotext") is not False
        except BackendError:
            return True

    def _names_in(self, inventory: Inventory) -> ServerNames:
        with self._lock:
            if self._names is None or self._names[0] is not inventory:
                names = ServerNames(self._server.alias, inventory, self._known)
                self._names = (inventory, names)
            return self._names[1]

    def _queue_depth(self) -> int | None:
        pending = self._client.get_or_none(PENDING_TASKS)
        size = pending.get("size") if isinstance(pending, Mapping) else None
        return size if isinstance(size, int) else None

    def _read_options(self) -> Mapping[str, Any]:
        """Empty where the server cannot tell: one option of a wrong type makes it answer 500."""
        options = self._client.get_or_none("/sdapi/v1/options", absent=(404, 500))
        return options if isinstance(options, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
