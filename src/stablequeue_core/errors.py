"""Every error that StableQueue raises, in one family.

::

    StableQueueError
    ├── InvalidParams            the request to make a picture is wrong; lists every bad field
    ├── InvalidServer            a server's description is wrong; lists every bad field
    ├── InvalidSettings          a setting is wrong; lists every bad one
    ├── InvalidInfotext          a text or a picture that tells of no parameters
    ├── NotFound
    │   ├── JobNotFound
    │   ├── ServerNotFound
    │   ├── ImageNotFound
    │   ├── ModelNotFound
    │   └── PreviewNotFound
    ├── Conflict                 the request is sound, but the present state forbids it
    │   ├── IllegalTransition
    │   │   ├── JobNotCancellable
    │   │   └── JobNotRetryable
    │   ├── JobStillRunning      its server has not confirmed that it stopped
    │   ├── StaleJob             someone else changed the job first
    │   ├── IdempotencyKeyReused
    │   ├── ServerExists
    │   ├── ServerInUse
    │   ├── AmbiguousModel       the name fits several model files
    │   └── NoModelFolders       there is nothing to scan
    ├── QueueClosed
    ├── InternalError            a defect of StableQueue itself
    ├── WaitTimedOut
    ├── StorageError             what remembers the queue failed
    │   ├── StorageBusy
    │   ├── StorageFull
    │   ├── StorageReadOnly
    │   ├── StorageCorrupt
    │   └── StorageTooNew
    ├── ImageStoreError          a picture could not be written
    │   └── DiskFull
    ├── ModelFileError           a model file, or one beside it, cannot be read or written
    │   ├── UnreadableModel      what it is instead is told by its code
    │   └── SidecarNotWritten
    ├── TransportError           HTTP did not carry our request or its answer
    │   ├── ConnectFailed        nothing was sent
    │   ├── ConnectionLost       sent, but the answer never came: what happened is unknown
    │   ├── ReadTimedOut         the same, by our own patience
    │   ├── TransferAborted      we hung up ourselves
    │   └── AnswerTooLarge
    └── BackendError             a server that makes pictures said no, or something else
        ├── RequestRefused       the job's own fault: running it again cannot help
        │   ├── NotOnServer      a checkpoint, LoRA, sampler ... that the server does not have
        │   ├── AmbiguousName    two of its files fit the name
        │   └── CheckpointUnreadable
        ├── ServerUnreachable    nothing ran; does not use up an attempt
        │   ├── ServerStarting
        │   ├── Unauthorized
        │   └── ApiDisabled
        ├── ServerFault          it ran and broke: worth another try
        │   ├── OutOfMemory
        │   ├── ServerPoisoned
        │   ├── GarbledAnswer
        │   └── Stalled
        ├── AnswerLost           it may or may not have run: ask before running again
        ├── WrongResult          it answered 200 with a picture nobody asked for
        └── ForeignInterrupt     somebody else pressed Interrupt

Each error carries a stable ``code`` for programs and builds its own sentence for people.
Nothing here knows of HTTP status codes; the web adapter owns that table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from attrs import frozen

_MOST_NAMES = 3
"""A sentence names no more; the details have them all."""

_MOST_CANDIDATES = 10
"""Of things that fit equally well, among which the user has to find theirs."""


@frozen
class FieldProblem:
    """One thing wrong with one field: where it is and what to do about it."""

    path: str
    message: str


class StableQueueError(Exception):
    """The root of the family.

    Attributes:
        code: a stable snake_case name for programs.
        details: data for programs; never holds a secret or a path of the machine.
    """

    code: str = "error"

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.details: dict[str, Any] = dict(details or {})

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self.args[0])


class _InvalidFields(StableQueueError):
    _subject: ClassVar[str]

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(
            f"{self._subject} {first.path}: {first.message}{more}",
            {"fields": [{"path": p.path, "message": p.message} for p in self.problems]},
        )


class InvalidParams(_InvalidFields):
    """The request to make a picture cannot be accepted; ``problems`` lists every bad field."""

    code = "invalid_params"
    _subject = "Invalid parameter"


class InvalidServer(_InvalidFields):
    """A server's description cannot be accepted; ``problems`` lists every bad field."""

    code = "invalid_server"
    _subject = "Invalid server field"


