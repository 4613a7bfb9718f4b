"""Accidents on order: what goes wrong with the next requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from enum import Enum

from attrs import frozen

from stablequeue_core.testing.forge_simulator.exchange import (
    Answer,
    Delivery,
    JobError,
)
from stablequeue_core.testing.simulated_http.orders import Orders

_HTML = "text/html; charset=utf-8"


class Fault(Enum):
    """What can go wrong with one request."""

    REFUSE_CONNECTION = "no connection is made; nothing runs"
    HANG = "no answer comes until the faults are released; nothing runs"
    INTERNAL_ERROR = "500 Internal Server Error, plain text; nothing runs"
    BAD_GATEWAY = "502 with a proxy's HTML page; nothing runs"
    UNAVAILABLE = "503 with a proxy's HTML page; nothing runs"
    GARBAGE = "200 with something that is no JSON; nothing runs"
    OUT_OF_MEMORY = "500 OutOfMemoryError; the job begins and fails"
    MEMORY_FULL = "500 OutOfMemoryError, unless the server has unloaded since its last job"
    BATCH_TOO_LARGE = "500 OutOfMemoryError, unless the batch is small enough"
    CANNOT_LOAD = "500, the checkpoint is listed but cannot be read; it stays listed"
    DIE = "the server's process dies at a step of this job, and stays dead"
    WRONG_MODEL = "200, but painted with the model that is loaded, or else with any other one"
    FOREIGN_INTERRUPT = "a human presses Interrupt at a step of this job"
    RESET = "the job runs; its answer breaks off in the middle"
    LOSE_ANSWER = "the job runs; the connection breaks without an answer"
    TRUNCATED_JSON = "the job runs; the answer is whole as HTTP, but half a JSON text"
    SLOW_DRIP = "the job runs; the answer comes in small pieces, with pauses"


def out_of_memory() -> JobError:
    """What torch says when the graphics card is full."""
    return JobError(
        "OutOfMemoryError",
        "CUDA out of memory. Tried to allocate 2.25 GiB. GPU 0 has a total capacity of 7.78 GiB "
        "of which 1.02 GiB is free.",
    )


def _proxy_page(status: int, reason: str) -> Answer:
    page = (
        f"<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    )
    return Answer(status=status, body=page.encode(), content_type=_HTML)


INSTEAD: Mapping[Fault, Answer] = {
    Fault.REFUSE_CONNECTION: Answer(delivery=Delivery.REFUSED),
    Fault.INTERNAL_ERROR: Answer(
        status=500, body=b"Internal Server Error", content_type="text/plain; charset=utf-8"
    ),
    Fault.BAD_GATEWAY: _proxy_page(502, "Bad Gateway"),
    Fault.UNAVAILABLE: _proxy_page(503, "Service Temporarily Unavailable"),
    Fault.GARBAGE: Answer(body=b"<!doctype html><title>Log in to the hotel wifi</title>"),
}


def _truncated(answer: Answer) -> Answer:
    return Answer(
        status=answer.status,
        body=answer.body[: len(answer.body) // 2],
        content_type=answer.content_type,
    )


AFTERWARDS: Mapping[Fault, Callable[[Answer, float], Answer]] = {
    Fault.RESET: lambda answer, _: answer.delivered(Delivery.CUT_OFF),
    Fault.LOSE_ANSWER: lambda answer, _: answer.delivered(Delivery.LOST),
    Fault.TRUNCATED_JSON: lambda answer, _: _truncated(answer),
    Fault.SLOW_DRIP: lambda answer, pause: answer.delivered(Delivery.DRIPPED, pause),
}


@frozen(kw_only=True)
class ScriptedFault:
    """One accident.

    Attributes:
        at_step: at which sampling step a foreign interrupt, a full memory or death strikes.
        pause: seconds before each piece of a dripped answer.
        largest_batch: so many pictures at once are not too many.
    """

    fault: Fault
    at_step: int
    pause: float
    largest_batch: int


class Faults:
    """The accidents that are still to come. Thread-safe.

    Example::

        forge.faults.next("txt2img", Fault.OUT_OF_MEMORY)
        forge.faults.next("/sdapi/v1/progress", Fault.HANG, times=3)
        forge.faults.next("*", Fault.UNAVAILABLE, times=None)
        forge.faults.clear()
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._orders: Orders[ScriptedFault] = Orders(changed)
        self._releases = 0

    def next(
        self,
        where: str,
        fault: Fault,
        *,
        times: int | None = 1,
        at_step: int = 0,
        pause: float = 0.01,
        largest_batch: int = 1,
    ) -> None:
        """Order ``fault`` for the next requests that fit.

        Args:
            where: the end of a path (``txt2img``), a whole path (``/sdapi/v1/progress``), or ``*``.
            fault: what is to happen.
            times: for how many requests; None for all that come.
            at_step: see ScriptedFault.
            pause: see there, too.
            largest_batch: and there.
        """
        accident = ScriptedFault(
            fault=fault, at_step=at_step, pause=pause, largest_batch=largest_batch
        )
        self._orders.add(lambda path: _fits(where, path), accident, times=times)

    def clear(self) -> None:
        """Forget every order, and release what hangs."""
        self._orders.clear()
        self.release()

    def release(self) -> None:
        """Let the requests that hang go: their connections break without an answer."""
        with self._changed:
            self._releases += 1
            self._changed.notify_all()

    @property
    def pending(self) -> int:
        """How many orders have not been used up."""
        return self._orders.pending

    @property
    def releases(self) -> int:
        """How often hanging requests were released."""
        return self._releases

    def take(self, path: str) -> ScriptedFault | None:
        """What is to happen to a request for ``path``; it counts as happened."""
        return self._orders.take(path)


def _fits(where: str, path: str) -> bool:
    if where in ("*", path):
        return True
    return not where.startswith("/") and path.endswith(f"/{where}")
