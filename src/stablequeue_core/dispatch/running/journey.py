"""One attempt at a job, as far as it has come."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define

from stablequeue_core.backends import Prepared
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.dispatch.links.monitor import Run
from stablequeue_core.events import Event
from stablequeue_core.generation import GenerationRequest
from stablequeue_core.jobs import Job

Write = Callable[[Job, Event], Job]
"""Keeps a changed job with its event, as :meth:`~stablequeue_core.jobs.JobStore.replace` does."""


@define
class Journey:
    """One attempt at a job, as far as it has come.

    Attributes:
        run: the job, who speaks with its server, and what the monitor may do to it.
        link: what is known of that server.
        write: keeps what came of the job, if its pictures were made.
        asked: what the job asks for, with its seeds, once that is clear.
        remedy: what was done before, because the attempt before had failed.
        complaint: what is wrong with the server although it works.
        prepared: the request in its words.
        was_loaded: whether it had the checkpoint in its memory.
        seconds: how long the pictures took.
    """

    run: Run
    link: Link
    write: Write
    asked: GenerationRequest | None = None
    remedy: str | None = None
    complaint: str | None = None
    prepared: Prepared | None = None
    was_loaded: bool = False
    seconds: float = 0.0