class InvalidSettings(_InvalidFields):
    """A setting cannot be used; ``problems`` lists every bad one."""

    code = "invalid_settings"
    _subject = "Invalid setting"


class InvalidInfotext(StableQueueError):
    """The text, or the picture, does not tell how it was made."""

    code = "invalid_infotext"


class NotFound(StableQueueError):
    """What was named does not exist."""

    code = "not_found"


class JobNotFound(NotFound):
    """No job has this id."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} not found.", {"job_id": job_id})


class ServerNotFound(NotFound):
    """No server has this alias."""

    code = "server_not_found"

    def __init__(self, alias: str, known: Sequence[str] = ()) -> None:
        hint = f" Known servers: {', '.join(known)}." if known else " No server is configured yet."
        super().__init__(
            f"Server {alias!r} not found.{hint}", {"alias": alias, "known": list(known)}
        )


class ImageNotFound(NotFound):
    """No picture has this name."""

    code = "image_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"Image {name!r} not found.", {"name": name})


class ModelNotFound(NotFound):
    """No model file fits the name."""

    code = "model_not_found"

    def __init__(self, wanted: str, hint: str = "") -> None:
        super().__init__(f"Model {wanted!r} not found.{hint and ' ' + hint}", {"model": wanted})


class PreviewNotFound(NotFound):
    """The model has no such preview, or what should be it cannot be shown."""

    code = "preview_not_found"

    def __init__(self, model: str, index: int, count: int, *, file: str | None = None) -> None:
        """Tell what is missing.

        Args:
            model: the model's file name.
            index: of the preview that was asked for.
            count: how many previews the model was found with.
            file: the name of the file that should be this preview, and is no picture or film.
        """
        if file is not None:
            sentence = (
                f"What should be preview {index} of {model!r} ({file!r}) is no picture or film; "
                "replace or delete it."
            )
        elif 0 <= index < count:
            sentence = f"Preview {index} of {model!r} is not there any more; scan its folder again."
        else:
            has = {0: "none", 1: "one (index 0)"}.get(count, f"{count} (index 0 to {count - 1})")
            sentence = f"Model {model!r} has no preview {index}; it has {has}."
        super().__init__(sentence, {"model": model, "index": index, "count": count})


class Conflict(StableQueueError):
    """The request is sound, but the present state forbids it."""

    code = "conflict"


class IllegalTransition(Conflict):
    """A job cannot go from its present status to the wanted one; nothing was changed."""

    code = "illegal_transition"
    _sentence = "Job {job_id} is {present} and cannot become {wanted}."

    def __init__(self, job_id: str, present: str, wanted: str) -> None:
        super().__init__(
            self._sentence.format(job_id=job_id, present=present, wanted=wanted),
            {"job_id": job_id, "status": present, "wanted": wanted},
        )


class JobNotCancellable(IllegalTransition):
    """The job has already ended."""

    code = "job_not_cancellable"
    _sentence = "Job {job_id} has already ended ({present}); there is nothing to cancel."


class JobNotRetryable(IllegalTransition):
    """Only a failed or cancelled job can be tried again."""

    code = "job_not_retryable"
    _sentence = "Job {job_id} is {present}; only a failed or cancelled job can be tried again."


class JobStillRunning(Conflict):
    """The job's server has not confirmed that it stopped."""

    code = "job_still_running"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"Job {job_id} is still running: its server has not confirmed the cancel yet. "
            "Try again in a moment.",
            {"job_id": job_id},
        )


class StaleJob(Conflict):
    """Someone else changed the job first; nothing of this change was kept."""

    code = "stale_job"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"Job {job_id} was changed by someone else meanwhile; read it again.",
            {"job_id": job_id},
        )


class IdempotencyKeyReused(Conflict):
    """The same key was used before with another body."""

    code = "idempotency_key_reused"

    def __init__(self, key: str) -> None:
        super().__init__(
            "This Idempotency-Key was used before with another request; use a new key.",
            {"key": key},
        )


class ServerExists(Conflict):
    """The alias is taken."""

    code = "server_exists"

    def __init__(self, alias: str) -> None:
        super().__init__(f"A server named {alias!r} exists already.", {"alias": alias})


