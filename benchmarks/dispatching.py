"""How soon a job starts, and how many a second go through."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.floors import BareQueue, drain, forge_request, post_txt2img
from benchmarks.report import Figure
from benchmarks.specimens import ALIAS, small_params
from benchmarks.timing import pair_of, paired, per_second, percentile
from stablequeue_core import JobStatus, ServerStatus, StableQueue, Submission

MEDIAN_MS = 5.0
P95_MS = 15.0
ACROSS_MS = 60.0
DRAIN_PER_SECOND = {1: 150, 4: 300}

_PATIENCE = 60.0
_LOOK_SECONDS = 0.005


def start(effort: Effort) -> Sequence[Figure]:
    """From the call of ``submit`` on an idle queue until Forge has the request.

    The floor writes a job down and sends the request itself.
    """
    given = small_params()
    bare_body = forge_request(given)
    ours: list[float] = []
    floor: list[float] = []
    with (
        effort.workplace() as folder,
        Child("forge_process", "0") as forge,
        BareQueue(folder / "bare.sqlite3") as bare,
        StableQueue.open(folder / "ours") as queue,
    ):
        introduce(queue, [forge.greeting])
        forge.ask("arrivals")

        def submit() -> float:
            called = time.monotonic_ns()
            job = queue.submit(ALIAS, given)
            assert queue.wait(job.id, _PATIENCE).status is JobStatus.COMPLETED
            return _milliseconds(called, forge)

        def send() -> float:
            called = time.monotonic_ns()
            bare.add(bare_body)
            post_txt2img(forge.greeting, bare_body)
            return _milliseconds(called, forge)

        submit()
        send()
        for _ in range(effort.pick(150, 5)):
            # Long enough for the lane to fall asleep, and never in step with anything of it.
            time.sleep(random.uniform(0.02, 0.06))
            ours.append(submit())
            time.sleep(random.uniform(0.005, 0.01))
            floor.append(send())
    middle = pair_of(list(zip(ours, floor, strict=True)))
    late, floor_late = percentile(ours, 95), percentile(floor, 95)
    return [
        Figure(
            name="idle submit → txt2img, median",
            unit="ms",
            ours=middle.ours,
            floor=middle.floor,
            ratio=middle.ratio,
            reach=f"≤ {MEDIAN_MS:g} ms",
            met=middle.ours <= MEDIAN_MS,
        ),
        Figure(
            name="idle submit → txt2img, 95 %",
            unit="ms",
            ours=late,
            floor=floor_late,
            ratio=late / floor_late,
            reach=f"≤ {P95_MS:g} ms",
            met=late <= P95_MS,
        ),
    ]


def start_across(effort: Effort) -> Sequence[Figure]:
    """The same, but that one process submits and another one runs the jobs: they share a file."""
    given = small_params()
    late: list[float] = []
    with (
        effort.workplace() as folder,
        Child("forge_process", "0") as forge,
        Child("work_process", str(folder / "ours"), forge.greeting),
        StableQueue.open(folder / "ours", dispatch=False) as queue,
    ):
        forge.ask("arrivals")
        for _ in range(effort.pick(150, 5) + 1):
            # In step with nothing that looks now and then.
            time.sleep(random.uniform(0.05, 0.15))
            called = time.monotonic_ns()
            job = queue.submit(ALIAS, given)
            assert queue.wait(job.id, _PATIENCE).status is JobStatus.COMPLETED
            late.append(_milliseconds(called, forge))
    middle, latest = percentile(late[1:], 50), percentile(late[1:], 95)
    return [
        Figure(
            name=f"idle submit → txt2img across processes, SQLite, {which}",
            unit="ms",
            ours=measured,
            reach=f"≤ {ACROSS_MS:g} ms",
            met=measured <= ACROSS_MS,
        )
        for which, measured in (("median", middle), ("95 %", latest))
    ]


def throughput(effort: Effort) -> Sequence[Figure]:
    """A paused queue is resumed; how many jobs a second until the last is completed.

    The floor claims, asks Forge, writes the picture durably and completes, and nothing else.
    """
    return [_drained(effort, servers) for servers in DRAIN_PER_SECOND]


def _drained(effort: Effort, servers: int) -> Figure:
    count, given = effort.pick(200, 8), small_params()
    bare_body = forge_request(given)
    with ExitStack() as stack:
        folder = stack.enter_context(effort.workplace())
        forges = [stack.enter_context(Child("forge_process", "0")) for _ in range(servers)]
        urls = [forge.greeting for forge in forges]
        bare = stack.enter_context(BareQueue(folder / "bare.sqlite3"))
        queue = stack.enter_context(StableQueue.open(folder / "ours"))
        introduce(queue, urls)

        def ours() -> float:
            queue.pause()
            queue.submit_many(Submission("auto", given) for _ in range(count))
            wanted = _completed(queue) + count
            time.sleep(0.1)
            return per_second(count, lambda: _resume_until(queue, wanted))

        def floor() -> float:
            bare.add_many(bare_body for _ in range(count))
            return per_second(count, lambda: drain(bare, urls, _pictures(folder)))

        pair = paired(ours, floor, rounds=effort.pick(7, 1))
    wanted = DRAIN_PER_SECOND[servers]
    return Figure(
        name=f"drain {count} jobs, {servers} server{'s' if servers > 1 else ''}",
        unit="jobs/s",
        ours=pair.ours,
        floor=pair.floor,
        ratio=pair.ratio,
        reach=f"≥ {wanted} jobs/s",
        met=pair.ours >= wanted,
    )


def introduce(queue: StableQueue, urls: Sequence[str]) -> None:
    """Add the servers, and wait until their lanes know what they have.

    Each has made a picture before: its checkpoint is loaded, and hashed.
    """
    for number, url in enumerate(urls, 1):
        post_txt2img(url, forge_request(small_params()))
        queue.servers.add(ALIAS if number == 1 else f"Forge-{number}", url)
    aliases = [server.alias for server in queue.servers.list()]
    end = time.monotonic() + _PATIENCE
    while any(queue.servers.health(alias).status is not ServerStatus.ONLINE for alias in aliases):
        if time.monotonic() > end:
            raise TimeoutError("A simulated server was not found well.")
        time.sleep(_LOOK_SECONDS)


def _milliseconds(called: int, forge: Child) -> float:
    (arrived,) = forge.ask("arrivals")
    return float(arrived - called) / 1e6


def _pictures(folder: Path) -> Path:
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    return pictures


def _resume_until(queue: StableQueue, wanted: int) -> None:
    queue.resume()
    end = time.monotonic() + _PATIENCE
    while _completed(queue) < wanted:
        if time.monotonic() > end:
            raise TimeoutError("The queue was not drained in time.")
        time.sleep(_LOOK_SECONDS)


def _completed(queue: StableQueue) -> int:
    counts = queue.status().jobs
    if counts[JobStatus.FAILED]:
        raise RuntimeError("A job has failed.")
    return counts[JobStatus.COMPLETED]
