"""A child: a queue with many servers and nothing to do, which says what that costs."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.children import answer_questions, arguments
from benchmarks.specimens import small_params
from stablequeue_core import ServerStatus, StableQueue, Submission

_PATIENCE = 120.0
_LOOK_SECONDS = 0.1
_SETTLE_SECONDS = 2.0


def main() -> None:
    """Say that all servers were found well; then answer what share of a core some seconds took."""
    url, parent, servers, jobs = arguments(4)
    # That one server has a hundred names is meant.
    logging.getLogger("stablequeue_core.servers").setLevel(logging.ERROR)
    with (
        tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder,
        StableQueue.open(Path(folder)) as queue,
    ):
        lacking = small_params(checkpoint_name="nobody/has_this.safetensors")
        if int(jobs):
            queue.submit_many(Submission("auto", lacking) for _ in range(int(jobs)))
        for number in range(int(servers)):
            queue.servers.add(f"Forge-{number}", url)
        _until_well(queue)
        time.sleep(_SETTLE_SECONDS)
        answer_questions("well", lambda question: share(**question))


def share(seconds: float) -> dict[str, Any]:
    """The share of a core that this process has taken meanwhile, all threads together."""
    began, cpu = time.monotonic(), time.process_time()
    time.sleep(seconds)
    return {"percent": 100 * (time.process_time() - cpu) / (time.monotonic() - began)}


def _until_well(queue: StableQueue) -> None:
    end = time.monotonic() + _PATIENCE
    aliases = [server.alias for server in queue.servers.list()]
    while any(queue.servers.health(alias).status is not ServerStatus.ONLINE for alias in aliases):
        if time.monotonic() > end:
            raise TimeoutError("A simulated server was not found well.")
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
