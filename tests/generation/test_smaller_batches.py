"""A job may allow that fewer of its pictures are made at once."""

from __future__ import annotations

import pytest

from stablequeue_core.errors import InvalidParams
from stablequeue_core.generation import ParamLimits, parse_params


def test_a_batch_is_made_as_it_was_asked_for_unless_the_job_says_otherwise() -> None:
    asked = {"positive_prompt": "x", "batch_size": 4}
    assert not parse_params(asked, ParamLimits()).allow_smaller_batch
    allowed = parse_params({**asked, "allow_smaller_batch": True}, ParamLimits())
    assert allowed.allow_smaller_batch
    assert not allowed.ignored


def test_what_is_neither_true_nor_false_is_refused() -> None:
    with pytest.raises(InvalidParams, match="allow_smaller_batch"):
        parse_params({"positive_prompt": "x", "allow_smaller_batch": "often"}, ParamLimits())


@pytest.mark.parametrize(
    ("batch_size", "batches"), [(8, [4, 2, 1, 1]), (6, [3, 1, 1]), (7, [1, 1]), (1, [1])]
)
def test_a_batch_is_halved_or_what_comes_next_that_divides_it(
    batch_size: int, batches: list[int]
) -> None:
    request = parse_params(
        {"positive_prompt": "x", "batch_size": batch_size, "num_images": 2}, ParamLimits()
    )
    smaller = [request.in_smaller_batches(times) for times in range(1, len(batches) + 1)]
    assert [each.batch_size for each in smaller] == batches
    assert {each.picture_count for each in smaller} == {2 * batch_size}
