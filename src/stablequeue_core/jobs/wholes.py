"""Keeps jobs that are made in parts in step with their parts."""

from __future__ import annotations

from collections.abc import Sequence

from stablequeue_core.clock import Clock
from stablequeue_core.errors import JobNotFound, StaleJob
from stablequeue_core.jobs.events import event_of, kind_of_change
from stablequeue_core.jobs.job import Job
from stablequeue_core.jobs.joining import is_stopping, part_in_step, whole_in_step
from stablequeue_core.jobs.store import JobStore


class Wholes:
    """Jobs that are made in parts. Safe to use from several threads and several processes.

    Nothing is remembered between two calls: whatever a process left half done, the next call in
    any process finishes.
    """

    def __init__(self, store: JobStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def settle(self, whole: Job) -> Job:
        """Bring the parts and the whole in step: held, stopped, begun, joined.

        Returns:
            the whole as it is now.

        Raises:
            JobNotFound: it was deleted meanwhile.
        """
        while not whole.status.ended:
            parts = self._store.parts_of(whole.id)
            present = self._store.get(whole.id)
            if present.revision != whole.revision:
                # The parts may be those of another time: of before its user's retry, perhaps.
                whole = present
                continue
            try:
                changed = self._step(whole, parts)
            except (StaleJob, JobNotFound):
                whole = self._store.get(whole.id)
                continue
            if changed is whole:
                break
            whole = changed
        return whole

    def _step(self, whole: Job, parts: Sequence[Job]) -> Job:
        now = self._clock.now()
        stopping = is_stopping(whole, parts)
        kept = [
            self._keep(part, part_in_step(part, whole, stopping=stopping, now=now))
            for part in parts
        ]
        return self._keep(whole, whole_in_step(whole, kept, now=now))

    def _keep(self, before: Job, after: Job) -> Job:
        if after is before:
            return before
        return self._store.replace(after, event_of(kind_of_change(before, after), after))
