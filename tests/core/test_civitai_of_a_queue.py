"""Civitai from end to end: a picture there becomes a picture here, with whatever has to be fetched.

Nothing is local at first; the simulated servers see the model folders of the queue.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.worlds import CHECKPOINTS, LORAS, World, with_settings

from stablequeue_core import Job, JobStatus, StableQueue
from stablequeue_core.clock import Clock
from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.errors import (
    InvalidCivitaiLink,
    QueueClosed,
    StableQueueError,
)
from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiSimulator,
    Fault,
    SimulatedAccount,
    SimulatedCivitai,
)
from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    ForgeDisk,
    ForgeSimulator,
    SimulatedForge,
)
from stablequeue_core.testing.forge_simulator import Fault as ForgeFault

PICTURE = 51001
INK = "urn:air:sdxl:lora:civitai:600102@700303"
SMALL = {"width": 64, "height": 64, "steps": 4}
SOON = 2.0
"""Seconds."""


class HastyClock(Clock):
    """Time that passes many times as fast: nobody wants to wait until it is polite to ask again."""

    PACE = 20

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._noon = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self._noon + timedelta(milliseconds=int(self.monotonic() * 1000))

    def monotonic(self) -> float:
        return (time.monotonic() - self._start) * self.PACE

    def wait(self, seconds: float, ended: Callable[[float], bool]) -> bool:
        return ended(seconds / self.PACE)


class Harbor(World):
    """A world with a Civitai, empty model folders, and servers that see these."""

    def __init__(self, folder: Path, *aliases: str, key: str = GOOD_KEY, **settings: Any) -> None:
        self.models = folder / "models"
        folders = {name: self.models / name for name in (CHECKPOINTS, LORAS)}
        for each in folders.values():
            each.mkdir(parents=True)
        super().__init__(
            folder / "queue",
            {alias: SimulatedForge(ForgeDisk(folders=folders)) for alias in aliases or ["Laptop"]},
            settings=with_settings(civitai_api_key=key, **settings),
            checkpoints=folders[CHECKPOINTS],
            loras=folders[LORAS],
            clock=HastyClock(),
        )
        self.civitai = SimulatedCivitai.with_sample_models()
        self.civitai.world.add(SimulatedAccount(key=key))

    def open(self, **opening: Any) -> StableQueue:
        """A queue, for whom Civitai and the servers are one network."""
        forges = ForgeSimulator({self.url(alias): forge for alias, forge in self.forges.items()})
        return super().open(transport=CivitaiSimulator(self.civitai, elsewhere=forges), **opening)

    def again(self, target: str = "Laptop", **fields: Any) -> Job:
        """Make the picture again."""
        wish = {"on_missing_model": "download", **SMALL, **fields}
        return self.queue.submit_from_civitai(PICTURE, target=target, **wish)

    def until_waiting(self, job: Job, downloads: int = 2) -> list[Download]:
        """Wait until the job waits for so many downloads."""
        self.until(lambda: len(self.queue.get(job.id).waits_for) == downloads)
        return [self.queue.downloads.get(each) for each in self.queue.get(job.id).waits_for]

    def until_fetched(self, download: Download, size: int) -> None:
        """Wait until so many bytes are here."""
        self.until(lambda: self.queue.downloads.progress(download.id).bytes_done >= size)

    def files(self, name: str) -> list[str]:
        """The model files of a folder."""
        return sorted(each.name for each in (self.models / name).rglob("*.safetensors"))


@pytest.fixture
def harbor(tmp_path: Path) -> Iterator[Harbor]:
    made = Harbor(tmp_path)
    made.queue.models.scan()
    yield made
    made.civitai.faults.clear()
    made.close(grace=0)


def is_proved(job: Job) -> bool:
    """Whether the job's picture was made with the two models."""
    assert job.status is JobStatus.COMPLETED, job.failure
    assert job.result is not None
    proof = job.result.proof
    assert proof["checkpoint"]["got"] == "harborMixXL_v20 [678001ebc3]"
    assert proof["loras"]["got"] == {"inkWash_v3": "53aa1754d1eb"}
    return True


# A picture at Civitai becomes a picture here


