"""One family of errors: each with its code, its sentence, and nothing secret."""

from __future__ import annotations

import inspect

from stablequeue_core import errors
from stablequeue_core.errors import StableQueueError

FAMILY = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, StableQueueError) and value.__name__[0] != "_"
]


def test_every_error_is_drawn_in_the_tree() -> None:
    drawn = errors.__doc__ or ""

    assert [kind.__name__ for kind in FAMILY if kind.__name__ not in drawn] == []


def test_no_two_errors_share_a_code_by_accident() -> None:
    own = [kind.code for kind in FAMILY if "code" in vars(kind)]

    assert len(own) == len(set(own))


def test_every_error_has_a_code_that_programs_can_rely_on() -> None:
    assert [kind.__name__ for kind in FAMILY if not kind.code.replace("_", "").islower()] == []
