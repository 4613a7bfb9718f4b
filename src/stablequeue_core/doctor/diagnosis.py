"""What an examination has found, in sentences that say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from attrs import frozen


class Verdict(StrEnum):
    """How something is.

    Attributes:
        OK: as it should be.
        WARNING: it works, but will not for ever, or not as its user may think.
        PROBLEM: something does not work.
    """

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@frozen
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: what: ``database``, ``server Laptop`` ...
        verdict: how it is.
        sentence: what was seen.
        advice: what to do; None where nothing is to be done.
        of_many: what may be said of many such things instead: ``servers are online``; None: each
            is told for itself.
    """

    subject: str
    verdict: Verdict
    sentence: str
    advice: str | None = None
    of_many: str | None = None


def ok(subject: str, sentence: str, of_many: str | None = None) -> Finding:
    """It is as it should be."""
    return Finding(subject, Verdict.OK, sentence, of_many=of_many)


def warning(subject: str, sentence: str, advice: str) -> Finding:
    """It works, but."""
    return Finding(subject, Verdict.WARNING, sentence, advice)


def problem(subject: str, sentence: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(subject, Verdict.PROBLEM, sentence, advice)


@frozen
class Diagnosis:
    """All findings of one examination, in the order of what they are about.

    Attributes:
        findings: what was looked at; at least one.

    Example:
        >>> Diagnosis((ok("clock", "It is right."),)).verdict
        <Verdict.OK: 'ok'>
    """

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        order = list(Verdict)
        return max((each.verdict for each in self.findings), key=order.index, default=Verdict.OK)

    def of(self, verdict: Verdict) -> Sequence[Finding]:
        """Those with this verdict."""
        return [each for each in self.findings if each.verdict is verdict]
