"""Cutting a job into parts: laws of the sizes and of what each part asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.generation import MAX_SEED, GenerationRequest, ParamLimits, parse_params
from stablequeue_core.jobs import Job
from stablequeue_core.jobs.parts import in_parts, is_divisible, part_sizes

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = ParamLimits(max_images=10_000)

counts = st.integers(1, 500)
servers = st.integers(0, 60)
smallest = st.integers(1, 40)


def whole_of(**params: Any) -> tuple[Job, GenerationRequest]:
    asked = {"positive_prompt": "a cat", "checkpoint_name": "pony", **params}
    request = parse_params(asked, LIMITS)
    job = Job(
        id="8861f4e4-3a5c-4be1-9a55-0f6c9d3a3c11",
        target="auto",
        params=asked,
        created_at=START,
        updated_at=START,
        effort=request.pixel_steps,
    )
    return job, request


@given(counts, servers, smallest)
def test_the_sizes_add_up_whatever_there_is_to_share(
    pictures: int, servers: int, smallest: int
) -> None:
    sizes = part_sizes(pictures, servers=servers, smallest=smallest)

    assert sum(sizes) == pictures
    assert max(sizes) - min(sizes) <= 1


@given(counts, servers, smallest)
def test_there_are_never_more_parts_than_servers_and_none_is_too_small(
    pictures: int, servers: int, smallest: int
) -> None:
    sizes = part_sizes(pictures, servers=servers, smallest=smallest)

    assert 1 <= len(sizes) <= max(1, servers)
    assert len(sizes) == 1 or min(sizes) >= smallest


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.integers(-1, 2**40))
def test_the_parts_make_each_picture_once_and_in_order(sizes: list[int], seed: int) -> None:
    job, request = whole_of(num_images=sum(sizes), seed=seed)

    whole, *parts = in_parts(job, request, sizes)

    made = [index for part in parts for index in part.pictures or ()]
    assert made == list(range(sum(sizes)))
    assert whole.seed is not None
    asked = [parse_params(part.params, LIMITS) for part in parts]
    seeds = [each.seed + place for each in asked for place in range(each.images)]
    assert seeds == [whole.seed + index for index in made]


@given(st.lists(st.integers(1, 40), min_size=2, max_size=20))
def test_a_part_asks_for_what_the_whole_asks_for_but_count_and_seeds(sizes: list[int]) -> None:
    job, request = whole_of(n_iter=sum(sizes), seed=7, subseed=9, steps=11, nobody_knows=1)

    whole, *parts = in_parts(job, request, sizes)

    changed = {"n_iter", "num_images", "seed", "subseed"}
    for part in parts:
        assert {k: v for k, v in part.params.items() if k not in changed} == {
            k: v for k, v in whole.params.items() if k not in changed
        }
        assert part.part_of == whole.id
        assert part.picture_owner == whole.id
    assert whole.params == job.params
    assert whole.parts == tuple(part.id for part in parts)
    assert sum(part.effort for part in parts) == pytest.approx(whole.effort)
    assert all(one.id != other.id for one, other in pairwise(parts))


def test_subseeds_count_up_as_forge_counts_them() -> None:
    job, request = whole_of(num_images=8, seed=100, subseed=200)

    _, *parts = in_parts(job, request, (4, 4))

    assert [part.params["subseed"] for part in parts] == [200, 204]


def test_a_seed_left_to_us_is_drawn_once_for_all_parts() -> None:
    job, request = whole_of(num_images=8, seed="")

    whole, first, second = in_parts(job, request, (4, 4))

    assert whole.seed is not None
    assert (first.params["seed"], second.params["seed"]) == (whole.seed, whole.seed + 4)


def test_the_seed_of_an_infotext_counts_up_too() -> None:
    job, request = whole_of(
        num_images=8, generation_info_raw="a cat\nSteps: 20, Sampler: Euler, Seed: 11"
    )

    _, *parts = in_parts(job, request, (5, 3))

    assert [parse_params(part.params, LIMITS).seed for part in parts] == [11, 16]


@pytest.mark.parametrize(
    "params",
    [
        {"checkpoint_name": None},
        {"batch_size": 2},
        {"subseed_strength": 0.3},
        {"script_name": "x/y/z plot"},
        {"alwayson_scripts": {"Dynamic Prompts v2.17.1": {"args": [True]}}},
        {"infotext": "a cat\nSteps: 20, Variation seed strength: 0.5"},
        {"save_images": True},
        {"firstpass_image": "iVBORw0KGgo="},
        {"seed": MAX_SEED - 6},
        {"subseed": str(MAX_SEED)},
    ],
    ids=lambda params: next(iter(params)),
)
def test_a_job_is_not_cut_where_servers_would_make_other_pictures(params: dict[str, Any]) -> None:
    _, request = whole_of(num_images=8, **params)

    assert not is_divisible(request)


def test_a_variation_that_only_the_infotext_tells_of_is_seen() -> None:
    told = "a cat\nSteps: 20, Sampler: Euler, Seed: 1, Variation seed: 2, " + (
        "Variation seed strength: 0.5"
    )
    _, request = whole_of(num_images=8, generation_info_raw=told)

    assert not is_divisible(request)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"enable_hires_fix": True},
        {"subseed_strength": 0},
        {"alwayson_scripts": {}},
        {"save_images": False},
        {"styles": ["Photo"]},
        {"seed": MAX_SEED - 7},
    ],
    ids=lambda params: next(iter(params), "nothing"),
)
def test_a_job_whose_pictures_depend_on_their_own_seeds_only_is_cut(params: dict[str, Any]) -> None:
    _, request = whole_of(num_images=8, **params)

    assert is_divisible(request)
