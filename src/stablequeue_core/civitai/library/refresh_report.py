"""What became of many models that were brought up to date with Civitai."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from stablequeue_core.models import Model

MOST_PROBLEMS = 1000
"""A report tells of no more: a folder that cannot be written to is one mistake."""


class TellRefresh(Protocol):
    """Hears how far a run is."""

    def __call__(self, done: int, total: int, current: str | None, /) -> None:
        """So many files of so many are done; this one was the last."""


@frozen(kw_only=True)
class RefreshProblem:
    """Something that did not work.

    Attributes:
        model: the file, below its model folder.
        code: stable, for programs; ``incomplete`` where all else was done.
        message: a sentence that says what to do.
    """

    model: str
    code: str
    message: str


@frozen(kw_only=True)
class RefreshReport:
    """What became of many models.

    Attributes:
        refreshed: how many were brought up to date.
        unknown: how many Civitai does not know.
        skipped: how many were refreshed within the last day, and left out.
        failed: how many could not be done.
        unhashed: how many nobody has hashed yet.
        left: how many were still to do when the run was stopped.
        problems: what did not work.
    """

    refreshed: int = 0
    unknown: int = 0
    skipped: int = 0
    failed: int = 0
    unhashed: int = 0
    left: int = 0
    problems: tuple[RefreshProblem, ...] = ()


class RefreshTally:
    """Counts while a run goes on, and tells how far it is. For one thread.

    Args:
        tell: hears it.
    """

    def __init__(self, tell: TellRefresh) -> None:
        self.skipped = self.unhashed = 0
        self._tell = tell
        self._total = 0
        self._refreshed = self._unknown = self._failed = 0
        self._problems: list[RefreshProblem] = []

    def begin(self, total: int) -> None:
        """There are so many to do."""
        self._total = total
        self._tell(0, total, None)

    def refreshed(self, model: Model, problems: Sequence[str]) -> None:
        """One was brought up to date, but for these problems."""
        self._refreshed += 1
        for message in problems:
            self._note(model, "incomplete", message)
        self._tell_of(model)

    def unknown(self, model: Model) -> None:
        """Civitai does not know one."""
        self._unknown += 1
        self._tell_of(model)

    def failed(self, model: Model, code: str, message: str) -> None:
        """One could not be done."""
        self._failed += 1
        self._note(model, code, message)
        self._tell_of(model)

    def report(self) -> RefreshReport:
        """What it comes to."""
        return RefreshReport(
            refreshed=self._refreshed,
            unknown=self._unknown,
            skipped=self.skipped,
            failed=self._failed,
            unhashed=self.unhashed,
            left=self._total - self._done,
            problems=tuple(self._problems),
        )

    @property
    def _done(self) -> int:
        return self._refreshed + self._unknown + self._failed

    def _note(self, model: Model, code: str, message: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(RefreshProblem(model=model.path, code=code, message=message))

    def _tell_of(self, model: Model) -> None:
        self._tell(self._done, self._total, model.filename)
