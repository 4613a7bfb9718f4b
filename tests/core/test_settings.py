"""Settings: arguments first, then the environment, then defaults."""

from __future__ import annotations

import pytest
from attrs import fields

from stablequeue_core import Settings
from stablequeue_core.errors import InvalidSettings


def test_defaults_hold_when_nothing_is_said() -> None:
    assert Settings.from_environment({}) == Settings()


@pytest.mark.parametrize("name", [attribute.name for attribute in fields(Settings)])
def test_every_setting_can_come_from_the_environment(name: str) -> None:
    settings = Settings.from_environment({f"STABLEQUEUE_{name.upper()}": "7"})

    assert getattr(settings, name) == 7


def test_an_argument_goes_before_the_environment() -> None:
    assert Settings.from_environment({"STABLEQUEUE_POLL": "3"}, poll=2).poll == 2


@pytest.mark.parametrize("text", ["soon", "-1", "0", "nan", "inf", "1e400"])
def test_a_value_that_cannot_be_used_is_refused_by_its_variables_name(text: str) -> None:
    with pytest.raises(InvalidSettings, match="STABLEQUEUE_LEASE"):
        Settings.from_environment({"STABLEQUEUE_LEASE": text})


def test_all_bad_values_are_listed_at_once() -> None:
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment({"STABLEQUEUE_LEASE": "x", "STABLEQUEUE_POLL": "y"}, nonsense=1)

    assert {problem.path for problem in caught.value.problems} == {
        "STABLEQUEUE_LEASE",
        "STABLEQUEUE_POLL",
        "nonsense",
    }