@pytest.mark.parametrize("target", ["Laptop", "auto"])
def test_a_picture_at_civitai_is_made_again_with_models_that_nobody_had(
    harbor: Harbor, target: str
) -> None:
    job = harbor.finish(harbor.again(target))
    assert is_proved(job)
    assert harbor.files(CHECKPOINTS) == ["harborMixXL_v20.safetensors"]
    assert harbor.files(LORAS) == ["inkWash_v3.safetensors"]
    downloads = harbor.queue.downloads.list().downloads
    assert [(d.status, d.servers, d.notes) for d in downloads] == [
        (DownloadStatus.COMPLETED, {"Laptop": True}, ())
    ] * 2
    assert set(job.supplied_by) == {d.id for d in downloads}
    assert harbor.civitai.leaks == []


def test_without_that_wish_the_job_fails_and_names_what_is_missing(harbor: Harbor) -> None:
    job = harbor.finish(harbor.again(on_missing_model="fail"))
    assert job.failure is not None
    assert "harborMixXL_v20" in job.failure.message
    assert harbor.queue.downloads.list().total == 0


def test_the_downloads_are_visible_as_what_the_job_waits_for(harbor: Harbor) -> None:
    harbor.civitai.faults.next("storage", Fault.STALL, times=2, after=60_000)
    job = harbor.again()
    downloads = harbor.until_waiting(job)
    assert {download.filename for download in downloads} == {
        "harborMixXL_v20.safetensors",
        "inkWash_v3.safetensors",
    }
    waiting = harbor.queue.get(job.id)
    assert (waiting.status, waiting.attempts) == (JobStatus.PENDING, ())
    reason = harbor.queue.waiting_reason(waiting) or ""
    assert all(download.id in reason for download in downloads)
    for download in downloads:
        harbor.until_fetched(download, 1)
    # Both have met their stall: none that is resumed takes that of the other.
    for download in downloads:
        harbor.queue.downloads.pause(download.id)
        harbor.queue.downloads.resume(download.id)
    assert is_proved(harbor.finish(job))


def test_a_series_of_jobs_waits_for_the_same_two_files(harbor: Harbor) -> None:
    jobs = [harbor.again(seed=seed) for seed in range(4)]
    assert all(is_proved(harbor.finish(job)) for job in jobs)
    assert harbor.queue.downloads.list().total == 2
    assert harbor.civitai.counts["GET /api/download/models/700201"] == 1


def test_what_is_here_already_is_not_fetched(harbor: Harbor) -> None:
    harbor.queue.downloads.wait(harbor.queue.civitai.download(700201).id, timeout=10)
    told = harbor.queue.civitai.image(PICTURE)
    assert [resource.is_local for resource in told.resources] == [True, False]
    assert is_proved(harbor.finish(harbor.again()))
    assert harbor.queue.downloads.list().total == 2


def test_two_servers_that_share_the_folder_are_both_told(tmp_path: Path) -> None:
    harbor = Harbor(tmp_path, "Laptop", "Desktop")
    assert is_proved(harbor.finish(harbor.again("auto")))
    assert is_proved(harbor.finish(harbor.again("Desktop")))
    for download in harbor.queue.downloads.list().downloads:
        assert download.servers == {"Laptop": True, "Desktop": True}
    harbor.close()


def test_a_server_with_folders_of_its_own_says_what_to_do(tmp_path: Path) -> None:
    harbor = Harbor(tmp_path)
    apart = ForgeDisk([CheckpointFile(path="other.safetensors")])
    harbor.forges["Laptop"] = SimulatedForge(apart)
    job = harbor.finish(harbor.again())
    assert job.failure is not None
    assert job.failure.code == "model_not_supplied"
    assert "Share that folder" in job.failure.message
    harbor.close()


def test_a_lora_that_the_job_calls_otherwise_gets_that_name(harbor: Harbor) -> None:
    prompt = "a fox, <lora:my_ink:0.5>"
    sources = {"my_ink": INK}
    job = harbor.again(positive_prompt=prompt, model_sources=sources)
    harbor.finish(job)
    assert harbor.files(LORAS) == ["my_ink.safetensors"]


@pytest.mark.parametrize(("target", "after"), [("Laptop", 0), ("Laptop", 60_000), ("auto", 60_000)])
def test_a_restart_in_the_middle_changes_nothing(harbor: Harbor, target: str, after: int) -> None:
    fault = Fault.STALL if after else Fault.SILENCE
    harbor.civitai.faults.next("storage", fault, times=2, after=after)
    job = harbor.again(target)
    before = harbor.until_waiting(job)
    if after:
        for each in before:
            harbor.until_fetched(each, after)
    harbor.close(grace=0)
    harbor.civitai.faults.clear()
    assert is_proved(harbor.finish(job))
    assert set(harbor.queue.get(job.id).supplied_by) == {download.id for download in before}
    if after:
        ranges = [r.headers.get("range") for r in harbor.civitai.requests if "model/" in r.path]
        assert ranges[:2] == [None, None]
        assert all((asked or "").startswith("bytes=") for asked in ranges[2:])


