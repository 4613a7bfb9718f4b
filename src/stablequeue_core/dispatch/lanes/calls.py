"""Wakes the lanes that a change concerns, and lets all others sleep."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from stablequeue_core.deadline import Deadline
from stablequeue_core.dispatch.lanes.lane import Lane
from stablequeue_core.dispatch.lanes.lookout import Lookout
from stablequeue_core.errors import JobNotFound, StorageError, UnreadableJob
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import Job
from stablequeue_core.outage import Outage
from stablequeue_core.servers import is_for_any
from stablequeue_core.storage import Storage

logger = logging.getLogger(__name__)

MOST_READ = 32
"""So many new events are looked through; when there are more, everybody is woken."""

REST = 5.0
"""Seconds between two looks at the log although nothing rings."""

AFTER_A_SURPRISE = 1.0
"""Seconds of rest after an error."""

_FREES_A_JOB = frozenset(
    {
        EventKind.JOB_SUBMITTED,
        EventKind.JOB_REQUEUED,
        EventKind.JOB_RETRIED,
        EventKind.JOB_RELEASED,
    }
)
_CONCERNS_EVERYONE = frozenset({EventKind.QUEUE_RESUMED, EventKind.DOWNLOAD_COMPLETED})
"""A file that is there now may be what a job lacks that waits for no download."""

_CHANGES_A_SERVER = frozenset(
    {EventKind.SERVER_ADDED, EventKind.SERVER_CHANGED, EventKind.SERVER_REMOVED}
)


class Calls:
    """Reads in the log what has changed, and calls the lanes that it concerns; a thread.

    Whatever process made the change: the bell rings in all of them, and each looks here once, for
    all of its lanes.

    Args:
        storage: whose log, and whose bell.
        lookout: is told whose line may have a job.
        lanes: those of this process.
        servers_changed: is called when a server was added, changed or removed.
    """

    def __init__(
        self,
        storage: Storage,
        lookout: Lookout,
        lanes: Callable[[], Sequence[Lane]],
        servers_changed: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._lookout = lookout
        self._lanes = lanes
        self._servers_changed = servers_changed
        self._seen: int | None = None
        self._outage = Outage(
            logger,
            "What others have changed cannot be read",
            "What others have changed is read again.",
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stablequeue-calls", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Wake nobody any more."""
        self._stopping.set()
        self._storage.work.ring()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the end of the thread; whether it has ended."""
        return deadline.join(self._thread)

    def everyone(self) -> None:
        """There may be something to do for any lane."""
        self._lookout.call_all()
        for lane in self._lanes():
            lane.ring()

    def _run(self) -> None:
        while not self._stopping.is_set():
            heard = self._storage.work.rings
            try:
                self._pass_on()
            except StorageError as error:
                self._outage.goes_on(error)
            except Exception:
                logger.exception("What has changed cannot be read now; will try again.")
            else:
                self._outage.is_over()
                self._storage.work.wait(heard, REST)
                continue
            self._stopping.wait(AFTER_A_SURPRISE)

    def _pass_on(self) -> None:
        """Look through what is new."""
        log = self._storage.events
        if self._seen is None:
            self._begin_anew()
            return
        events = log.read(after=self._seen, limit=MOST_READ + 1)
        if not events:
            return
        if len(events) > MOST_READ:
            self._begin_anew()
            return
        kinds = {event.kind for event in events}
        if not kinds.isdisjoint(_CHANGES_A_SERVER):
            self._servers_changed()
            self.everyone()
        elif not kinds.isdisjoint(_CONCERNS_EVERYONE):
            self.everyone()
        else:
            for event in events:
                if event.kind in _FREES_A_JOB:
                    self._call_for(event)
        self._seen = events[-1].sequence

    def _begin_anew(self) -> None:
        """Anything may have happened; what was, is seen only once everybody was told."""
        last = self._storage.events.last()
        self._servers_changed()
        self.everyone()
        self._seen = last

    def _call_for(self, event: Event) -> None:
        """A job has become free to run: call its target."""
        target = event.server
        if event.kind is EventKind.JOB_SUBMITTED and target and not is_for_any(target):
            self._lookout.call(target)
            for lane in self._lanes():
                if lane.alias == target:
                    lane.ring()
            return
        try:
            job = self._storage.jobs.get(event.job_id or "")
        except JobNotFound:
            return
        except UnreadableJob:
            # Whom it concerns, nobody can tell; whoever looks passes over it.
            self.everyone()
            return
        self._lookout.call(job.target)
        for lane in self._concerned(job):
            lane.ring()

    def _concerned(self, job: Job) -> Sequence[Lane]:
        """The lanes that can take the job; if none can, those that are to find out otherwise.

        Those that look for files already will see to this job, too. A server that is switched off,
        or of which nobody knows what it has, may be able to; so nothing is left to it alone.
        """
        idle = [
            lane
            for lane in self._lanes()
            if lane.is_idle and job.target in lane.standing.server.targets
        ]
        if not is_for_any(job.target):
            return idle
        needs = job.requirements
        able, others, unsure = [], [], []
        for lane in idle:
            link, missing = lane.standing.link, lane.lacks(needs)
            if link is None or not link.is_well or missing is None:
                unsure.append(lane)
            elif not missing and not lane.standing.server.paused:
                able.append(lane)
            elif needs.may_fetch or not lane.looks_for_files:
                others.append(lane)
        return [*unsure, *(able or others)]
