"""Each reason why a job does not start is told, in a process that has no lanes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve
from tests.dispatch.explain_worlds import ExplainWorld, having
from tests.worlds import PONY, SDXL, with_settings

from stablequeue_core import Event, EventKind, JobStatus, Progress, ServerStatus
from stablequeue_core.dispatch.choosing.policy import PassedOver
from stablequeue_core.dispatch.explaining.reasons import turn
from stablequeue_core.errors import JobNotFound
from stablequeue_core.generation import Phase
from stablequeue_core.jobs import JobFailure, JobResult
from stablequeue_core.testing.forge_simulator import CheckpointFile


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[ExplainWorld]:
    """``Laptop`` has only SDXL, ``Tower`` has only Pony; another process looks after both."""
    made = ExplainWorld(tmp_path)
    assert made.queue.servers.list()
    yield made
    made.close()


def test_a_job_that_can_start_says_that_it_is_next(fleet: ExplainWorld) -> None:
    job = fleet.submit("auto", checkpoint_name=SDXL)
    assert fleet.why(job) == "It is next, and starts at once on server 'Laptop'."
    assert fleet.queue.waiting_reason(job) is None


def test_a_job_that_is_held_says_so(fleet: ExplainWorld) -> None:
    job = fleet.submit("auto")
    fleet.queue.hold(job.id)
    assert "released" in fleet.why(job)
    assert fleet.explain(job).eta_seconds is None
    fleet.queue.release(job.id)
    assert "It is next" in fleet.why(job)


def test_a_job_that_is_not_to_start_before_a_time_says_when(fleet: ExplainWorld) -> None:
    later = fleet.clock.now() + timedelta(minutes=10)
    job = fleet.queue.submit("auto", positive_prompt="a cat", not_before=later)
    explanation = fleet.explain(job)
    assert explanation.why == "It is not to start before 2025-01-01T12:10:00.000Z."
    assert explanation.eta_seconds is not None
    assert explanation.eta_seconds > 600


def test_a_job_of_a_paused_queue_says_so(fleet: ExplainWorld) -> None:
    job = fleet.submit("auto")
    fleet.queue.pause()
    assert fleet.why(job) == "The queue is paused."
    assert fleet.explain(job).eta_seconds is None
    assert fleet.queue.status().eta_seconds is None


def test_a_job_for_a_server_that_is_paused_or_disabled_says_so(fleet: ExplainWorld) -> None:
    job = fleet.submit("Laptop")
    fleet.queue.servers.pause("Laptop")
    assert fleet.why(job) == "Server 'Laptop' is paused."
    fleet.queue.servers.update("Laptop", {"paused": False, "enabled": False})
    assert fleet.why(job) == "Server 'Laptop' is disabled."
    assert fleet.outlook(job, "Laptop").status is ServerStatus.DISABLED


def test_a_server_that_is_drained_says_that_it_finishes_its_job(fleet: ExplainWorld) -> None:
    fleet.begin(fleet.submit("Laptop"), "Laptop")
    job = fleet.submit("Laptop")
    fleet.queue.servers.pause("Laptop")
    assert fleet.why(job) == "Server 'Laptop' is paused; it finishes the job that it runs."


def test_a_job_for_a_server_that_is_out_of_reach_repeats_what_was_seen(
    fleet: ExplainWorld,
) -> None:
    job = fleet.submit("Laptop")
    fleet.tell("Laptop", ServerStatus.OFFLINE, last_error="Server 'Laptop' cannot be reached.")
    assert fleet.why(job) == "Server 'Laptop' cannot be reached."
    assert fleet.outlook(job, "Laptop").status is ServerStatus.OFFLINE
    assert fleet.explain(job).eta_seconds is None


def test_a_server_that_is_starting_is_no_stranger(fleet: ExplainWorld) -> None:
    job = fleet.submit("Laptop")
    fleet.tell("Laptop", ServerStatus.STARTING)
    assert fleet.why(job) == "Server 'Laptop' is starting."


def test_a_job_for_a_group_that_has_no_server_any_more_says_so(fleet: ExplainWorld) -> None:
    fleet.queue.servers.update("Tower", {"tags": ["studio"]})
    job = fleet.submit("auto:studio")
    fleet.queue.servers.update("Tower", {"tags": []})
    assert "No server has the tag 'studio'" in fleet.why(job)


def test_a_job_whose_server_another_process_has_removed_says_so(fleet: ExplainWorld) -> None:
    job = fleet.submit("Laptop")
    removed = Event(kind=EventKind.SERVER_REMOVED, at=fleet.clock.now())
    fleet.storage.servers.remove("Laptop", removed)
    assert "There is no server 'Laptop' (any more)" in fleet.why(job)


def test_without_any_server_a_job_asks_for_one(tmp_path: Path) -> None:
    world = ExplainWorld(tmp_path)
    job = world.submit("auto")
    for alias in ("Laptop", "Tower"):
        world.queue.servers.remove(alias)
    assert world.why(job) == "There is no server yet: add one."
    world.close()


def test_when_nobody_runs_jobs_that_is_the_reason(fleet: ExplainWorld) -> None:
    job = fleet.submit("auto")
    fleet.queue.reports()
    fleet.clock.advance(3600)
    assert "start one with `stablequeue work`" in fleet.why(job)
    assert "start one with" in (fleet.queue.waiting_reason(job) or "")
    assert fleet.explain(job).eta_seconds is None


def test_a_server_that_no_process_looks_after_is_told_apart(fleet: ExplainWorld) -> None:
    job = fleet.submit("Laptop")
    fleet.queue.servers.update("Laptop", {"alias": "Notebook"})
    fleet.queue.servers.add("Laptop", fleet.url("Laptop"))
    other = fleet.submit("Laptop")
    assert "No process sends jobs to server 'Laptop'" in fleet.why(other)
    assert fleet.explain(job).position == 0


def test_each_server_says_what_it_lacks_and_what_was_perhaps_meant(fleet: ExplainWorld) -> None:
    job = fleet.submit("auto", checkpoint_name="Pony/cyberrealisticPonny_v8.safetensors")
    explanation = fleet.explain(job)
    assert explanation.why.startswith("No server can run it. Server ")
    assert explanation.why.count("has no checkpoint") == 2
    assert [each.can for each in explanation.servers] == [False, False]
    assert PONY in fleet.outlook(job, "Tower").missing[0]
    assert explanation.eta_seconds is None


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ({"positive_prompt": "<lora:inkWash:1> a fox"}, "LoRA 'inkWash'"),
        ({"sampler_name": "Eulr"}, "sampler 'Eulr'"),
        (
            {"override_settings": {"forge_additional_modules": ["ae.safetensors"]}},
            "module 'ae.safetensors'",
        ),
    ],
)
def test_whatever_is_missing_is_named(
    fleet: ExplainWorld, params: dict[str, object], kind: str
) -> None:
    job = fleet.submit("auto", **params)
    why = fleet.why(job)
    assert why.count(f"has no {kind}") == 1
    assert all(repr(alias) in why for alias in fleet.forges)


def test_a_job_that_nobody_can_run_says_so_soon_in_a_process_without_lanes(
    fleet: ExplainWorld,
) -> None:
    job = fleet.submit("auto", checkpoint_name="new.safetensors")
    assert fleet.queue.waiting_reason(job) is None, "nobody was asked yet, and nobody waits"
    fleet.until(lambda: "No server can run it." in (fleet.queue.waiting_reason(job) or ""))


def test_a_file_that_appears_is_known_as_soon_as_lists_are_asked_for_again(
    fleet: ExplainWorld,
) -> None:
    job = fleet.submit("auto", checkpoint_name="new.safetensors")
    assert fleet.why(job).startswith("No server can run it.")
    fleet.forges["Laptop"].disk.add(CheckpointFile(path="new.safetensors"))
    fleet.forges["Laptop"].restart()
    fleet.clock.advance(61)
    for alias in fleet.forges:
        fleet.tell(alias)
    fleet.until(lambda: fleet.queue.waiting_reason(job) is None)
    assert fleet.outlook(job, "Laptop").can is True


def test_when_only_a_paused_server_has_the_checkpoint_that_is_the_reason(
    fleet: ExplainWorld,
) -> None:
    job = fleet.submit("auto", checkpoint_name=PONY)
    fleet.queue.servers.pause("Tower")
    assert fleet.why(job) == "What could run it takes no jobs now. Server 'Tower' is paused."


def test_a_server_that_cannot_be_asked_is_not_known_to_lack_anything(fleet: ExplainWorld) -> None:
    job = fleet.submit("auto", checkpoint_name=PONY)
    with fleet.forges["Tower"].unplugged():
        outlook = fleet.outlook(job, "Tower")
    assert outlook.can is None
    assert "cannot be reached" in outlook.missing[0]


def test_what_a_server_had_before_it_went_away_is_still_known(fleet: ExplainWorld) -> None:
    job = fleet.submit("auto", checkpoint_name=PONY)
    fleet.explain(job)
    fleet.queue.servers.update("Tower", {"paused": True})
    with fleet.forges["Tower"].unplugged():
        fleet.clock.advance(61)
        for alias in fleet.forges:
            fleet.tell(alias)
        assert fleet.outlook(job, "Tower").can is True


def test_a_job_for_a_named_server_that_lacks_something_is_told_what_becomes_of_it(
    fleet: ExplainWorld,
) -> None:
    job = fleet.submit("Laptop", checkpoint_name=PONY)
    assert "It will fail, as things are: Server 'Laptop' has no checkpoint" in fleet.why(job)
    other = fleet.submit("Laptop", checkpoint_name=PONY, on_missing_model="download")
    assert "What it lacks is fetched first, as things are" in fleet.why(other)
    outlook = fleet.outlook(job, "Tower")
    assert (outlook.starts_in, outlook.note) == (None, "The job is for 'Laptop' only.")


def test_a_job_that_waits_for_a_download_names_it(fleet: ExplainWorld) -> None:
    job = fleet.begin(fleet.submit("auto"), "Laptop")
    waiting = fleet.change(
        job, lambda job: job.wait_for(("d1",), "Waits for ink.", now=fleet.clock.now())
    )
    explanation = fleet.explain(waiting)
    assert (explanation.why, explanation.waits_for) == ("Waits for ink.", ("d1",))
    assert explanation.eta_seconds is None


def test_a_job_behind_others_says_how_many_and_when(fleet: ExplainWorld) -> None:
    fleet.learn("Laptop", pace=10.0)
    for _ in range(3):
        fleet.submit("Laptop", width=1000, height=1000, steps=1)
    job = fleet.submit("Laptop", width=1000, height=1000, steps=2)
    explanation = fleet.explain(job)
    assert explanation.why.startswith(
        "3 jobs stand before it; it starts in about 30 s, on server 'Laptop' as things are."
    )
    assert (explanation.position, explanation.before) == (3, 3)
    assert explanation.eta_seconds == pytest.approx(50)
    assert fleet.queue.eta(job) == pytest.approx(50)


def test_jobs_for_any_server_count_among_those_before(fleet: ExplainWorld) -> None:
    fleet.submit("auto")
    fleet.submit("Tower")
    job = fleet.submit("Laptop")
    explanation = fleet.explain(job)
    assert (explanation.position, explanation.before) == (0, 1)


def test_a_job_says_which_checkpoint_is_served_before_it_and_until_when(
    fleet: ExplainWorld,
) -> None:
    fleet.learn("Laptop", pace=1.0, load=15.0)
    fleet.tell("Laptop", loaded=SDXL)
    fleet.submit("Laptop", checkpoint_name=SDXL)
    job = fleet.submit("Laptop")
    other = fleet.submit("Laptop", checkpoint_name=PONY)
    assert "may go first" not in fleet.why(job)
    assert fleet.why(other).count(f"Jobs for {SDXL!r}") == 1
    assert "may go first, but for about 2 min at the most once its turn" in fleet.why(other)


@pytest.mark.parametrize("spoken", ["sd_xl_base_1.0", "31E35C80FC"])
def test_a_loaded_checkpoint_is_known_without_its_extension_and_by_its_hash(
    fleet: ExplainWorld, spoken: str
) -> None:
    fleet.tell("Laptop", loaded=f"{SDXL} [31e35c80fc]")
    job = fleet.submit("Laptop", checkpoint_name=spoken)
    outlook = fleet.outlook(job, "Laptop")
    assert (outlook.is_loaded, outlook.load_seconds) == (True, 0.0)


def test_a_job_that_others_go_before_says_since_when_and_until_when(fleet: ExplainWorld) -> None:
    job = fleet.submit("Laptop", checkpoint_name=SDXL)
    now = fleet.clock.now()
    told = turn(
        job,
        (),
        fleet.outlook(job, "Laptop"),
        before=0,
        passed=PassedOver(since=now, until=now + timedelta(minutes=2)),
        bound=120.0,
        fairness=False,
    )
    assert told.endswith(
        "Since 2025-01-01T12:00:00.000Z others go first whose checkpoints are loaded; at "
        "2025-01-01T12:02:00.000Z at the latest it goes before all of them."
    )


def test_a_job_that_waits_for_a_running_one_says_how_long(fleet: ExplainWorld) -> None:
    fleet.learn("Laptop", pace=10.0)
    running = fleet.begin(fleet.submit("Laptop", width=1000, height=1000, steps=4), "Laptop")
    half = Progress(fraction=0.5, phase=Phase.SAMPLING)
    fleet.tell("Laptop", job=running, progress=half)
    job = fleet.submit("Laptop")
    assert fleet.why(job).startswith("It is next: server 'Laptop' is busy for about 20 s more.")
    note = fleet.outlook(job, "Laptop").note
    assert note == "It runs another job, for about 20 s more."


def test_a_running_job_says_how_far_it_is(fleet: ExplainWorld) -> None:
    fleet.learn("Laptop", pace=10.0)
    job = fleet.begin(fleet.submit("auto", width=1000, height=1000, steps=4), "Laptop")
    fleet.tell("Laptop", job=job, progress=Progress(fraction=0.25, phase=Phase.SAMPLING))
    explanation = fleet.explain(job)
    assert explanation.why == "It runs on server 'Laptop', 25% done, about 30 s to go."
    assert explanation.eta_seconds == pytest.approx(30)
    assert explanation.chosen == "Laptop"
    assert explanation.story == (
        "Attempt 1 on server 'Laptop' has been under way for about a second.",
    )


def test_the_servers_own_guess_counts_for_what_it_runs(fleet: ExplainWorld) -> None:
    job = fleet.begin(fleet.submit("Laptop"), "Laptop")
    guess = Progress(fraction=0.25, phase=Phase.SAMPLING, eta_seconds=7.0)
    fleet.tell("Laptop", job=job, progress=guess)
    assert fleet.queue.eta(job.id) == 7.0


def test_a_job_that_is_tried_again_says_when_and_what_went_wrong(fleet: ExplainWorld) -> None:
    job = fleet.break_off(fleet.submit("auto"), "Laptop", wait=30.0)
    assert fleet.why(job) == "It is tried again in about 30 s. The server broke."
    assert fleet.explain(job).story == (
        "Attempt 1 on server 'Laptop': failed after about a second. The server broke.",
    )


def test_a_server_that_has_failed_the_job_comes_last(fleet: ExplainWorld) -> None:
    job = fleet.break_off(fleet.submit("auto"), "Laptop", avoid=True)
    outlook = fleet.outlook(job, "Laptop")
    assert outlook.note == "It has failed this job before; others go first."
    assert fleet.outlook(job, "Tower").is_best


def test_the_best_server_is_the_one_that_is_done_first(fleet: ExplainWorld) -> None:
    fleet.learn("Laptop", pace=10.0)
    fleet.learn("Tower", pace=1.0)
    job = fleet.submit("auto", width=1000, height=1000, steps=1)
    assert fleet.outlook(job, "Tower").is_best
    for _ in range(20):
        fleet.submit("Tower", width=1000, height=1000, steps=1)
    late = fleet.submit("auto", width=1000, height=1000, steps=1)
    assert fleet.outlook(late, "Laptop").is_best


def test_clients_that_take_turns_explain_that_jobs_of_later_come_before(tmp_path: Path) -> None:
    world = ExplainWorld(tmp_path, settings=with_settings(fairness=True))
    adas = [
        world.queue.submit("Laptop", positive_prompt="a cat", client_id="ada") for _ in range(3)
    ]
    world.queue.submit("Laptop", positive_prompt="a dog", client_id="bob")
    explanation = world.explain(adas[-1])
    assert explanation.before == 3
    assert "Clients take turns" in explanation.why
    world.close()


def test_a_job_in_parts_says_how_far_they_are(tmp_path: Path) -> None:
    world = ExplainWorld(
        tmp_path,
        {"Laptop": having(SDXL), "Tower": having(SDXL)},
        settings=with_settings(split_batches=True),
    )
    job = world.submit("auto", num_images=8, checkpoint_name=SDXL)
    parts = world.queue.parts(job.id)
    assert len(parts) == 2
    world.queue.servers.pause("Laptop")
    assert world.why(job).startswith("It is made in 2 parts: 0 of them done, 2 still to start.")
    world.queue.servers.pause("Tower")
    assert "What could run it takes no jobs now." in world.why(job)
    for alias in world.forges:
        world.queue.servers.resume(alias)
    world.begin(parts[0], "Tower")
    note = world.outlook(job, "Tower").note or ""
    assert note.startswith("It runs a part of this job, for about ")
    assert world.outlook(parts[1], "Tower").note == note.replace(
        "a part of this job", "another part of the same job"
    )
    explanation = world.explain(job)
    assert (
        explanation.why == "It is made in 2 parts: 0 of them done, 1 on 'Tower', 1 still to start."
    )
    assert explanation.eta_seconds is not None
    world.close()


def test_a_job_that_was_made_in_parts_tells_who_made_them(tmp_path: Path) -> None:
    world = ExplainWorld(
        tmp_path,
        {"Laptop": having(SDXL), "Tower": having(SDXL)},
        settings=with_settings(split_batches=True),
    )
    job = world.submit("auto", num_images=8, checkpoint_name=SDXL)
    first, second = world.queue.parts(job.id)
    world.break_off(first, "Laptop", avoid=True)
    world.complete(first, "Tower", seconds=12)
    world.complete(second, "Tower", seconds=20)
    assert [sentence[:32] for sentence in world.explain(job).story] == [
        "Part 1 of 2: Attempt 1 on server",
        "Part 1 of 2: Attempt 2 on server",
        "Part 2 of 2: Attempt 1 on server",
    ]
    whole = world.change(
        job,
        lambda job: job.begin_in_parts(now=world.clock.now()).complete(
            JobResult(images=("a.png",), info="Done.", generation_info={}),
            sent=None,
            now=world.clock.now(),
        ),
    )
    assert world.why(whole) == "It was made in 2 parts in about 32 s: 2 by server 'Tower'."
    world.close()


def test_a_job_that_has_ended_tells_its_story(fleet: ExplainWorld) -> None:
    fleet.break_off(job := fleet.submit("auto"), "Laptop", avoid=True)
    done = fleet.complete(job, "Tower", seconds=12)
    explanation = fleet.explain(done)
    assert explanation.why == "Server 'Tower' made it in about 12 s."
    assert explanation.chosen_why == (
        "It has all that the job needs, which had failed on 'Laptop' before."
    )
    assert explanation.story[-1] == "Attempt 2 on server 'Tower' was done in about 12 s."
    assert (explanation.servers, explanation.eta_seconds) == ((), None)


def test_a_job_that_has_failed_repeats_why(fleet: ExplainWorld) -> None:
    job = fleet.begin(fleet.submit("Laptop"), "Laptop")
    failure = JobFailure(code="unknown_sampler", message="It has no such sampler.")
    failed = fleet.change(job, lambda job: job.fail(failure, now=fleet.clock.now()))
    assert fleet.why(failed) == "It failed. It has no such sampler."
    assert fleet.explain(failed).chosen_why == "The job names it."


def test_a_job_that_was_cancelled_says_so(fleet: ExplainWorld) -> None:
    job = fleet.submit("Laptop")
    fleet.queue.cancel(job.id)
    assert fleet.why(job) == "It was cancelled."


def test_a_job_that_is_not_there_cannot_be_explained(fleet: ExplainWorld) -> None:
    with pytest.raises(JobNotFound):
        fleet.queue.explain("nowhere")
    with pytest.raises(JobNotFound):
        fleet.queue.eta("nowhere")


def test_a_job_is_explained_as_it_is_not_as_it_was_when_it_was_read(fleet: ExplainWorld) -> None:
    job = fleet.submit("Laptop")
    fleet.queue.hold(job.id)
    assert not job.held
    assert "released" in fleet.queue.explain(job).why


def test_explaining_changes_nothing(fleet: ExplainWorld) -> None:
    job = fleet.submit("auto")
    before = fleet.queue.events()
    fleet.explain(job)
    assert fleet.queue.get(job.id) == evolve(job, image_folder=fleet.queue.images.folder)
    assert fleet.queue.events() == before


def test_the_total_counts_all_that_can_run(fleet: ExplainWorld) -> None:
    for alias in ("Laptop", "Tower"):
        fleet.learn(alias, pace=10.0)
    for _ in range(6):
        fleet.submit("auto", width=1000, height=1000, steps=1)
    status = fleet.queue.status()
    assert status.jobs[JobStatus.PENDING] == status.backlog.jobs == 6
    assert status.eta_seconds == pytest.approx(30)
    assert status.backlog.by_server == {
        "Laptop": pytest.approx(30),
        "Tower": pytest.approx(30),
    }


def test_jobs_that_nobody_can_run_are_not_in_the_total(fleet: ExplainWorld) -> None:
    fleet.learn("Laptop", pace=10.0)
    fleet.submit("Laptop", width=1000, height=1000, steps=1)
    job = fleet.submit("auto", checkpoint_name="nowhere.safetensors")
    fleet.explain(job)
    status = fleet.queue.status()
    assert (status.backlog.jobs, status.backlog.unserved) == (2, 1)
    assert status.eta_seconds == pytest.approx(10)


def test_a_job_whose_models_are_to_be_fetched_waits_until_every_server_was_asked(
    fleet: ExplainWorld,
) -> None:
    fleet.tell("Tower", ServerStatus.OFFLINE, last_error="Server 'Tower' cannot be reached.")
    job = fleet.submit("auto", checkpoint_name="new.safetensors", on_missing_model="download")
    assert fleet.why(job).endswith("Nothing is fetched before server 'Tower' was asked, too.")


@pytest.mark.parametrize(
    "obstacle",
    ["held", "paused", "server paused", "missing", "nobody", "later", "none"],
)
def test_the_waiting_reason_of_a_job_is_the_beginning_of_its_explanation(
    fleet: ExplainWorld, obstacle: str
) -> None:
    lacks = {"checkpoint_name": "nowhere.safetensors"} if obstacle == "missing" else {}
    job = fleet.submit("auto", **lacks)
    match obstacle:
        case "held":
            fleet.queue.hold(job.id)
        case "paused":
            fleet.queue.pause()
        case "server paused":
            for alias in fleet.forges:
                fleet.queue.servers.pause(alias)
        case "nobody":
            fleet.clock.advance(3600)
        case "later":
            fleet.break_off(job, "Laptop", wait=5.0)
    why = fleet.why(job)
    reason = fleet.queue.waiting_reason(fleet.queue.get(job.id))
    assert (reason is None) is (obstacle == "none")
    assert why.startswith(reason or "It is next")


def test_what_is_best_is_what_the_estimate_tells(fleet: ExplainWorld) -> None:
    for target in ("auto", "Laptop", "Tower", "auto"):
        explanation = fleet.explain(fleet.submit(target))
        (best,) = (each for each in explanation.servers if each.is_best)
        assert explanation.eta_seconds == best.done_in == fleet.queue.eta(explanation.job_id)


def test_a_job_behind_more_work_is_never_earlier(fleet: ExplainWorld) -> None:
    job = fleet.submit("auto")
    before = fleet.queue.eta(job) or 0.0
    for target in ("Laptop", "auto", "Tower", "auto"):
        fleet.queue.submit(target, positive_prompt="first", priority=5)
        now = fleet.queue.eta(job) or 0.0
        assert now >= before
        before = now
