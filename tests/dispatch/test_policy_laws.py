"""What holds for every line, every fleet and every order of coming."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dispatch.policy_worlds import (
    AWAY,
    BOUND,
    LOAD,
    WORK,
    ListedLine,
    World,
    at,
    by_policy,
    candidate,
    chosen,
    first_come,
    server,
)

from stablequeue_core.dispatch.choosing.policy import Policy
from stablequeue_core.jobs import Backlog, Candidate
from stablequeue_core.settings import Settings

names = st.sampled_from(["pony", "sdxl", "flux", "anima", None])
moments = st.integers(0, 400)


@st.composite
def lines(draw: st.DrawFn, priorities: st.SearchStrategy[int]) -> list[Candidate]:
    drawn = draw(st.lists(st.tuples(names, priorities, moments), max_size=40))
    drawn.sort(key=lambda each: each[2])
    return [
        candidate(number, name, priority=priority, came=moment)
        for number, (name, priority, moment) in enumerate(drawn, 1)
    ]


one_priority = lines(st.just(0))


@given(lines(st.integers(-1, 2)), st.integers(1, 3))
def test_no_job_is_started_while_one_of_higher_priority_waits(
    jobs: list[Candidate], servers: int
) -> None:
    started = World(jobs, servers, by_policy(Policy(Settings()))).run()

    for number, each in enumerate(started):
        for later in started[number + 1 :]:
            had_come = later.job.created_at <= at(each.at)
            assert not had_come or later.job.priority <= each.job.priority


@given(lines(st.integers(0, 1)), st.integers(1, 3))
def test_every_job_is_started_once(jobs: list[Candidate], servers: int) -> None:
    started = World(jobs, servers, by_policy(Policy(Settings()))).run()

    assert sorted(each.job.number for each in started) == [job.number for job in jobs]


@settings(max_examples=300)
@given(one_priority, st.integers(1, 4))
def test_nobody_waits_longer_than_the_bound_and_one_job_beyond_first_come_first_served(
    jobs: list[Candidate], servers: int
) -> None:
    ours = World(jobs, servers, by_policy(Policy(Settings()))).run()
    fifo = {each.job.id: each.at for each in World(jobs, servers, first_come).run()}

    for each in ours:
        assert each.at <= fifo[each.job.id] + BOUND + LOAD + WORK


@given(st.lists(st.tuples(moments, st.booleans()), max_size=40), st.integers(1, 3))
def test_where_no_job_names_a_checkpoint_it_is_first_come_first_served(
    drawn: list[tuple[int, bool]], servers: int
) -> None:
    jobs = [candidate(number, came=moment) for number, (moment, _) in enumerate(sorted(drawn), 1)]

    ours = World(jobs, servers, by_policy(Policy(Settings()))).run()

    assert [(each.job.id, each.at) for each in ours] == [
        (each.job.id, each.at) for each in World(jobs, servers, first_come).run()
    ]


@given(one_priority.filter(bool), st.integers(0, 3), st.sampled_from(["pony", None]))
def test_what_only_this_server_can_run_is_taken_by_it(
    jobs: list[Candidate], others: int, loaded: str | None
) -> None:
    """Those that name no checkpoint anybody can run."""
    useless = [
        server(f"Other-{number}", lacks={"pony", "sdxl", "flux", "anima"})
        for number in range(others)
    ]
    only_here = [job for job in jobs if job.checkpoint is not None]

    choice = chosen(only_here, server(loaded=loaded), *useless, now=400)

    assert (choice is not None) == bool(only_here)


@given(one_priority, st.integers(0, 3))
def test_while_all_others_are_away_no_job_is_left_to_them(
    jobs: list[Candidate], others: int
) -> None:
    away = [server(f"Other-{number}", "pony", free_in=AWAY) for number in range(others)]

    assert (chosen(jobs, server(), *away, now=400) is not None) == bool(jobs)


seconds = st.integers(1, 30_000).map(lambda milliseconds: milliseconds / 1000)


@settings(max_examples=300)
@given(
    one_priority.filter(bool),
    st.lists(st.tuples(names, seconds, seconds), min_size=1, max_size=4),
    st.booleans(),
)
def test_while_a_whole_fleet_is_free_somebody_takes_a_job(
    jobs: list[Candidate], drawn: list[tuple[str | None, float, float]], are_alike: bool
) -> None:
    """Each sees the same; all leaving it to each other would be nobody's win."""
    fleet = [
        server(f"Server-{number}", loaded, work=work, load=load)
        for number, (loaded, work, load) in enumerate(drawn)
    ]
    if are_alike:
        loaded, work, load = drawn[0]
        fleet = [server(each.alias, loaded, work=work, load=load) for each in fleet]
    policy = Policy(Settings())

    choices = [
        chosen(jobs, here, *(each for each in fleet if each is not here), policy=policy, now=400)
        for here in fleet
    ]

    assert any(choices)


@given(one_priority, st.randoms(use_true_random=False), st.sampled_from(["pony", None]))
def test_the_choice_does_not_depend_on_the_order_in_which_things_are_told(
    jobs: list[Candidate], dice: Random, loaded: str | None
) -> None:
    others = [server("A", "sdxl", free_in=3), server("B", "flux"), server("C", free_in=AWAY)]

    class Shuffled(ListedLine):
        def backlogs(self, priority: int) -> Sequence[Backlog]:
            found = list(super().backlogs(priority))
            dice.shuffle(found)
            return found

    choices = set()
    for fleet in (others, others[::-1]):
        line = Shuffled(jobs)
        choice = Policy(Settings()).choose(line, server(loaded=loaded), fleet, now=at(400))
        choices.add(choice.id if choice else None)

    assert len(choices) == 1