class ServerInUse(Conflict):
    """The server still has pending or running jobs."""

    code = "server_in_use"

    def __init__(self, alias: str, open_jobs: int) -> None:
        noun = "job" if open_jobs == 1 else "jobs"
        super().__init__(
            f"Server {alias!r} still has {open_jobs} open {noun}; "
            "wait, cancel them, or delete it with force.",
            {"alias": alias, "open_jobs": open_jobs},
        )


class AmbiguousModel(Conflict):
    """The name fits several model files."""

    code = "ambiguous_model"

    def __init__(self, wanted: str, candidates: Sequence[str]) -> None:
        """Tell which files the name fits.

        Args:
            wanted: the name that was asked for.
            candidates: for each of the files a name that means it and no other.
        """
        super().__init__(
            f"{wanted!r} fits {len(candidates)} model files. Name one of these instead: "
            f"{_few(candidates, _MOST_CANDIDATES)}.",
            {"model": wanted, "candidates": list(candidates)},
        )


class NoModelFolders(Conflict):
    """No folder with models was named, so there is nothing to scan."""

    code = "no_model_folders"

    def __init__(self) -> None:
        super().__init__(
            "No model folder is configured. Name one with --checkpoints DIR or --loras DIR, with "
            "STABLEQUEUE_CHECKPOINT_DIRS or STABLEQUEUE_LORA_DIRS, or with "
            "StableQueue.open(..., checkpoints=[...], loras=[...])."
        )


class QueueClosed(StableQueueError):
    """The queue was closed; open it again."""

    code = "queue_closed"

    def __init__(self) -> None:
        super().__init__("This queue is closed; open it again with StableQueue.open(...).")


class InternalError(StableQueueError):
    """A defect of StableQueue itself; the log has the traceback."""

    code = "internal_error"

    def __init__(self, cause: BaseException) -> None:
        super().__init__(
            f"StableQueue itself failed ({type(cause).__name__}); its log has the details. "
            "Please report this."
        )


class WaitTimedOut(StableQueueError):
    """The job had not ended when the caller's patience did; the job goes on."""

    code = "wait_timed_out"

    def __init__(self, job_id: str, seconds: float, status: str) -> None:
        super().__init__(
            f"Job {job_id} is still {status} after {seconds:g} s; it goes on without you.",
            {"job_id": job_id, "seconds": seconds, "status": status},
        )


class StorageError(StableQueueError):
    """What remembers the queue failed."""

    code = "storage_error"


class StorageBusy(StorageError):
    """Another process held the database for longer than we wait."""

    code = "storage_busy"


class StorageFull(StorageError):
    """The disk that holds the database is full; nothing of this change was kept."""

    code = "storage_full"


class StorageReadOnly(StorageError):
    """The database may not be written."""

    code = "storage_read_only"


class StorageCorrupt(StorageError):
    """The file is damaged, or is not a database of ours."""

    code = "storage_corrupt"


class StorageTooNew(StorageError):
    """The database was written by a newer version of this program."""

    code = "storage_too_new"

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"The queue database has schema version {found}, but this program knows versions "
            f"up to {known}. Update StableQueue, or open another data folder.",
            {"found": found, "known": known},
        )


class ImageStoreError(StableQueueError):
    """A picture could not be written."""

    code = "image_store_error"


class DiskFull(ImageStoreError):
    """There is no room left for the picture."""

    code = "disk_full"

    def __init__(self) -> None:
        super().__init__(
            "The picture could not be saved: the disk is full. Free some space, then retry the job."
        )


class ModelFileError(StableQueueError):
    """A model file, or a file beside it, cannot be read or written."""

    code = "model_file_error"


class UnreadableModel(ModelFileError):
    """A model file is not what its name says.

    ``code`` tells what it is instead: ``empty_file``, ``truncated``, ``html_page`` ...
    """

    code = "unreadable_model"

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class SidecarNotWritten(ModelFileError):
    """The file beside a model that holds its description could not be written; it is as it was."""

    code = "sidecar_not_written"


class TransportError(StableQueueError):
    """HTTP did not carry our request or its answer."""

    code = "transport_error"


class ConnectFailed(TransportError):
    """No connection could be made; nothing was sent."""

    code = "connect_failed"


class ConnectionLost(TransportError):
    """The connection broke after the request was sent; what the server did is unknown."""

    code = "connection_lost"


