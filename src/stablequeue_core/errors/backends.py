"""What can go wrong on a server that makes pictures."""

from __future__ import annotations

from collections.abc import Sequence

from stablequeue_core.errors.base import MOST_CANDIDATES, MOST_NAMES, StableQueueError
from stablequeue_core.quantities import few


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
            hint = f"Nearest: {', '.join(near[:MOST_NAMES])}."
        elif available:
            hint = f"It has: {few(available, MOST_NAMES)}."
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
            f"{few(candidates, MOST_CANDIDATES)}. Name one of them with its folder.",
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
