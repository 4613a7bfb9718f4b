"""``stablequeue servers``: forty cards from a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from tests.stablequeue_flask.test_cli import check_sentence, run
from tests.worlds import World, with_settings

from stablequeue_core import StableQueue
from stablequeue_core.testing.forge_simulator import SimulatedForge


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with two servers that nobody looks after."""
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:1")
        queue.servers.add("Tower", "http://127.0.0.1:2", tags=["studio"])
    return tmp_path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A queue that this process drives, while commands look at it from outside."""
    forge = SimulatedForge.with_sample_models(seconds_per_step=0.05)
    world = World(tmp_path, {"Laptop": forge})
    yield world
    world.close(grace=0)


def tried(folder: Path, *arguments: str, **variables: str) -> Result:
    return run("servers", *arguments, "--data-dir", str(folder), **variables)


def servers(folder: Path, *arguments: str, **variables: str) -> str:
    result = tried(folder, *arguments, **variables)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_servers_are_listed_with_what_they_do_their_tags_and_where_they_are(folder: Path) -> None:
    head, *rows = servers(folder, "list").splitlines()

    assert head.split() == ["alias", "status", "does", "tags", "address"]
    assert [row.split() for row in rows] == [
        ["Laptop", "unknown", "unattended", "http://127.0.0.1:1"],
        ["Tower", "unknown", "unattended", "studio", "http://127.0.0.1:2"],
    ]


def test_to_list_them_is_what_is_done_without_another_word(folder: Path) -> None:
    assert servers(folder) == servers(folder, "list")
    assert run("servers", STABLEQUEUE_DATA_DIR=str(folder)).stdout == servers(folder, "list")
    assert "Commands:" in run("servers", "--help").stdout


def test_a_list_fits_the_terminal(folder: Path) -> None:
    with StableQueue.open(folder, dispatch=False) as queue:
        tags = [f"a tag with many words {each}" for each in range(5)]
        queue.servers.add("Desk", f"http://{'a' * 60}.example:7860/{'b' * 60}", tags=tags)

    shown = servers(folder, "list", COLUMNS="80")

    assert max(map(len, shown.splitlines())) < 80
    assert "…" in shown


def test_a_list_shortens_tags_first_then_the_fronts_of_addresses_and_never_an_alias(
    folder: Path,
) -> None:
    """One must type the alias, and the ends of addresses tell hosts and ports apart."""
    with StableQueue.open(folder, dispatch=False) as queue:
        for number in range(2):
            alias = f"studio-rack-number-{number}"
            url = f"http://gpu-{number}.studio.example:7860"
            queue.servers.add(alias, url, tags=["studio", "lighting"])
            queue.servers.pause(alias)

    wide = servers(folder, "list", COLUMNS="100").splitlines()[3]
    narrow = servers(folder, "list", COLUMNS="80").splitlines()[3]

    assert wide.endswith("studio, light…  http://gpu-0.studio.example:7860")
    assert narrow.startswith("studio-rack-number-0  unknown, paused  unattended  studio,…  …")
    assert narrow.endswith("example:7860")
    long = "A" * 100
    servers(folder, "add", long, "http://127.0.0.1:3")
    assert long in servers(folder, "list", COLUMNS="80")


def test_a_list_tells_a_disabled_server_by_its_status(folder: Path) -> None:
    servers(folder, "set", "Tower", "--disable")
    row = servers(folder, "list").splitlines()[2]
    assert row.split() == ["Tower", "disabled", "-", "studio", "http://127.0.0.1:2"]


def test_without_a_server_it_is_told_how_to_add_one(tmp_path: Path) -> None:
    StableQueue.open(tmp_path, dispatch=False).close()
    assert "`stablequeue servers add ALIAS URL --data-dir " in servers(tmp_path, "list")


def test_what_a_server_runs_and_how_far_it_is_is_seen_from_outside(world: World) -> None:
    job = world.submit("Laptop", steps=150)
    world.until_running(job)
    world.until(lambda: job.id[:8] in servers(world.folder, "list"))
    servers(world.folder, "pause", "Laptop")
    _, row = servers(world.folder, "list").splitlines()
    assert row.split()[1:4] == ["online,", "paused", job.id[:8]]


def test_a_part_of_a_job_is_told_by_the_id_of_the_whole(tmp_path: Path) -> None:
    names = ("Laptop", "Tower")
    forges = {each: SimulatedForge.with_sample_models(seconds_per_step=0.05) for each in names}
    settings = with_settings(split_batches=True, split_smallest=2)
    world = World(tmp_path, forges, settings=settings)
    try:
        pony = "cyberrealisticPony_v8.safetensors"
        job = world.submit("auto", steps=150, checkpoint_name=pony, num_images=4)
        assert world.queue.parts(job.id)
        world.until(lambda: job.id[:8] in servers(tmp_path, "list"))
    finally:
        world.close(grace=0)


def test_a_server_is_added_with_its_tags_and_a_description(folder: Path) -> None:
    more = ("--tag", "studio", "--tag", "fast", "--description", "under the desk")
    told = servers(folder, "add", "Desk", "http://127.0.0.1:3/", *more)

    assert told == "Server 'Desk' is added.\n"
    with StableQueue.open(folder, dispatch=False) as queue:
        desk = queue.servers.get("Desk")
    assert (desk.api_url, desk.description) == ("http://127.0.0.1:3", "under the desk")
    assert desk.tags == ("studio", "fast")


def test_a_script_that_adds_the_same_server_again_changes_nothing(folder: Path) -> None:
    told = servers(folder, "add", "Laptop", "http://127.0.0.1:1")
    assert "there already" in told
    other = tried(folder, "add", "Laptop", "http://127.0.0.1:9")
    check_sentence(
        other, "'Laptop' exists already", "`stablequeue servers show Laptop", "`servers set`"
    )


def test_a_password_in_an_address_is_refused_and_not_repeated(folder: Path) -> None:
    result = tried(folder, "add", "Desk", "http://me:geheim@127.0.0.1:3")
    check_sentence(result, "user name or password")
    assert "geheim" not in result.output


def test_tags_are_given_and_taken_away(folder: Path) -> None:
    told = servers(folder, "tag", "Laptop", "Tower", "--add", "new", "--remove", "studio")
    assert told == "Server 'Laptop' has the tag new.\nServer 'Tower' has the tag new.\n"
    assert "no tag" in servers(folder, "tag", "Tower", "--remove", "new")


def test_a_tag_must_be_named(folder: Path) -> None:
    result = tried(folder, "tag", "Laptop")
    assert result.exit_code == 2
    assert "--add TAG" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("pause",),
        ("resume",),
        ("remove",),
        ("tag", "--add", "x"),
        ("drain", "--timeout", "5"),
    ],
    ids=lambda words: str(words[0]),
)
def test_what_fails_with_one_server_is_done_to_the_others(
    folder: Path, words: tuple[str, ...]
) -> None:
    result = tried(folder, *words, "Nobody", "Tower")
    check_sentence(result, "'Nobody' not found")
    assert "Server 'Tower'" in result.stdout


def test_a_server_is_paused_and_takes_jobs_again(folder: Path) -> None:
    assert "is paused" in servers(folder, "pause", "Tower")
    assert servers(folder, "list").splitlines()[2].split()[1:3] == ["unknown,", "paused"]
    assert "takes jobs again" in servers(folder, "resume", "Tower")
    with StableQueue.open(folder, dispatch=False) as queue:
        assert not queue.servers.get("Tower").paused


def test_a_disabled_server_that_is_resumed_takes_no_jobs_and_it_is_told_how_it_would(
    folder: Path,
) -> None:
    servers(folder, "set", "Tower", "--disable")
    servers(folder, "pause", "Tower")

    told = servers(folder, "resume", "Tower")

    assert "takes jobs again" not in told
    assert "disabled" in told
    assert "`stablequeue servers set Tower --enable --data-dir" in told


def test_what_is_no_tag_is_told_once_with_what_a_tag_is(folder: Path) -> None:
    for bad in ("", " studio"):
        result = tried(folder, "tag", "Laptop", "Tower", "--add", bad)
        check_sentence(result, "must be a tag: text like studio")


def test_an_idle_server_is_drained_at_once_and_stays_paused(folder: Path) -> None:
    assert "Server 'Tower' is drained" in servers(folder, "drain", "Tower")
    with StableQueue.open(folder, dispatch=False) as queue:
        assert queue.servers.get("Tower").paused


def test_a_server_that_is_not_drained_in_time_is_told_of(world: World) -> None:
    job = world.submit("Laptop", steps=150)
    world.until_running(job)
    check_sentence(tried(world.folder, "drain", "Laptop", "--timeout", "0"), "still runs a job")
    assert world.queue.servers.get("Laptop").paused


def test_a_server_with_jobs_is_removed_by_force_only(folder: Path) -> None:
    with StableQueue.open(folder, dispatch=False) as queue:
        job = queue.submit("Tower", positive_prompt="a cat")
    check_sentence(tried(folder, "remove", "Tower"), "'Tower'")

    assert servers(folder, "remove", "Tower", "--force") == "Server 'Tower' is removed.\n"
    with StableQueue.open(folder, dispatch=False) as queue:
        assert queue.get(job.id).status == "cancelled"
        assert [each.alias for each in queue.servers.list()] == ["Laptop"]


def test_the_jobs_of_a_server_follow_its_new_name(folder: Path) -> None:
    with StableQueue.open(folder, dispatch=False) as queue:
        job = queue.submit("Tower", positive_prompt="a cat")

    assert "'Tower' is called 'Desk' now" in servers(folder, "rename", "Tower", "Desk")
    with StableQueue.open(folder, dispatch=False) as queue:
        assert queue.get(job.id).target == "Desk"
    check_sentence(tried(folder, "rename", "Desk", "Laptop"), "exists already")
