"""Several servers, two clients: who gets what, why, and when all will be done.

    python examples/fleet.py http://127.0.0.1:7860 http://127.0.0.1:7861

Ada has a whole series, Ben one picture. With the setting `fairness` they take turns, so Ben need
not wait for the series.
"""

from __future__ import annotations

import sys
from collections import Counter

from stablequeue_core import Job, Settings, StableQueue, Submission

SERIES = 6


def submitted(queue: StableQueue) -> list[Job]:
    """Ada's series, then Ben's picture."""
    small = {"width": 256, "height": 256, "steps": 10}
    prompts = [f"a lighthouse, study {number}" for number in range(1, SERIES + 1)]
    series = [
        Submission("auto", {"positive_prompt": prompt, **small}, client_id="ada")
        for prompt in prompts
    ]
    one = Submission("auto", {"positive_prompt": "a cat", **small}, client_id="ben")
    return queue.submit_many([*series, one])


def tell_why(queue: StableQueue, job: Job) -> None:
    """What each server could do for a job, and why it waits."""
    explanation = queue.explain(job)
    print(explanation.why)
    for server in explanation.servers:
        can = "can run it" if server.can else " ".join(server.missing) or "is not known yet"
        print(f"  {server.alias}: {can}")


def main(*forge_urls: str) -> None:
    """Submit everything, look, and count who made what."""
    settings = Settings.from_environment(fairness=True)
    with StableQueue.open("queue-data", settings=settings) as queue:
        for number, url in enumerate(forge_urls or ["http://127.0.0.1:7860"], 1):
            queue.servers.add(f"Card {number}", url, tags=["studio"])
        queue.pause()  # only so that there is something to look at
        jobs = submitted(queue)
        tell_why(queue, jobs[-1])
        queue.resume()
        ended = [queue.wait(job.id) for job in jobs]
    by_start = sorted(ended, key=lambda job: job.attempts[0].started_at)
    print(f"Ben's picture was number {by_start.index(ended[-1]) + 1} of {len(ended)}.")
    for server, count in sorted(Counter(job.server for job in ended).items()):
        print(f"{server} made {count}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
