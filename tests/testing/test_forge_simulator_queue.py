"""One job at a time, first come first served; and how a job is watched and stopped."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from tests.testing.forge_client import Client, Pending, picture, recorded_forge

NOT_THERE = {"active": False, "queued": False, "completed": False}


def flags(answer: dict[str, object]) -> dict[str, object]:
    return {name: answer[name] for name in NOT_THERE}


def wait_for_line(client: Client, length: int) -> None:
    client.forge.wait_until(lambda forge: len(forge.waiting_tasks) == length)


def test_jobs_run_in_the_order_in_which_they_came() -> None:
    client = Client(recorded_forge())
    with client.forge.held():
        jobs = [client.start(force_task_id="0")]
        client.forge.wait_until(lambda forge: forge.active_task == "0")
        for number in range(1, 4):
            jobs.append(client.start(force_task_id=str(number)))
            wait_for_line(client, number)
        assert client.task("2")["textinfo"] == "In queue: 2/3"
    for job in jobs:
        job.result()
    assert [one.task_id for one in client.forge.rendered] == ["0", "1", "2", "3"]


def test_refreshing_checkpoints_waits_its_turn_and_refreshing_loras_does_not() -> None:
    client = Client(recorded_forge())
    with client.forge.held():
        job = client.start()
        client.forge.wait_until(lambda forge: forge.active_task)
        client.post("refresh-loras")
        waiting = Pending(lambda: client.send("POST", "/sdapi/v1/refresh-checkpoints"))
        client.forge.wait_until(lambda forge: forge.counts["POST /sdapi/v1/refresh-checkpoints"])
        assert not waiting.done
    assert job.result().status == 200
    assert waiting.result().json() is None


def test_a_human_at_the_web_ui_holds_the_same_lock() -> None:
    client = Client(recorded_forge())
    with client.forge.held():
        human = client.forge.human_job(steps=3)
        client.forge.wait_until(lambda forge: forge.active_task == human.task_id)
        ours = client.start(force_task_id="ours")
        client.forge.wait_until(lambda forge: forge.waiting_tasks == ["ours"])
        assert client.get("progress")["state"]["job"] == human.task_id
    assert ours.result().status == 200
    assert [one.task_id for one in client.forge.rendered] == ["ours"]


def test_only_the_last_sixteen_completed_tasks_are_remembered() -> None:
    client = Client(recorded_forge())
    for number in range(17):
        client.txt2img(force_task_id=f"task({number})")
    assert flags(client.task("task(0)")) == NOT_THERE
    assert client.task("task(1)")["completed"]


def test_a_failed_task_stays_active_until_another_starts_and_is_never_completed() -> None:
    client = Client(recorded_forge())
    assert client.failure(force_task_id="bad", steps=0)[0] == 500
    answer = client.task("bad")
    assert (answer["active"], answer["progress"]) == (True, 0.0)
    assert client.forge.active_task is None
    client.txt2img(force_task_id="good")
    assert flags(client.task("bad")) == NOT_THERE


def test_an_id_used_twice_is_active_and_completed_at_once() -> None:
    client = Client(recorded_forge())
    client.txt2img(force_task_id="twice")
    with client.forge.held():
        client.start(force_task_id="twice")
        client.forge.wait_until(lambda forge: forge.active_task == "twice")
        assert flags(client.task("twice")) == {"active": True, "queued": False, "completed": True}


def test_progress_while_loading_is_one_percent_with_the_last_jobs_steps() -> None:
    client = Client(recorded_forge())
    client.txt2img(steps=33)
    with client.forge.held(loading=True):
        client.start(override_settings={"sd_model_checkpoint": "ponytest"}, force_task_id="load")
        client.forge.wait_until(lambda forge: forge.loading)
        answer = client.get("progress")
        assert answer["progress"] == 0.01
        assert answer["state"]["job_count"] == -1
        assert answer["state"]["sampling_steps"] == 33
        assert client.task("load")["progress"] == 0.0


def test_hires_counts_two_passes() -> None:
    client = Client(recorded_forge())
    hires: dict[str, Any] = {
        "enable_hr": True,
        "hr_additional_modules": ["Use same choices"],
        "hr_scale": 1.5,
    }
    with client.forge.held(step=5):
        job = client.start(steps=4, hr_second_pass_steps=10, **hires)
        client.forge.wait_until(lambda forge: forge.sampling_step == 5)
        answer = client.get("progress")
    assert answer["state"]["job_count"] == 2
    assert answer["state"]["job_no"] == 1
    assert answer["progress"] == pytest.approx(0.01 + 0.5 + 0.5 * 5 / 10)
    body = job.result().json()
    assert picture(body["images"][0]).size == (96, 96)
    assert json.loads(body["info"])["width"] == 64


def test_hires_without_modules_fails_after_the_first_pass() -> None:
    client = Client(recorded_forge())
    with client.forge.held(step=3):
        job = client.start(steps=4, enable_hr=True)
        client.forge.wait_until(lambda forge: forge.sampling_step == 3)
    assert job.result().json()["error"] == "TypeError"


def test_the_time_stamp_of_progress_is_the_one_in_the_answer() -> None:
    client = Client(recorded_forge())
    with client.forge.held():
        job = client.start()
        client.forge.wait_until(lambda forge: forge.active_task)
        stamp = client.get("progress")["state"]["job_timestamp"]
    assert json.loads(job.result().json()["info"])["job_timestamp"] == stamp
    assert client.get("progress")["state"]["job_timestamp"] == stamp


def test_a_live_preview_comes_every_ten_steps() -> None:
    client = Client(recorded_forge())
    with client.forge.held(step=9):
        job = client.start(force_task_id="one", steps=40)
        client.forge.wait_until(lambda forge: forge.sampling_step == 9)
        assert client.get("progress")["current_image"] is None
    job.result()
    with client.forge.held(step=12):
        client.start(force_task_id="two", steps=40)
        client.forge.wait_until(lambda forge: forge.sampling_step == 12)
        assert client.get("progress?skip_current_image=true")["current_image"] is None
        assert picture(client.get("progress")["current_image"]).format == "PNG"
        asked = {"id_task": "two", "id_live_preview": -1}
        answer = client.send("POST", "/internal/progress", asked).json()
        assert answer["live_preview"].startswith("data:image/png;base64,")
        asked["id_live_preview"] = answer["id_live_preview"]
        assert client.send("POST", "/internal/progress", asked).json()["live_preview"] is None


def test_an_interrupt_while_idle_has_no_effect_on_the_next_job() -> None:
    client = Client(recorded_forge())
    assert client.post("interrupt") == {}
    assert client.get("progress")["state"]["interrupted"]
    client.txt2img(steps=5)
    assert client.forge.rendered[-1].finished
    assert not client.get("progress")["state"]["interrupted"]


def test_an_interrupted_job_looks_like_a_success_and_is_completed() -> None:
    client = Client(recorded_forge())
    whole = client.txt2img(steps=20)
    with client.forge.held(step=7):
        job = client.start(force_task_id="stopped")
        client.forge.wait_until(lambda forge: forge.sampling_step == 7)
        client.post("interrupt")
        body = job.result().json()
    assert len(body["images"]) == 1
    assert body["images"] != whole["images"]
    assert json.loads(body["info"])["infotexts"] == json.loads(whole["info"])["infotexts"]
    assert client.task("stopped")["completed"]
    assert client.get("progress")["state"]["interrupted"]
    assert not client.forge.rendered[-1].finished


def test_an_interrupt_kills_whatever_runs_now_even_the_next_job() -> None:
    client = Client(recorded_forge())
    with client.forge.held():
        first = client.start(force_task_id="first")
        client.forge.wait_until(lambda forge: forge.active_task == "first")
        second = client.start(force_task_id="second")
        client.forge.wait_until(lambda forge: forge.waiting_tasks == ["second"])
        client.post("interrupt")
        first.result()
        client.forge.wait_until(lambda forge: forge.active_task == "second")
        client.post("interrupt")
        assert second.result().status == 200
    assert [one.finished for one in client.forge.rendered] == [False, False]


def test_an_interrupted_batch_keeps_the_pictures_that_were_begun() -> None:
    client = Client(recorded_forge())
    with client.forge.held(step=6):
        job = client.start(n_iter=3)
        client.forge.wait_until(lambda forge: forge.sampling_step == 6)
        assert client.get("progress")["state"]["job"] == "Batch 1 out of 3"
        client.post("interrupt")
        body = job.result().json()
    assert len(body["images"]) == 1
    assert len(json.loads(body["info"])["all_seeds"]) == 3


def test_skip_ends_one_iteration_only() -> None:
    client = Client(recorded_forge())
    with client.forge.held(step=6):
        job = client.start(n_iter=2)
        client.forge.wait_until(lambda forge: forge.sampling_step == 6)
        assert client.post("skip") is None
        client.forge.wait_until(lambda forge: len(forge.rendered) == 1)
    assert len(job.result().json()["images"]) == 2
    assert [one.finished for one in client.forge.rendered] == [False, True]


def test_somebody_else_can_press_interrupt() -> None:
    client = Client(recorded_forge())
    with client.forge.held(step=3):
        job = client.start()
        client.forge.wait_until(lambda forge: forge.sampling_step == 3)
        client.forge.press_interrupt()
        job.result()
    assert not client.forge.rendered[-1].finished
    assert client.forge.counts["POST /sdapi/v1/interrupt"] == 0


def test_too_many_waiting_jobs_make_every_route_hang() -> None:
    client = Client(recorded_forge(worker_threads=3))
    with client.forge.held():
        jobs = [client.start(force_task_id="0")]
        client.forge.wait_until(lambda forge: forge.active_task == "0")
        for number in range(1, 3):
            jobs.append(client.start(force_task_id=str(number)))
            wait_for_line(client, number)
        progress = Pending(lambda: client.send("GET", "/sdapi/v1/progress"))
        client.forge.wait_until(lambda forge: forge.counts["GET /sdapi/v1/progress"])
        assert not progress.done
    assert progress.result().status == 200
    for job in jobs:
        job.result()


def test_waiting_for_what_never_happens_says_so() -> None:
    with pytest.raises(TimeoutError):
        recorded_forge().wait_until(lambda forge: forge.active_task, timeout=0.01)


def test_the_memory_of_what_happened_is_bounded() -> None:
    client = Client(recorded_forge(remember=3))
    for number in range(5):
        client.txt2img(seed=number)
    assert [one.seed for one in client.forge.rendered] == [2, 3, 4]
    assert [one.body["seed"] for one in client.forge.requests] == [2, 3, 4]
    assert client.forge.counts["POST /sdapi/v1/txt2img"] == 5
    assert client.forge.pictures == 5


def test_loading_hashing_and_steps_cost_what_they_are_set_to() -> None:
    client = Client(recorded_forge(load_seconds=0.02, hash_seconds=0.02))
    client.forge.costs.seconds_per_step = 0.01
    began = time.monotonic()
    client.txt2img(steps=3)
    assert time.monotonic() - began >= 0.07


def test_an_interrupt_takes_effect_at_the_next_step() -> None:
    client = Client(recorded_forge(seconds_per_step=0.01))
    job = client.start(steps=100_000)
    client.forge.wait_until(lambda forge: forge.sampling_step >= 2)
    client.post("interrupt")
    assert job.result().status == 200
    assert client.get("progress")["state"]["interrupted"]


def test_a_human_job_dies_with_the_server() -> None:
    forge = recorded_forge()
    with forge.held():
        human = forge.human_job()
        forge.wait_until(lambda forge: forge.active_task == human.task_id)
        forge.restart()
    human.join(5)
    assert not human.is_alive()
    assert forge.active_task is None


def test_many_clients_at_once_get_every_picture_once() -> None:
    client = Client(recorded_forge())
    jobs = [client.start(seed=seed, force_task_id=str(seed)) for seed in range(100)]
    seeds = {json.loads(job.result().json()["info"])["seed"] for job in jobs}
    assert seeds == set(range(100))
    assert sorted(one.seed for one in client.forge.rendered) == list(range(100))