def test_a_transport_that_was_handed_over_is_closed_though_nothing_was_sent(
    tmp_path: Path,
) -> None:
    closed: list[bool] = []
    transport = CivitaiSimulator(SimulatedCivitai())
    transport.close = lambda: closed.append(True)  # type: ignore[method-assign]
    StableQueue.open(tmp_path, transport=transport).close()
    assert closed == [True]


def asked_beyond(harbor: Harbor) -> list[str]:
    """What anybody but the server was asked, which its lane asks how it feels at any moment."""
    urls = [str(seen.url) for seen in harbor.civitai.requests]
    return [url for url in urls if "//laptop:" not in url]


def test_a_closed_queue_makes_no_more_jobs_of_pictures(harbor: Harbor) -> None:
    queue = harbor.queue
    harbor.close()
    with pytest.raises(QueueClosed):
        queue.submit_from_civitai(PICTURE)
    assert not asked_beyond(harbor)


def test_what_names_no_picture_asks_nobody(harbor: Harbor) -> None:
    with pytest.raises(InvalidCivitaiLink):
        harbor.queue.submit_from_civitai("https://example.org/images/51001")
    assert not asked_beyond(harbor)


# Closing


def closed_after(harbor: Harbor) -> float:
    """How many seconds it takes to close the queue, which has all the time of the world."""
    started = time.monotonic()
    harbor.close(grace=60.0)
    return time.monotonic() - started


def test_closing_while_a_file_is_fetched_comes_back_soon(harbor: Harbor) -> None:
    harbor.civitai.faults.next("storage", Fault.STALL, times=2, after=60_000)
    job = harbor.again()
    harbor.until_waiting(job)
    assert closed_after(harbor) < SOON
    harbor.civitai.faults.clear()
    assert is_proved(harbor.finish(job))


def test_closing_while_a_link_is_asked_for_comes_back_soon(harbor: Harbor) -> None:
    harbor.civitai.faults.next("download", Fault.SILENCE, times=None)
    job = harbor.again()
    harbor.civitai.wait_until(lambda civitai: civitai.counts["GET /api/download/models/700201"])
    harbor.until_waiting(job)
    assert closed_after(harbor) < SOON
    harbor.civitai.faults.clear()
    assert is_proved(harbor.finish(job))


def test_closing_while_a_job_asks_civitai_puts_it_off_and_loses_nothing(harbor: Harbor) -> None:
    job = harbor.again()
    harbor.finish(job)
    harbor.civitai.faults.next("model-versions", Fault.SILENCE, times=None)
    name = "urn:air:sdxl:lora:civitai:600106@700701"
    job = harbor.submit(
        positive_prompt="<lora:boats:1>",
        model_sources={"boats": name},
        on_missing_model="download",
    )
    path = "GET /api/v1/model-versions/700701"
    harbor.civitai.wait_until(lambda civitai: civitai.counts[path])
    assert closed_after(harbor) < SOON
    harbor.civitai.faults.clear()
    present = harbor.queue.get(job.id)
    assert present.failure is None
    assert harbor.finish(job).status is JobStatus.COMPLETED
    assert len(harbor.queue.get(job.id).attempts) == 1


def test_closing_while_a_server_is_told_of_a_file_comes_back_soon(harbor: Harbor) -> None:
    """What was left of its aftercare is made up for."""
    harbor.queue.servers.pause("Laptop")
    harbor.forge.faults.next("refresh-checkpoints", ForgeFault.HANG, times=None)
    download = harbor.queue.civitai.download(700303)
    harbor.forge.wait_until(lambda forge: forge.counts["POST /sdapi/v1/refresh-checkpoints"])
    assert closed_after(harbor) < SOON
    harbor.forge.faults.clear()
    done = harbor.queue.downloads.wait(download.id, timeout=10)
    assert (done.status, done.notes, done.servers) == (
        DownloadStatus.COMPLETED,
        (),
        {"Laptop": True},
    )
    assert harbor.civitai.counts["GET /api/download/models/700303"] == 1


