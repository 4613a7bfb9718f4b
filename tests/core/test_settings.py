"""Settings: arguments first, then the environment, then defaults."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import fields

from stablequeue_core import Settings
from stablequeue_core.errors import InvalidSettings
from stablequeue_core.settings import variable_of


def test_defaults_hold_when_nothing_is_said() -> None:
    assert Settings.from_environment({}) == Settings()


@pytest.mark.parametrize(
    "name",
    [field.name for field in fields(Settings) if isinstance(field.default, float)]
    + ["max_attempts", "max_images", "max_downloads", "max_losses", "keep_days", "keep_jobs"],
)
def test_every_number_can_come_from_the_environment(name: str) -> None:
    settings = Settings.from_environment({f"STABLEQUEUE_{name.upper()}": "7"})

    assert getattr(settings, name) == 7


def test_every_setting_has_a_variable_that_it_is_read_from() -> None:
    texts = {
        "civitai_url": "http://127.0.0.1:9/v1",
        "civitai_second_url": "none",
        "database_url": "postgresql://127.0.0.1/queue",
        "keep_images": "0",
    }
    given = {variable_of(field): texts.get(field.name, "1") for field in fields(Settings)}

    settings = Settings.from_environment(given)

    same = [f.name for f in fields(Settings) if getattr(settings, f.name) == f.default]
    assert same == ["circuit_base"], "its default is 1"


@pytest.mark.parametrize("text", ["maybe", "2", "on fire"])
def test_a_flag_is_one_or_zero(text: str) -> None:
    with pytest.raises(InvalidSettings, match="ALLOW_PRIVATE_DOWNLOADS"):
        Settings.from_environment({"STABLEQUEUE_ALLOW_PRIVATE_DOWNLOADS": text})


@pytest.mark.parametrize("name", ["keep_days", "keep_jobs"])
def test_what_has_no_limit_by_itself_can_be_told_so(name: str) -> None:
    """So that an option can undo what a variable says."""
    settings = Settings.from_environment({f"STABLEQUEUE_{name.upper()}": "none"})

    assert getattr(settings, name) is None


def test_a_database_that_is_no_postgresql_is_refused_without_repeating_its_password() -> None:
    with pytest.raises(InvalidSettings, match="STABLEQUEUE_DATABASE_URL") as caught:
        Settings.from_environment({"STABLEQUEUE_DATABASE_URL": "mysql://me:secret@host/queue"})

    assert "secret" not in str(caught.value)


def test_the_address_of_a_database_is_not_shown() -> None:
    """It may hold a password."""
    settings = Settings(database_url="postgresql://me:secret@host/queue")

    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    "text", ["civitai.com", "ftp://civitai.com", "http://", "https://me:secret@civitai.com/api"]
)
def test_an_address_is_refused_without_repeating_what_may_be_a_password(text: str) -> None:
    with pytest.raises(InvalidSettings, match="STABLEQUEUE_CIVITAI_URL") as caught:
        Settings.from_environment({"STABLEQUEUE_CIVITAI_URL": text})

    assert "secret" not in str(caught.value)


def test_a_key_is_read_from_its_own_variable_and_shown_nowhere() -> None:
    settings = Settings.from_environment({"CIVITAI_API_KEY": " 0123abcd \n"})

    assert settings.civitai_api_key == "0123abcd"
    assert "0123abcd" not in repr(settings)


def test_a_key_that_cannot_be_sent_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidSettings, match="CIVITAI_API_KEY") as caught:
        Settings.from_environment({"CIVITAI_API_KEY": "0123\nHost: x"})

    assert "0123" not in str(caught.value)


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


@pytest.mark.parametrize("bad", [0, -1, float("nan")])
def test_numbers_that_are_given_by_hand_are_above_zero_too(bad: float) -> None:
    with pytest.raises(InvalidSettings) as caught:
        Settings(split_smallest=0, poll=bad)
    assert [problem.path for problem in caught.value.problems] == ["poll", "split_smallest"]


@pytest.mark.parametrize(
    ("name", "bad", "takes"),
    [
        ("poll", "fast", "it must be a number above zero."),
        ("poll", True, "it must be a number above zero."),
        ("poll", None, "it must be a number above zero."),
        ("poll", float("inf"), "it must be above zero, and finite."),
        ("max_attempts", 2.5, "it must be a whole number above zero."),
        ("max_attempts", "2", "it must be a whole number above zero."),
        ("keep_days", "x", "it must be a number above zero, or None."),
        ("keep_jobs", 1.5, "it must be a whole number above zero, or None."),
        ("fairness", "no", "it must be True or False."),
        ("fairness", 1, "it must be True or False."),
        ("civitai_url", 5, "it must be text."),
    ],
)
def test_what_is_given_by_hand_must_be_what_the_setting_takes(
    name: str, bad: Any, takes: str
) -> None:
    with pytest.raises(InvalidSettings) as caught:
        Settings(**{name: bad})
    (problem,) = caught.value.problems
    assert problem.path == name
    assert takes in problem.message
    assert name == "civitai_url" or repr(bad) in problem.message


def test_a_secret_of_the_wrong_type_is_refused_without_repeating_it() -> None:
    wrong: dict[str, Any] = {"civitai_api_key": b"0123abcd", "database_url": b"postgresql://a:b@c"}
    with pytest.raises(InvalidSettings) as caught:
        Settings(**wrong)
    assert [problem.message for problem in caught.value.problems] == [
        "is of type bytes; it must be text."
    ] * 2


def test_a_whole_number_will_do_where_seconds_are_asked() -> None:
    assert Settings(poll=2, keep_days=30).keep_days == 30


@pytest.mark.parametrize("bad", [{"max_attempts": 2.5}, {"poll": True}, {"poll": [1]}])
def test_an_argument_beside_the_environment_is_no_more_bent_than_one_by_hand(
    bad: dict[str, Any],
) -> None:
    with pytest.raises(InvalidSettings):
        Settings.from_environment({}, **bad)
