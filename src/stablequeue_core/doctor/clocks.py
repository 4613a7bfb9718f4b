"""Whether the clocks agree: this computer's, the database's, and those of the servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stablequeue_core.doctor.diagnosis import Finding, ok, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.doctor.server_looks import ServerLook
from stablequeue_core.errors import StorageError
from stablequeue_core.quantities import seconds_text

SUBJECT = "clock"

TOLERATED = 5.0
"""Seconds; the time in an answer's head is whole seconds, and the answer takes some, too."""

_SET_IT = "Let the system set its clock by the network (NTP)."


def check_clocks(premises: Premises, looks: Sequence[ServerLook]) -> Iterator[Finding]:
    """By how much others are ahead of this computer, or behind it."""
    others = dict(_others(premises, looks))
    wrong = {name: ahead for name, ahead in others.items() if abs(ahead) > TOLERATED}
    if not others:
        yield ok(SUBJECT, "There is nobody to compare this computer's clock with.")
    elif not wrong:
        yield ok(SUBJECT, "This computer's clock agrees with those of the others.")
    elif len(others) > 1 and len(wrong) == len(others) and _alike(list(wrong.values())):
        ahead = next(iter(wrong.values()))
        yield warning(
            SUBJECT,
            f"This computer's clock is {seconds_text(abs(ahead))} "
            f"{'behind' if ahead > 0 else 'ahead of'} all others.",
            _SET_IT,
        )
    else:
        for name, ahead in wrong.items():
            yield warning(
                SUBJECT,
                f"The clock of {name} is {seconds_text(abs(ahead))} "
                f"{'ahead of' if ahead > 0 else 'behind'} this computer's. Jobs are not harmed: "
                "all processes of a queue go by one clock.",
                _SET_IT,
            )


def _others(premises: Premises, looks: Sequence[ServerLook]) -> Iterator[tuple[str, float]]:
    if premises.storage is not None and not premises.uses_file:
        try:
            there = premises.storage.clock.now()
        except StorageError:
            return  # What is wrong with it, the check of the database tells.
        yield "the database", (there - premises.clock.now()).total_seconds()
    for look in looks:
        if look.traits is not None and look.traits.ahead is not None:
            yield f"server {look.server.alias}", look.traits.ahead


def _alike(seconds: Sequence[float]) -> bool:
    return max(seconds) - min(seconds) <= TOLERATED
