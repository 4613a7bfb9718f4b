"""What a scan of the model folders is doing, and what it has found."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen


class ScanPhase(StrEnum):
    """What is going on in the model folders; in this order."""

    IDLE = "idle"
    LISTING = "listing"
    READING = "reading"
    HASHING = "hashing"


@frozen(kw_only=True)
class ScanProblem:
    """Something in a model folder that could not be used: a link that leads out, a lost folder ...

    Attributes:
        path: below its root, or the root's own name.
        code: stable, for programs.
        message: a sentence that says what to do.
    """

    path: str
    code: str
    message: str


@frozen(kw_only=True)
class ScanReport:
    """What a scan has found.

    Attributes:
        files: model files that are there.
        added, changed, moved, missing: how many since the last time; ``missing`` are those that
            were there then and are not now.
        unchanged: how many were not even opened.
        problems: what could not be used; what is wrong with a model stands with that model.
    """

    started_at: datetime
    finished_at: datetime
    files: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    missing: int = 0
    unchanged: int = 0
    problems: tuple[ScanProblem, ...] = ()


@frozen(kw_only=True)
class ScanStatus:
    """Where the catalogue stands at this moment, in this process.

    Attributes:
        phase: what is going on.
        done, total: files of the present phase; ``total`` grows while folders are being listed.
        bytes_done, bytes_total: of the file that is being hashed; 0 in other phases.
        current: the file that is being read or hashed, below its root.
        unhashed: how many files still wait to be hashed.
        last: what the last scan found; None before the first one of this process.
        error: why the last one broke off, None when it did not.
    """

    phase: ScanPhase = ScanPhase.IDLE
    done: int = 0
    total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    current: str | None = None
    unhashed: int = 0
    last: ScanReport | None = None
    error: str | None = None

    @property
    def running(self) -> bool:
        """Whether folders are being scanned; hashing goes on behind that."""
        return self.phase in (ScanPhase.LISTING, ScanPhase.READING)
