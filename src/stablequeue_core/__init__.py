"""StableQueue: a durable queue of image jobs for Stable Diffusion WebUI Forge servers.

Hand it a picture to make, and it is made, by the right model, on a server that can, once, and you
can see why::

    from stablequeue_core import StableQueue

    with StableQueue.open("queue-data") as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:7860")
        job = queue.submit("Laptop", positive_prompt="a lighthouse at dawn")
        print(queue.wait(job.id, timeout=600).images)
"""

from stablequeue_core.announcer import Subscription
from stablequeue_core.errors import StableQueueError
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import Progress
from stablequeue_core.jobs import Job, JobPage, JobStatus, Submission
from stablequeue_core.servers import Server, ServerHealth, ServerStatus
from stablequeue_core.settings import Settings
from stablequeue_core.stable_queue import QueueStatus, StableQueue

__all__ = [
    "Event",
    "EventKind",
    "Job",
    "JobPage",
    "JobStatus",
    "Progress",
    "QueueStatus",
    "Server",
    "ServerHealth",
    "ServerStatus",
    "Settings",
    "StableQueue",
    "StableQueueError",
    "Submission",
    "Subscription",
]