def test_closing_while_pictures_are_fetched_comes_back_soon(harbor: Harbor) -> None:
    harbor.civitai.faults.next("cdn", Fault.SILENCE, times=None)
    download = harbor.queue.civitai.download(700303)
    harbor.civitai.wait_until(lambda civitai: any("xG1n" in r.path for r in civitai.requests))
    assert closed_after(harbor) < SOON
    harbor.civitai.faults.clear()
    done = harbor.queue.downloads.wait(download.id, timeout=10)
    assert (done.status, done.notes) == (DownloadStatus.COMPLETED, ())
    assert (done.file.parent / "inkWash_v3.jpg").is_file()


@pytest.mark.parametrize(
    "asking",
    [
        lambda queue: queue.submit_from_civitai(PICTURE),
        lambda queue: queue.civitai.download(700303),
        lambda queue: queue.civitai.account(),
    ],
    ids=["submit_from_civitai", "download", "account"],
)
def test_closing_calls_back_whoever_asks_civitai(
    harbor: Harbor, asking: Callable[[Any], object]
) -> None:
    harbor.civitai.faults.next("api", Fault.SILENCE, times=None)
    queue = harbor.queue
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            asking(queue)
        except StableQueueError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    harbor.civitai.wait_until(lambda civitai: asked_beyond(harbor))
    assert closed_after(harbor) < SOON
    thread.join(SOON)
    assert not thread.is_alive()
    assert len(caught) == 1


def test_jobs_that_run_are_still_waited_for(harbor: Harbor) -> None:
    harbor.finish(harbor.again())
    harbor.civitai.faults.next("storage", Fault.STALL, times=None, after=10)
    with harbor.forge.held():
        job = harbor.until_running(harbor.again(seed=2))
        harbor.queue.civitai.download(700701)
        closer = threading.Thread(target=harbor.close, kwargs={"grace": 30.0})
        closer.start()
        closer.join(0.2)
        assert closer.is_alive()
    closer.join(10)
    harbor.civitai.faults.clear()
    assert harbor.queue.get(job.id).status is JobStatus.COMPLETED


# The key


KEY = "0123456789abcdef-the-key-that-nobody-may-see"


def test_nothing_that_a_queue_shows_shows_the_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[object] = []

    def attempt(call: Callable[[], object]) -> None:
        try:
            shown.append(call())
        except StableQueueError as error:
            shown.extend([error, error.details, "".join(traceback.format_exception(error))])

    def fetched(link: int | str) -> Download:
        return queue.downloads.wait(queue.civitai.download(link).id, 10)

    harbor = Harbor(tmp_path, key=KEY, max_attempts=2)
    queue = harbor.queue
    heard: list[object] = []
    with queue.subscribe(heard.append):
        attempt(queue.civitai.account)
        attempt(lambda: queue.civitai.image(PICTURE))
        attempt(lambda: is_proved(harbor.finish(harbor.again())))
        attempt(lambda: queue.civitai.refresh("inkWash_v3"))
        attempt(lambda: queue.civitai.candidates("inkWash_v3"))
        for link in (700304, 700401, 700501, 700601, 5, "https://civitai.com/models/600107"):
            attempt(partial(fetched, link))
        for fault in (Fault.RESET, Fault.EXPIRED, Fault.WRONG_BYTES, Fault.LOGIN_PAGE):
            harbor.civitai.faults.next("storage", fault, times=2)
            attempt(partial(fetched, 700702))
        harbor.civitai.faults.next("download", Fault.REDIRECT, to=f"https://evil.example/{KEY}")
        attempt(partial(fetched, 700701))
        harbor.civitai.world.add(SimulatedAccount(key=KEY, status="banned"))
        attempt(queue.civitai.account)
        attempt(lambda: harbor.finish(harbor.submit(checkpoint_name="urn:air:x:y:civitai:1@2")))
    shown += [queue, queue.civitai, queue.downloads, queue.settings, queue.status(), queue.models]
    shown += [queue.list(), queue.downloads.list(limit=99), queue.events(), heard]
    shown += [queue.downloads.get(each.id).record for each in queue.downloads.list().downloads]
    harbor.close(grace=0)
    out, err = capfd.readouterr()
    for happened in ("early_access", "paid_access", "generation_only", "wrong_checksum"):
        assert happened in str(shown), "the story has become too short to prove anything"
    for text in (
        *map(repr, shown),
        *map(str, shown),
        caplog.text,
        *(str(record.__dict__) for record in caplog.records),
        out,
        err,
    ):
        assert KEY not in text
    assert harbor.civitai.leaks == []
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
