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
from stablequeue_core.backends.forge.answers import answered, error_of, pictures_of
from stablequeue_core.backends.forge.client import PROGRESS, ForgeClient, status_of
from stablequeue_core.backends.forge.cure import cures
from stablequeue_core.backends.forge.lists import CHECKPOINTS, checkpoints_of, inventory_of
from stablequeue_core.backends.forge.names import ServerNames
from stablequeue_core.backends.forge.options import OptionGuard
from stablequeue_core.backends.forge.payload import prepare
from stablequeue_core.backends.forge.proof import lora_hashes, prove
from stablequeue_core.backends.forge.tasks import Tasks
from stablequeue_core.errors import (
    AnswerLost,
    BackendError,
    CheckpointUnreadable,
    ForeignInterrupt,
    ServerPoisoned,
    WrongResult,
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

_LOOKS = 3
_PAUSE = 0.2
"""So often, and after so many seconds, a server that has just made a picture is asked again."""


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
        self._interrupted: set[str] = set()

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
        self._check_complete(images, info, prepared.picture_count, task_id, abort)
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
        # The mark of an interrupt is gone as soon as the next job begins, so it is looked for
        # while ours is the active one.
        if report.state is TaskState.ACTIVE and _is_interrupted(self._tasks.state()):
            self._interrupted.add(task_id)
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

    def _txt2img(self, payload: Mapping[str, Any], task_id: str, abort: Abort) -> Response:
        overrides = self._options.complete(payload.get("override_settings") or {})
        body = {**payload, "override_settings": overrides, "force_task_id": task_id}
        response = self._client.send_once(TXT2IMG, body, abort)
        if response.status != 200:
            raise error_of(response, self._server.alias)
        return response

    def _check_complete(
        self, images: list[str], info: Mapping[str, Any], count: int, task_id: str, abort: Abort
    ) -> None:
        """An interrupted run answers 200 with unfinished pictures, or too few, and no mark."""
        state = self._state_afterwards(abort)
        ours = state.get("job_timestamp") == info.get("job_timestamp")
        seen = task_id in self._interrupted
        self._interrupted.discard(task_id)
        if seen or (ours and _is_interrupted(state)):
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

    def _state_afterwards(self, abort: Abort) -> Mapping[str, Any]:
        """The server's state after a run; what cannot be asked is unknown, never all right."""
        for _ in range(_LOOKS):
            try:
                return self._tasks.state()
            except BackendError:
                abort.wait(_PAUSE)
        raise AnswerLost(
            f"Server {self._server.alias!r} answered, but could not be asked whether somebody had "
            "interrupted the job."
        )

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


def _is_interrupted(state: Mapping[str, Any]) -> bool:
    return bool(state.get("interrupted") or state.get("skipped"))
