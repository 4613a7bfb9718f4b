"""Sizes, counts and times in words."""

from __future__ import annotations

import pytest

from stablequeue_core.quantities import count_text, seconds_text, size_text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (172_956, "173.0 kB"), (2e15, "2000.0 TB")],
)
def test_a_size_is_told_in_its_own_unit(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 copies"), (1, "1 copy"), (2, "2 copies"), (10_000, "10,000 copies")]
)
def test_one_is_not_told_as_many(count: int, text: str) -> None:
    assert count_text(count, "copy", "copies") == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h")]
)
def test_a_time_is_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text
