"""A process that submits and runs jobs until it is killed; started by the crash test.

Each id is written down only after ``submit`` has returned: from then on the job must not be lost.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

from stablequeue_core import JobStatus, Settings, StableQueue, Submission

CHECKPOINTS = ("Pony/cyberrealisticPony_v8.safetensors", "sd_xl_base_1.0.safetensors")
AT_MOST_WAITING = 6


def main(data_dir: str, accepted_file: str) -> None:
    # Some job is hit again and again, which is not its fault.
    settings = Settings(poll=0.02, backoff_base=0.05, circuit_base=0.05, max_losses=1000)
    with (
        StableQueue.open(data_dir, settings=settings) as queue,
        Path(accepted_file).open("a", encoding="ascii") as accepted,
    ):
        sys.stdout.write("opened\n")
        sys.stdout.flush()
        for turn in itertools.count():
            jobs = queue.submit_many(
                Submission(
                    "Laptop",
                    {
                        "positive_prompt": f"a lighthouse in storm {turn}",
                        "checkpoint_name": CHECKPOINTS[turn % 2],
                        "num_images": 1 + turn % 3,
                        "width": 64,
                        "height": 64,
                        "steps": 3,
                    },
                )
                for _ in range(2)
            )
            for job in jobs:
                accepted.write(f"{job.id}\n")
            accepted.flush()
            os.fsync(accepted.fileno())
            if queue.status().jobs[JobStatus.PENDING] > AT_MOST_WAITING:
                queue.wait(jobs[0].id)


if __name__ == "__main__":
    main(*sys.argv[1:])
