"""A job's journey when all goes well, and when it is the job's own fault."""

from __future__ import annotations

import pytest
from tests.worlds import PONY, SDXL, World

from stablequeue_core import JobStatus
from stablequeue_core.generation import ImageFormat, sniff
from stablequeue_core.testing.forge_simulator import CheckpointFile, Fault


def test_a_prompt_goes_in_and_a_proved_picture_comes_out(world: World) -> None:
    done = world.run(checkpoint_name=PONY)

    assert done.status is JobStatus.COMPLETED
    assert [sniff(path.read_bytes()) for path in done.images] == [ImageFormat.PNG]
    assert done.result is not None
    assert done.result.proof["checkpoint"]["got"] == "cyberrealisticPony_v8 [9f90c59f3a]"
    assert [picture.checkpoint for picture in world.forge.rendered] == [PONY]


def test_pictures_are_named_after_job_attempt_index_and_seed(world: World) -> None:
    done = world.run(num_images=2, seed=41)

    attempt = done.attempts[0]
    millis = int(attempt.started_at.timestamp() * 1000 + 0.5)
    assert [path.name for path in done.images] == [
        f"{done.id[:8]}_{millis}_00000-41.png",
        f"{done.id[:8]}_{millis}_00001-42.png",
    ]


def test_the_infotext_stays_inside_the_picture(world: World) -> None:
    done = world.run(seed=7)

    assert b"parameters" in done.images[0].read_bytes()
    assert b"Seed: 7" in done.images[0].read_bytes()


def test_a_random_seed_is_drawn_by_us_and_sent(world: World) -> None:
    done = world.run()

    assert done.seed is not None
    assert done.seed >= 0
    assert [picture.seed for picture in world.forge.rendered] == [done.seed]


def test_a_seed_that_was_given_is_kept_even_when_it_is_text(world: World) -> None:
    assert world.run(seed="1806652750").seed == 1806652750


def test_either_separator_finds_the_checkpoint(world: World) -> None:
    assert world.run(checkpoint_name=PONY.replace("/", "\\")).status is JobStatus.COMPLETED
    assert {picture.checkpoint for picture in world.forge.rendered} == {PONY}


def test_a_checkpoint_that_the_server_lacks_fails_the_job_before_anything_is_sent(
    world: World,
) -> None:
    failed = world.run(checkpoint_name="Pony/cyberrealistic_v9.safetensors")

    assert failed.status is JobStatus.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "unknown_checkpoint"
    assert failed.failure.details["available"][0] == PONY
    assert world.forge.counts["POST /sdapi/v1/txt2img"] == 0


def test_a_file_that_is_new_on_the_server_is_found_by_one_refresh(world: World) -> None:
    world.run()
    world.forge.disk.add(CheckpointFile(path="Pony/brand_new.safetensors"))

    assert world.run(checkpoint_name="Pony/brand_new.safetensors").status is JobStatus.COMPLETED
    assert world.forge.counts["POST /sdapi/v1/refresh-checkpoints"] == 1


def test_params_come_back_exactly_as_they_were_given(world: World) -> None:
    params = {
        "positive_prompt": "café 🎨",
        "seed": "",
        "steps": 1,
        "nobody_knows": [1, {"a": None}],
    }

    job = world.queue.submit("Laptop", params)

    done = world.finish(job)
    assert done.params == params
    assert done.result is not None
    assert done.result.ignored_params == ("nobody_knows",)


def test_what_was_really_sent_is_kept_with_the_attempt(world: World) -> None:
    sent = world.run(checkpoint_name=PONY, seed=3).attempts[0].sent

    assert sent is not None
    assert sent["seed"] == 3
    assert sent["override_settings"] == {"sd_model_checkpoint": PONY}


def test_a_bad_request_of_the_servers_own_fails_at_once(world: World) -> None:
    failed = world.run(script_name="no such script")

    assert failed.failure is not None
    assert failed.failure.code == "request_refused"
    assert len(failed.attempts) == 1


def test_a_picture_by_the_wrong_model_is_never_passed_on(world: World) -> None:
    world.run(checkpoint_name=SDXL)
    world.forge.faults.next("txt2img", Fault.WRONG_MODEL, times=None)

    failed = world.run(checkpoint_name=PONY)

    assert failed.status is JobStatus.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "wrong_model"
    (resolved,) = failed.failure.details["resolved"]
    assert resolved.endswith(f"→ {PONY} (same path)")
    assert failed.images == ()
    assert failed.failures == world.settings.max_attempts


def test_jobs_of_one_server_run_in_the_order_of_priority_then_of_submission(world: World) -> None:
    world.queue.pause()
    jobs = [world.submit(seed=1), world.submit(seed=2)]
    jobs.append(
        world.queue.submit(
            "Laptop",
            {"positive_prompt": "x", "width": 64, "height": 64, "steps": 1, "seed": 3},
            priority=5,
        )
    )

    world.queue.resume()

    for job in jobs:
        world.finish(job)
    assert [picture.seed for picture in world.forge.rendered] == [3, 1, 2]


def test_jobs_for_the_loaded_checkpoint_go_first_so_that_it_is_switched_once(world: World) -> None:
    world.run(checkpoint_name=PONY)
    world.queue.pause()
    jobs = [world.submit(checkpoint_name=name) for name in (SDXL, PONY, SDXL, PONY)]

    world.queue.resume()

    for job in jobs:
        world.finish(job)
    made = [picture.checkpoint for picture in world.forge.rendered][1:]
    assert made == [PONY, PONY, SDXL, SDXL]


@pytest.mark.parametrize("spoken", ["sd_xl_base_1.0", "SD_XL_base_1.0.safetensors"])
def test_a_loaded_checkpoint_is_known_however_it_is_spelled(world: World, spoken: str) -> None:
    world.run(checkpoint_name=SDXL)
    world.queue.pause()
    jobs = [world.submit(checkpoint_name=name) for name in (PONY, spoken)]

    world.queue.resume()

    for job in jobs:
        world.finish(job)
    assert [picture.checkpoint for picture in world.forge.rendered][1:] == [SDXL, PONY]
