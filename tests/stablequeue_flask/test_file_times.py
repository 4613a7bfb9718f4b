"""When files were written, as text."""

from __future__ import annotations

import pytest

from stablequeue_flask.file_times import written_at


@pytest.mark.parametrize(
    ("mtime_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_714_566_645_123_456_789, "2024-05-01T12:30:45.123Z"),
        (-1_000_000_000, "1969-12-31T23:59:59.000Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854Z"),
        (10**30, "9999-12-31T00:00:00.000Z"),
        (-(10**30), "1970-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_of_writing_is_shown_even_if_no_calendar_has_it(mtime_ns: int, text: str) -> None:
    assert written_at(mtime_ns) == text
