"""Submit many, watch them all: cells to paste into a notebook.

Run it as a program like this::

    python examples/notebook_style.py http://127.0.0.1:7860
"""

# %% Open the queue. Run this cell as often as you like: what was submitted is still there.
import sys

from stablequeue_core import StableQueue, Submission
from stablequeue_core.errors import ServerExists

forge_url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"

queue = StableQueue.open("queue-data")
try:
    queue.servers.add("Laptop", forge_url)
except ServerExists:
    queue.servers.update("Laptop", {"api_url": forge_url})

# %% Submit every combination, all or none.
jobs = queue.submit_many(
    Submission("auto", {"positive_prompt": f"{what} {when}", "width": 256, "height": 256})
    for what in ("a lighthouse", "a fox in the snow")
    for when in ("at dawn", "at night")
)

# %% Watch them.
for job in jobs:
    for progress in queue.watch(job.id, timeout=600):
        print(f"{job.params['positive_prompt']:<28}{progress.phase:<10}{progress.fraction:4.0%}")

# %% See what came of it.
for job in (queue.get(job.id) for job in jobs):
    print(job.status, job.seed, *(picture.name for picture in job.images))

# %% Leave.
queue.close()
