"""A job that lacks a model waits until it was fetched, and then it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dispatch.supply_worlds import FOX, INK, SupplyWorld
from tests.worlds import SDXL

from stablequeue_core import JobStatus
from stablequeue_core.downloads import DownloadStatus
from stablequeue_core.errors import (
    CivitaiUnavailable,
    GenerationOnly,
    ModelFileExists,
    ModelNotSupplied,
)
from stablequeue_core.events import EventKind
from stablequeue_core.testing.forge_simulator import CheckpointFile, LoraFile, ModuleFile

REFRESH = "POST /sdapi/v1/refresh-loras"
INK_FILE = LoraFile(path=f"styles/{INK}.safetensors")
FOX_FILE = LoraFile(path=f"styles/{FOX}.safetensors")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SupplyWorld]:
    made = SupplyWorld(tmp_path / "queue")
    yield made
    made.close(grace=0)


def test_a_job_waits_for_the_model_that_its_server_lacks_and_says_so(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())

    assert job.status is JobStatus.PENDING
    (download,) = job.waits_for
    assert world.queue.waiting_reason(job) == job.waiting_reason
    assert job.waiting_reason == (
        f"Waits for inkWash_v3.safetensors (Ink Wash Style v3) to be fetched: download {download}."
    )
    assert [(wanted.kind, wanted.name) for wanted in world.orders.wants] == [("LoRA", INK)]


def test_it_runs_as_if_nothing_had_been_when_the_file_is_there(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())
    world.forge.disk.add(INK_FILE)
    world.complete(job.waits_for[0])

    done = world.finish(job)
    assert done.status is JobStatus.COMPLETED
    assert (done.retry_count, done.failures, len(done.attempts)) == (0, 0, 1)
    assert done.supplied_by == job.waits_for
    assert done.waits_for == ()
    assert done.seed == job.seed, "drawn when it was first looked at"


def test_while_it_waits_it_has_no_attempt_and_no_task_and_others_run(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())

    assert world.run(seed=1).status is JobStatus.COMPLETED
    waiting = world.queue.get(job.id)
    assert (waiting.attempts, waiting.task_id, waiting.server) == ((), None, None)


def test_a_job_fails_for_lack_of_a_model_unless_it_says_otherwise(world: SupplyWorld) -> None:
    failed = world.run(positive_prompt=f"<lora:{INK}:1>")

    assert failed.failure is not None
    assert failed.failure.code == "unknown_lora"
    assert world.orders.wants == []


def test_all_that_is_missing_is_ordered_at_once_and_waited_for(world: SupplyWorld) -> None:
    job = world.until_waiting(
        world.wanting(
            positive_prompt=f"<lora:{INK}:1><lora:{FOX}:1>",
            checkpoint_name="toonBase_v1.safetensors",
            refiner_model="toonRefiner.safetensors",
            override_settings={"forge_additional_modules": ["toonVae.safetensors"]},
            model_sources={INK: "700201", "toonRefiner.safetensors": 700301},
        )
    )
    assert [(wanted.kind, wanted.name, wanted.source) for wanted in world.orders.wants] == [
        ("checkpoint", "toonBase_v1.safetensors", None),
        ("checkpoint", "toonRefiner.safetensors", "700301"),
        ("LoRA", INK, "700201"),
        ("LoRA", FOX, None),
        ("module", "toonVae.safetensors", None),
    ]

    world.forge.disk.add(CheckpointFile(path="toonBase_v1.safetensors"))
    world.forge.disk.add(CheckpointFile(path="toonRefiner.safetensors"))
    world.forge.disk.add(INK_FILE).add(FOX_FILE)
    world.forge.disk.add(ModuleFile(path="VAE/toonVae.safetensors"))
    for download in job.waits_for[:-1]:
        world.complete(download)
    world.nothing_more_happens()
    still = world.queue.get(job.id)
    assert still.waits_for == job.waits_for
    assert (world.queue.waiting_reason(still) or "").count("Waits for") == 1

    world.complete(job.waits_for[-1])
    assert world.finish(job).status is JobStatus.COMPLETED


def test_many_jobs_wait_for_one_download_and_nobody_is_asked_for_each(world: SupplyWorld) -> None:
    first = world.until_waiting(world.wanting())
    refreshed = world.forge.counts[REFRESH]
    others = [world.wanting(seed=seed) for seed in range(5)]
    assert {world.until_waiting(job).waits_for for job in others} == {first.waits_for}
    assert len(world.orders.wants) == 1
    assert world.forge.counts[REFRESH] == refreshed

    world.forge.disk.add(INK_FILE)
    world.complete(first.waits_for[0])
    assert {world.finish(job).status for job in (first, *others)} == {JobStatus.COMPLETED}


def test_a_model_that_was_fetched_and_lost_again_is_ordered_again_for_the_next_job(
    world: SupplyWorld,
) -> None:
    first = world.until_waiting(world.wanting())
    world.forge.disk.add(INK_FILE)
    world.complete(first.waits_for[0])
    world.finish(first)
    world.forge.disk.remove(INK_FILE.path)
    world.forge.restart()
    world.doubt_all()

    second = world.until_waiting(world.wanting())

    assert second.waits_for != first.waits_for
    assert world.orders.names == [INK, INK]


def test_a_download_that_fails_fails_the_jobs_that_wait_for_it(world: SupplyWorld) -> None:
    jobs = [world.until_waiting(world.wanting(seed=seed)) for seed in (1, 2)]
    world.lose(jobs[0].waits_for[0], "archived", "This model is archived at Civitai.")

    for job in map(world.until_failed, jobs):
        assert job.failure is not None
        assert job.failure.code == "model_not_supplied"
        assert job.failure.message == (
            "inkWash_v3.safetensors (Ink Wash Style v3) was not fetched. This model is archived at "
            "Civitai. Retry the job to order what it lacks again."
        )
        assert job.failure.details["wanted"] == ["inkWash_v3.safetensors"]
        assert job.attempts == ()


def test_a_download_that_is_cancelled_fails_the_job(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())
    world.cancel_download(job.waits_for[0])

    failed = world.until_failed(job)
    assert failed.failure is not None
    assert "was cancelled" in failed.failure.message


def test_one_of_two_downloads_that_fails_is_enough(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting(positive_prompt=f"<lora:{INK}:1><lora:{FOX}:1>"))
    world.lose(job.waits_for[1], "not_enough_space", "The disk is full.")

    assert "The disk is full." in str(world.until_failed(job).failure)


def test_a_retry_orders_anew_what_did_not_come(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())
    world.cancel_download(job.waits_for[0])
    world.until_failed(job)

    world.queue.retry(job.id)
    again = world.until_waiting(job)
    assert again.waits_for != job.waits_for

    world.forge.disk.add(INK_FILE)
    world.complete(again.waits_for[0])
    assert world.finish(job).status is JobStatus.COMPLETED


def test_a_file_that_does_not_help_fails_the_job_and_is_never_fetched_again(
    world: SupplyWorld,
) -> None:
    job = world.until_waiting(world.wanting())
    world.complete(job.waits_for[0])

    failed = world.until_failed(job)
    assert failed.failure is not None
    assert failed.failure.code == "model_not_supplied"
    assert failed.failure.message == (
        "Server 'Laptop' does not list 'styles/inkWash_v3.safetensors', which is here, below the "
        "folder for lora files. Share that folder with it, or copy the file there, then retry the "
        "job."
    )
    assert world.orders.names == [INK]


def test_a_file_that_the_server_knows_by_another_name_says_which(world: SupplyWorld) -> None:
    world.orders.filenames[INK] = "ink_final"
    job = world.until_waiting(world.wanting())
    world.forge.disk.add(LoraFile(path="styles/ink_final.safetensors"))
    world.complete(job.waits_for[0])

    failed = world.until_failed(job)
    assert failed.failure is not None
    assert failed.failure.message == (
        "'styles/ink_final.safetensors' is here, and server 'Laptop' lists it, but it knows "
        "nothing by the name 'inkWash_v3'. Submit the job again with the file's own name."
    )


def test_a_file_that_was_here_by_another_name_says_which_too(world: SupplyWorld) -> None:
    world.forge.disk.add(LoraFile(path="styles/ink_final.safetensors"))
    world.orders.refusals[INK] = ModelFileExists("styles/ink_final.safetensors", is_same=True)

    assert "by the name 'inkWash_v3'" in str(world.until_failed(world.wanting()).failure)


def test_a_new_upscaler_is_listed_only_after_a_restart_of_the_server(world: SupplyWorld) -> None:
    world.orders.folder = ""
    job = world.until_waiting(
        world.submit(on_missing_model="download", enable_hires_fix=True, upscaler_model="4x-Harbor")
    )
    world.complete(job.waits_for[0])

    failed = world.until_failed(job)
    assert failed.failure is not None
    assert "restart it" in failed.failure.message


def test_a_retry_of_it_looks_at_the_server_again(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())
    world.complete(job.waits_for[0])
    world.until_failed(job)
    world.forge.disk.add(INK_FILE)

    world.queue.retry(job.id)

    assert world.finish(job).status is JobStatus.COMPLETED
    assert world.orders.names == [INK]


@pytest.mark.parametrize(
    "param", [{"sampler_name": "Eulr"}, {"scheduler_or_quality_preset": "Zed"}]
)
def test_what_is_no_file_cannot_be_fetched_and_then_nothing_else_is(
    world: SupplyWorld, param: dict[str, str]
) -> None:
    failed = world.until_failed(world.wanting(**param))

    assert failed.failure is not None
    assert failed.failure.code in ("unknown_sampler", "unknown_scheduler")
    assert world.orders.wants == []


def test_what_cannot_be_had_fails_the_job_with_both_sentences(world: SupplyWorld) -> None:
    world.orders.refusals[INK] = ModelNotSupplied([INK], "Nobody knows where it is.")

    failed = world.until_failed(world.wanting())

    assert failed.failure is not None
    assert failed.failure.code == "model_not_supplied"
    assert failed.failure.message.startswith(f"Server 'Laptop' has no LoRA '{INK}'.")
    assert failed.failure.message.endswith("It cannot be fetched: Nobody knows where it is.")
    assert failed.failure.details["wanted"] == [INK]


def test_a_refusal_of_civitais_is_told_in_its_own_words(world: SupplyWorld) -> None:
    world.orders.refusals[INK] = GenerationOnly()

    failed = world.until_failed(world.wanting())

    assert "disabled downloads" in str(failed.failure)


def test_while_civitai_is_away_the_job_waits_and_asks_again(world: SupplyWorld) -> None:
    world.orders.refusals[INK] = CivitaiUnavailable("Civitai does not answer.")
    job = world.wanting()
    world.until(lambda: len(world.orders.wants) >= 3)

    world.orders.refusals.clear()
    waiting = world.until_waiting(job)
    assert (waiting.attempts, waiting.failures) == ((), 0)
    reasons = [
        str(event.data.get("reason"))
        for event in world.queue.events()
        if event.kind is EventKind.JOB_REQUEUED
    ]
    assert "Civitai does not answer." in reasons[0]


def test_a_file_that_is_here_already_is_not_fetched_but_said_not_to_be_shared(
    world: SupplyWorld,
) -> None:
    world.orders.refusals[INK] = ModelFileExists(f"styles/{INK}.safetensors", is_same=True)

    failed = world.until_failed(world.wanting())

    assert failed.failure is not None
    assert failed.failure.code == "model_not_supplied"
    assert "does not list 'styles/inkWash_v3.safetensors', which is here" in failed.failure.message


def test_a_file_that_comes_while_it_is_ordered_is_used(world: SupplyWorld) -> None:
    world.orders.refusals[INK] = ModelFileExists(f"styles/{INK}.safetensors", is_same=True)
    world.orders.on_order = lambda: world.forge.disk.add(INK_FILE)

    assert world.finish(world.wanting()).status is JobStatus.COMPLETED


def test_another_file_of_that_name_is_in_the_way(world: SupplyWorld) -> None:
    world.orders.refusals[INK] = ModelFileExists(f"styles/{INK}.safetensors", is_same=False)

    assert "It is another file" in str(world.until_failed(world.wanting()).failure)


def test_where_nothing_can_be_downloaded_the_job_says_so(tmp_path: Path) -> None:
    world = SupplyWorld(tmp_path)
    world.orderer = None

    failed = world.until_failed(world.wanting())

    assert failed.failure is not None
    assert f"has no LoRA '{INK}'" in failed.failure.message
    assert failed.failure.message.endswith("Nothing can be downloaded here.")
    world.close()


def test_a_job_that_waits_is_cancelled_at_once_and_its_download_goes_on(
    world: SupplyWorld,
) -> None:
    job = world.until_waiting(world.wanting())
    cancelled = world.queue.cancel(job.id)

    assert (cancelled.status, cancelled.waits_for) == (JobStatus.CANCELLED, ())
    assert world.storage is not None
    assert world.storage.downloads.get(job.waits_for[0]).status is DownloadStatus.QUEUED

    world.queue.retry(job.id)
    assert world.until_waiting(job).waits_for == job.waits_for, "it joins the same download"


def test_a_job_that_waits_can_be_deleted(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())
    world.queue.delete(job.id)
    world.complete(job.waits_for[0])
    world.nothing_more_happens()

    assert world.queue.list().total == 0


def test_a_job_that_waits_follows_its_server_to_its_new_name(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())
    world.forges["Notebook"] = world.forge
    world.queue.servers.update("Laptop", {"alias": "Notebook"})
    world.forge.disk.add(INK_FILE)
    world.complete(job.waits_for[0])

    assert world.finish(job).server == "Notebook"


def test_a_job_that_waits_goes_with_its_server_when_that_is_removed_by_force(
    world: SupplyWorld,
) -> None:
    job = world.until_waiting(world.wanting())
    world.queue.servers.remove("Laptop", force=True)

    assert world.queue.get(job.id).status is JobStatus.CANCELLED


def test_a_download_that_is_paused_is_told_as_the_reason(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())
    world.pause_download(job.waits_for[0])

    reason = world.queue.waiting_reason(world.queue.get(job.id)) or ""
    assert reason.endswith("which is paused.")


def test_the_log_tells_what_a_job_waits_for(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())

    (told,) = [e for e in world.queue.events() if e.kind is EventKind.JOB_REQUEUED]
    assert told.data["waits_for"] == list(job.waits_for)
    assert told.data["reason"] == job.waiting_reason


def test_a_job_goes_on_waiting_after_a_restart(world: SupplyWorld) -> None:
    job = world.until_waiting(world.wanting())
    world.close()

    assert world.queue.get(job.id).waits_for == job.waits_for
    world.forge.disk.add(INK_FILE)
    world.complete(job.waits_for[0])
    done = world.finish(job)
    assert done.status is JobStatus.COMPLETED
    assert (done.seed, done.supplied_by) == (job.seed, job.waits_for)


def test_a_download_that_ended_while_nobody_ran_jobs_is_noticed_at_the_start(
    world: SupplyWorld,
) -> None:
    jobs = [world.until_waiting(world.wanting(lora)) for lora in (INK, FOX)]
    assert world.dispatcher is not None
    world.dispatcher.close(5.0)
    world.forge.disk.add(INK_FILE)
    world.complete(jobs[0].waits_for[0])
    world.cancel_download(jobs[1].waits_for[0])
    world.close()

    assert world.finish(jobs[0]).status is JobStatus.COMPLETED
    assert world.finish(jobs[1]).status is JobStatus.FAILED


def test_a_job_that_was_supplied_is_not_supplied_again_after_a_restart(
    world: SupplyWorld,
) -> None:
    job = world.until_waiting(world.wanting())
    world.queue.servers.pause("Laptop")
    world.complete(job.waits_for[0])
    world.until(lambda: not world.queue.get(job.id).waits_for)
    world.close()

    world.queue.servers.resume("Laptop")
    world.until_failed(job)
    assert world.orders.names == [INK]


def test_a_wish_to_cancel_that_comes_while_the_order_is_under_way_is_heard(
    world: SupplyWorld,
) -> None:
    job = world.wanting(checkpoint_name=SDXL)
    world.orders.on_order = lambda: world.queue.cancel(job.id, timeout=0)

    assert world.finish(job).status is JobStatus.CANCELLED
