"""One job for each line of a table, and a table of what came of it.

    python examples/batch_from_csv.py examples/prompts.csv results.csv http://127.0.0.1:7860

The columns are parameters of a job. Break it off and start it again with the same table: what was
submitted before is not submitted twice, and what is finished is not made again.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from pathlib import Path
from typing import Any

from stablequeue_core import Job, StableQueue, Submission

WHOLE_NUMBERS = {"width", "height", "steps", "num_images", "batch_size"}


def params_of(row: dict[str, str]) -> dict[str, Any]:
    """A line as parameters; empty cells are left out."""
    return {
        name: int(text) if name in WHOLE_NUMBERS else text for name, text in row.items() if text
    }


def submitted(queue: StableQueue, table: Path) -> list[Job]:
    """The jobs of a table, all or none; the same ones if it was submitted before."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = [params_of(row) for row in csv.DictReader(file)]
    key = hashlib.sha256(table.read_bytes()).hexdigest()
    return queue.submit_many([Submission("auto", row) for row in rows], idempotency_key=key)


def main(table: str, results: str, forge_url: str = "http://127.0.0.1:7860") -> None:
    """Submit the table, wait for all, write the results."""
    with StableQueue.open("queue-data") as queue:
        if not queue.servers.list():
            queue.servers.add("Laptop", forge_url)
        ended = [queue.wait(job.id) for job in submitted(queue, Path(table))]
    with open(results, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["prompt", "status", "seed", "server", "pictures", "why"])
        for job in ended:
            pictures = " ".join(path.name for path in job.images)
            why = job.failure.message if job.failure else ""
            prompt = job.params["positive_prompt"]
            writer.writerow([prompt, job.status, job.seed, job.server, pictures, why])


if __name__ == "__main__":
    main(*sys.argv[1:])
