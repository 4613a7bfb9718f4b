"""A process that looks after servers tells nothing any more: what that means, and what to do."""

from __future__ import annotations

import os
import platform

from attrs import frozen

from stablequeue_core.quantities import seconds_text


@frozen(kw_only=True)
class Silence:
    """For long nothing was heard of the process that looks after a server.

    It keeps its servers for as long as it exists, be it stopped: one that wakes up again must not
    meet another on its server.

    Attributes:
        worker: which one: ``host:process:…``.
        seconds: for how long.
        others_live: whether other processes run jobs. If it had ended, they would have taken its
            servers over by now.
    """

    worker: str
    seconds: float
    others_live: bool

    @property
    def sentence(self) -> str:
        """What was seen."""
        process = process_text(self.worker)
        seems = (
            "it seems to be stopped, or its computer asleep"
            if self.others_live
            else "it has ended, or is stopped"
        )
        return (
            f"{process[0].upper()}{process[1:]} has told nothing for "
            f"{seconds_text(self.seconds)}: {seems}."
        )

    @property
    def advice(self) -> str:
        """What to do."""
        number = number_of(self.worker)
        resume = f"continue it (`fg`, or `kill -CONT {number}`)" if number else "continue it"
        if not self.others_live:
            return f"If it is stopped, {resume}; else start one with `stablequeue work`."
        end = f"end it (`kill -9 {number}`)" if number else "end it"
        return (
            f"{resume[0].upper()}{resume[1:]}, or {end}: then another process takes its servers "
            "over within seconds."
        )


def process_of(worker: str) -> str:
    """Which process it is, of ``host:process:…``: a process may be several workers in turn."""
    return ":".join(worker.split(":")[:2])


def process_text(worker: str) -> str:
    """The process, for people.

    Example:
        >>> process_text("studio:42:8861f4e4"), process_text("somebody")
        ("process 42 on 'studio'", "process 'somebody'")
    """
    number = number_of(worker)
    if number is None:
        return f"process {worker!r}"
    return f"process {number} on {worker.split(':')[0]!r}"


def is_this_process(worker: str) -> bool:
    """Whether it is the one that asks, and therefore lives."""
    return process_of(worker) == f"{platform.node()}:{os.getpid()}"


def number_of(worker: str) -> str | None:
    """The number that the system gave to the process."""
    each = worker.split(":")
    return each[1] if len(each) > 1 and each[1].isdecimal() else None
