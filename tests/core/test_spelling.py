"""Which name was meant: as few as fingers slip, and no more."""

from __future__ import annotations

import pytest

from stablequeue_core.spelling import meant

FIELDS = ("target_server_alias", "priority", "not_before", "hold", "apiUrl", "tags", "port")


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("priorty", "priority"),
        ("Priority", "priority"),
        ("piroirty", "priority"),
        ("notBefore", "not_before"),
        ("notbefore", "not_before"),
        ("not-before", "not_before"),
        ("targetServerAlias", "target_server_alias"),
        ("hodl", "hold"),
        ("api_url", "apiUrl"),
        ("apiurl", "apiUrl"),
        ("tagz", "tags"),
        ("tag", "tags"),
    ],
)
def test_a_slip_of_the_fingers_is_understood(written: str, right: str) -> None:
    assert meant(written, FIELDS) == right


@pytest.mark.parametrize("written", ["app_type", "post_id", "url", "host", "x", "", "priorities!"])
def test_what_somebody_else_may_mean_is_nobodys_misspelling(written: str) -> None:
    assert meant(written, FIELDS) is None


def test_a_name_that_is_known_is_no_misspelling_of_another() -> None:
    assert meant("host", ("host", "port")) is None
