"""What can go wrong while HTTP carries something."""

from __future__ import annotations

from stablequeue_core.errors.base import StableQueueError


class TransportError(StableQueueError):
    """HTTP did not carry our request or its answer."""

    code = "transport_error"


class ConnectFailed(TransportError):
    """No connection could be made; nothing was sent."""

    code = "connect_failed"


class PrivateAddress(ConnectFailed):
    """The host lies in a private network, or is this machine, and the request is for neither."""

    code = "private_address"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} is no public address, so nothing was sent: an answer from outside must not "
            "lead into your own network. If it is meant, set "
            "STABLEQUEUE_ALLOW_PRIVATE_DOWNLOADS=1.",
            {"host": host},
        )


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
