"""A picture is made again: from its text, or from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.worlds import PONY, World

from stablequeue_core import JobStatus
from stablequeue_core.errors import IdempotencyKeyReused, InvalidInfotext, InvalidParams

TEXT = (
    "a fox\nNegative prompt: blur\nSteps: 3, Sampler: DPM++ 2M, Schedule type: Karras, "
    "CFG scale: 5, Seed: 3, Size: 64x128, Model: cyberrealisticPony_v8, Mask blur: 4"
)


def picture_of(world: World, **params: Any) -> tuple[Path, bytes]:
    """A picture that the simulated server has made, and its bytes."""
    done = world.run(**params)
    assert done.status is JobStatus.COMPLETED
    return done.images[0], done.images[0].read_bytes()


def test_a_text_is_a_job(world: World) -> None:
    done = world.finish(world.queue.submit_infotext("Laptop", TEXT))
    assert done.status is JobStatus.COMPLETED
    payload = done.attempts[-1].sent or {}
    assert payload["prompt"] == "a fox"
    assert (payload["width"], payload["height"], payload["steps"]) == (64, 128, 3)
    assert (payload["sampler_name"], payload["scheduler"]) == ("DPM++ 2M", "Karras")
    assert payload["override_settings"]["sd_model_checkpoint"] == PONY
    assert payload["seed"] == 3


def test_the_text_stays_with_the_job_as_it_was_given(world: World) -> None:
    job = world.queue.submit_infotext("Laptop", TEXT, {"steps": 4}, seed=9)
    assert world.queue.get(job.id).params == {
        "generation_info_raw": TEXT, "steps": 4, "seed": 9,
    }  # fmt: skip


def test_what_the_text_says_and_we_cannot_is_named_with_the_result(world: World) -> None:
    done = world.finish(world.queue.submit_infotext("Laptop", TEXT))
    assert done.result is not None
    assert done.result.ignored_params == ("infotext: Mask blur",)


def test_keywords_win_over_the_dictionary_and_both_over_the_text(world: World) -> None:
    done = world.finish(
        world.queue.submit_infotext("Laptop", TEXT, {"steps": 4, "seed": 8}, seed=9)
    )
    payload = done.attempts[-1].sent or {}
    assert (payload["steps"], payload["seed"], payload["cfg_scale"]) == (4, 9, 5.0)


def test_a_picture_is_made_again_from_its_file(world: World) -> None:
    """The simulated server paints the same picture for the same request."""
    path, picture = picture_of(
        world,
        positive_prompt="a fox\nin snow: <lora:old_sailor:0.8>, deep",
        negative_prompt="blur",
        checkpoint_name=PONY,
        sampler_name="Euler a",
        scheduler="Karras",
        seed=7,
        override_settings={"CLIP_stop_at_last_layers": 2},
    )
    again = world.finish(world.queue.submit_from_image("Laptop", path))
    assert again.status is JobStatus.COMPLETED
    assert again.images[0].read_bytes() == picture


def test_a_second_pass_is_made_again_from_its_file(world: World) -> None:
    path, picture = picture_of(
        world,
        seed=7,
        enable_hires_fix=True,
        upscaler_model="Latent",
        hr_scale=1.5,
        denoising_strength=0.4,
        hr_prompt="a fox, sharp",
        hr_cfg=3,
        hr_second_pass_steps=2,
    )
    again = world.finish(world.queue.submit_from_image("Laptop", str(path)))
    assert again.images[0].read_bytes() == picture


def test_a_picture_may_be_made_again_with_another_seed(world: World) -> None:
    path, picture = picture_of(world, seed=7)
    again = world.finish(world.queue.submit_from_image("Laptop", path, seed=8))
    assert again.seed == 8
    assert again.images[0].read_bytes() != picture


def test_a_text_without_settings_is_refused(world: World) -> None:
    with pytest.raises(InvalidParams, match="generation_info_raw: cannot be used") as caught:
        world.queue.submit_infotext("Laptop", "just a prompt: 1, 2, 3")
    assert [problem.path for problem in caught.value.problems] == ["generation_info_raw"]


def test_a_file_that_is_no_picture_is_refused(world: World, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(InvalidInfotext, match=r"'notes\.txt' is no PNG"):
        world.queue.submit_from_image("Laptop", path)
    assert world.queue.list().total == 0


def test_the_same_key_and_the_same_text_give_the_same_job(world: World) -> None:
    world.queue.pause()
    first = world.queue.submit_infotext("Laptop", TEXT, idempotency_key="k", priority=5)
    again = world.queue.submit_infotext("Laptop", TEXT, idempotency_key="k", priority=5)
    assert (again.id, again.priority) == (first.id, 5)
    with pytest.raises(IdempotencyKeyReused):
        world.queue.submit_infotext("Laptop", TEXT, idempotency_key="k", priority=5, steps=4)
