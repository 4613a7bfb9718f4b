"""Many findings that all is well, told as one: what is not well is what somebody looks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from stablequeue_core.doctor import Finding, Verdict
from stablequeue_core.quantities import few

SUBJECT = "servers"

MOST_TOLD = 3
"""So many that are alike are told each for itself; of more, so many are named."""


def folded(findings: Sequence[Finding]) -> Sequence[Finding]:
    """The findings, with one in place of many that are alike and well.

    A server of which anything else was found is told for itself, with all that was found.

    Example:
        >>> from stablequeue_core.doctor.diagnosis import ok
        >>> many = [ok(f"server {name}", "It is online.", "servers are online") for name in "abcd"]
        >>> [each.sentence for each in folded(many)]
        ['4 servers are online: a, b, c and 1 more; `--verbose` tells of each.']
    """
    of_subject: defaultdict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        of_subject[each.subject].append(each)
    well: defaultdict[str, list[Finding]] = defaultdict(list)
    for found in of_subject.values():
        if len(found) == 1 and found[0].of_many:
            well[found[0].of_many].append(found[0])
    instead: dict[Finding, Finding | None] = {}
    for of_many, alike in well.items():
        if len(alike) > MOST_TOLD:
            names = few([each.subject.removeprefix("server ") for each in alike], MOST_TOLD)
            sentence = f"{len(alike)} {of_many}: {names}; `--verbose` tells of each."
            instead |= dict.fromkeys(alike)
            instead[alike[0]] = Finding(SUBJECT, Verdict.OK, sentence)
    told = (instead.get(each, each) for each in findings)
    return [each for each in told if each is not None]