class ReadTimedOut(TransportError):
    """The server did not answer within our patience; what it did is unknown."""

    code = "read_timed_out"


class TransferAborted(TransportError):
    """We hung up ourselves, on purpose."""

    code = "transfer_aborted"

    def __init__(self) -> None:
        super().__init__("The request was given up before its answer came.")


class AnswerTooLarge(TransportError):
    """The server sent more than we are willing to hold."""

    code = "answer_too_large"


class BackendError(StableQueueError):
    """A server that makes pictures did not make this one."""

    code = "backend_error"


class RequestRefused(BackendError):
    """The job's own fault: running it again cannot help."""

    code = "request_refused"


class NotOnServer(RequestRefused):
    """The server does not have what the job names; nothing was sent.

    ``code`` tells what was missing, for example ``unknown_checkpoint``.
    """

    def __init__(
        self,
        kind: str,
        wanted: str,
        available: Sequence[str],
        server: str,
        *,
        near: Sequence[str] = (),
    ) -> None:
        """Tell what is missing.

        Args:
            kind: what was looked for, in the user's words: ``checkpoint``, ``LoRA`` ...
            wanted: the name that was asked for.
            available: what the server has, nearest names first.
            server: the server's alias.
            near: those that may well have been meant, likeliest first; often there are none.
        """
        self.code = f"unknown_{kind.lower().replace(' ', '_')}"
        if near:
            hint = f"Nearest: {', '.join(near[:_MOST_NAMES])}."
        elif available:
            hint = f"It has: {_few(available, _MOST_NAMES)}."
        else:
            hint = f"It has no {kind} at all."
        super().__init__(
            f"Server {server!r} has no {kind} {wanted!r}. {hint}",
            {"kind": kind, "wanted": wanted, "available": list(available), "server": server},
        )


class AmbiguousName(RequestRefused):
    """Two or more of the server's files fit the name; nothing was sent."""

    code = "ambiguous_name"

    def __init__(self, kind: str, wanted: str, candidates: Sequence[str], server: str) -> None:
        super().__init__(
            f"{kind.capitalize()} {wanted!r} fits {len(candidates)} files on server {server!r}: "
            f"{_few(candidates, _MOST_CANDIDATES)}. Name one of them with its folder.",
            {"kind": kind, "wanted": wanted, "candidates": list(candidates), "server": server},
        )


class CheckpointUnreadable(RequestRefused):
    """The server found the checkpoint file, but could not read a model from it."""

    code = "checkpoint_unreadable"


class ServerUnreachable(BackendError):
    """The server cannot be asked now; nothing ran."""

    code = "server_unreachable"


class ServerStarting(ServerUnreachable):
    """The server's port is open, but it is not ready yet."""

    code = "server_starting"


class Unauthorized(ServerUnreachable):
    """The server wants a user name and password, or others than ours."""

    code = "unauthorized"


class ApiDisabled(ServerUnreachable):
    """The server runs, but without its API."""

    code = "no_api"


class ServerFault(BackendError):
    """The server ran the job and broke; worth another try."""

    code = "server_fault"


class OutOfMemory(ServerFault):
    """The server's graphics card, or the server itself, ran out of memory."""

    code = "out_of_memory"


class ServerPoisoned(ServerFault):
    """A checkpoint failed to load earlier, and the server fails every job since."""

    code = "server_poisoned"


class GarbledAnswer(ServerFault):
    """The server answered something that is no answer."""

    code = "garbled_answer"


class Stalled(ServerFault):
    """The server made no progress for much longer than the job should take."""

    code = "stalled"


class AnswerLost(BackendError):
    """The job was sent, but the answer never came; it may or may not have run."""

    code = "answer_lost"


class WrongResult(BackendError):
    """The server answered 200 with a picture nobody asked for.

    ``code`` tells what differed: ``wrong_model``, ``wrong_module``, ``wrong_sampler``,
    ``wrong_scheduler``, ``wrong_lora`` or ``missing_images``.
    """

    def __init__(self, code: str, message: str, asked: object, got: object) -> None:
        self.code = code
        super().__init__(message, {"asked": asked, "got": got})


class ForeignInterrupt(BackendError):
    """Somebody else interrupted the job on the server; its picture is not finished."""

    code = "foreign_interrupt"


def _few(names: Sequence[str], most: int) -> str:
    """So many of the names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
