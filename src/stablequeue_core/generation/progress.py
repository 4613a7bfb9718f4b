"""How far one job is on its server."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Phase(StrEnum):
    """What the server is doing with the job."""

    QUEUED = "queued"
    LOADING = "loading"
    SAMPLING = "sampling"
    FINISHED = "finished"


@frozen(kw_only=True)
class Progress:
    """How far one job is on its server.

    Attributes:
        fraction: from 0.0 to 1.0; for one attempt it never goes back.
        phase: what the server is doing.
        step: the sampling step that is being computed, None where the server does not tell.
        steps: how many there are, None where the server does not tell.
        eta_seconds: the server's own guess, None where it has none.
    """

    fraction: float = 0.0
    phase: Phase = Phase.QUEUED
    step: int | None = None
    steps: int | None = None
    eta_seconds: float | None = None
