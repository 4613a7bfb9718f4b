"""A lane: one server's loop. It pulls a job, sees it through, and pulls the next."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from stablequeue_core.deadline import Deadline
from stablequeue_core.dispatch.lanes.claims import Claims
from stablequeue_core.dispatch.lanes.fleet import Standing
from stablequeue_core.dispatch.lanes.serving import Serving
from stablequeue_core.dispatch.lanes.tenure import Tenure
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.dispatch.links.monitor import Monitor
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.dispatch.running.recovery import Recovery
from stablequeue_core.errors import BackendError, QueueClosed, ServerNotFound, StorageError
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Job
from stablequeue_core.outage import Outage
from stablequeue_core.servers import Server
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage

logger = logging.getLogger(__name__)

AFTER_A_SURPRISE = 1.0
"""Seconds that a lane rests after an error that nobody had thought of."""


class Lane:
    """One server's loop, on a thread of its own; at most one job is in flight on the server.

    It sleeps until it is called, until a job's time has come, or until its server is to be asked
    how it feels. Where another process holds the lane, it answers questions, and tries to take
    over now and then.

    Args:
        storage: who remembers.
        connect: makes the link to the server.
        standing: whose lane it is, and what others may see of it.
        tenure: its right to the server.
        claims: takes jobs.
        serving: runs them.
        recovery: gives back what others left on the server.
        monitor: watches over the jobs meanwhile.
        reporter: tells other processes of the server.
        answered: is called when something new is known of the server, for the others' sake.
        settings: every knob.
    """

    def __init__(
        self,
        storage: Storage,
        connect: Callable[[Server], Link],
        *,
        standing: Standing,
        tenure: Tenure,
        claims: Claims,
        serving: Serving,
        recovery: Recovery,
        monitor: Monitor,
        reporter: Reporter,
        answered: Callable[[], None],
        settings: Settings,
    ) -> None:
        self.standing = standing
        self._storage = storage
        self._connect = connect
        self._claims = claims
        self._serving = serving
        self._monitor = monitor
        self._reporter = reporter
        self._answered = answered
        self._settings = settings
        self._tenure = tenure
        self._recovery = recovery
        lane = f"The lane of server {self.alias!r}"
        self._outage = Outage(logger, f"{lane} has to wait", f"{lane} goes on.")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"stablequeue-lane-{self.alias}")
        self._thread.daemon = True
        self._thread.start()

    @property
    def alias(self) -> str:
        """What its server is called now."""
        return self.standing.server.alias

    @property
    def is_alive(self) -> bool:
        """Whether the lane still runs; it ends by itself when its server is gone or disabled."""
        return self._thread.is_alive()

    @property
    def is_open(self) -> bool:
        """Whether it takes jobs, now or later; not, when its server is gone or disabled."""
        return self.standing.server.enabled and not self._stopping.is_set()

    @property
    def is_idle(self) -> bool:
        """Whether it holds its server, and runs nothing there."""
        return self.standing.is_held and self.standing.job is None

    @property
    def looks_for_files(self) -> bool:
        """Whether the server is made to look at its folders now and then, for jobs that wait."""
        return self._claims.lacks

    def lacks(self, requirements: Requirements) -> Sequence[BackendError] | None:
        """What the server lacks of this; None while its lists are not known."""
        link = self.standing.link
        return link.lacks(requirements) if link else None

    def surely_lacks(self, requirements: Requirements) -> Sequence[BackendError] | None:
        """The same, after the server looked at its folders again for it; it will, if it has not."""
        link = self.standing.link
        found = link.surely_lacks(requirements) if link else None
        if found is None:
            self.ring()
        return found

    def ring(self) -> None:
        """There may be something to do."""
        self.standing.bell.ring()

    def meet(self, server: Server) -> None:
        """The server was changed, or renamed: the lane stays what it is."""
        self.standing.server = server
        self._reporter.follow(server.alias)
        self.ring()

    def see_to(self, job: Job) -> None:
        """The lease of this job of its server ran out: if nobody runs it, it is given back."""
        running = self.standing.job
        if self.standing.is_held and (running is None or running.id != job.id):
            self._recovery.again()
            self.ring()

    def look(self) -> None:
        """See whether its right to the server was lost while it rested.

        Raises:
            StorageError: that cannot be found out.
        """
        if not self._tenure.look():
            self.ring()

    def stop(self) -> None:
        """Take no more jobs; the one that runs goes on."""
        self._stopping.set()
        self._claims.stop()
        self.ring()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the lane's end; whether it has ended."""
        return deadline.join(self._thread)

    def give_up(self) -> None:
        """Leave the job that runs to recovery."""
        self._monitor.give_up()

    def _run(self) -> None:
        bell = self.standing.bell
        try:
            while not self._stopping.is_set():
                heard = bell.rings
                rest = self._turn()
                if rest and not self._stopping.is_set():
                    bell.wait(heard, rest)
        finally:
            self._monitor.close()
            # Where it had to wait for the storage, that may be closed by now.
            with suppress(QueueClosed):
                self._tenure.end()
                # A server that is enabled again meanwhile gets a new lane.
                self._storage.work.ring()

    def _turn(self) -> float:
        """Do what there is to do; how many seconds to rest, 0 for none."""
        try:
            rest = self._work()
            self._outage.is_over()
            return rest
        except (ServerNotFound, QueueClosed):
            self._stopping.set()
            return 0.0
        except StorageError as error:
            # The job, if there was one, is recovered.
            self._outage.goes_on(error)
        except Exception:
            # The lane must outlive whatever this is.
            logger.exception("The lane of server %r stumbled; it goes on.", self.alias)
        self._recovery.again()
        self._stopping.wait(AFTER_A_SURPRISE)
        return 0.0

    def _work(self) -> float:
        if not self.standing.server.enabled:
            self._stopping.set()
            return 0.0
        link = self._link()
        if self.standing.is_held and (rest := self._rest(link)):
            self._reporter.rests()
            return rest
        if not self._tenure.take():
            return self._stand_by(link)
        if not (self._has_recovered and link.is_well):
            # What ran last ran in vain, and no other job can follow at once.
            self._reporter.rests()
        if not self._has_recovered:
            rest = self._recovery.bring_back(link, self._tenure.term)
            self._claims.look_again()
            return rest
        if not link.are_known:
            # What it could not run when it was last looked, it may run by its new lists.
            self._claims.look_again()
        if not link.ready():
            return link.circuit.wait or self._settings.poll
        if not link.is_free():
            return self._settings.poll
        self._answer(link)
        if not self._serve(link):
            self._keep_fresh(link)
        return 0.0

    @property
    def _has_recovered(self) -> bool:
        """Whether nobody has left a job on the server since we hold it."""
        return self._recovery.is_done_in(self._tenure.term)

    def _rest(self, link: Link) -> float:
        """How long there is nothing to do for who holds the lane; asks nobody."""
        is_settled = self._has_recovered and link.is_well and not link.has_questions
        if not is_settled:
            return 0.0
        refresh_in = link.stale_in if self._claims.lacks else link.probe_in
        return min(self._claims.look_in, link.probe_in, refresh_in)

    def _stand_by(self, link: Link) -> float:
        """Another process sends the server jobs; what it has may be asked here all the same."""
        self._answer(link)
        return self._tenure.try_in

    def _link(self) -> Link:
        standing = self.standing
        if standing.link is None or not standing.link.leads_to(standing.server):
            standing.link = self._connect(standing.server)
        return standing.link

    def _answer(self, link: Link) -> None:
        """What somebody wants to know of the server, who then looks again whether jobs can run."""
        if link.circuit.wait:
            return
        try:
            if link.answer():
                self._answered()
        except BackendError as error:
            link.failed(error)

    def _serve(self, link: Link) -> bool:
        """Run the next job; whether there was one."""
        if self._stopping.is_set() or self._claims.look_in:
            return False
        return self._serving.serve(link)

    def _keep_fresh(self, link: Link) -> None:
        """Nothing to do: keep what is known of the server fresh, as far as that matters."""
        self._reporter.rests()
        if not link.probe_in:
            link.keep_in_touch()
            # Should a call ever have been missed, this is when it is made good.
            self._claims.look_again()
        elif self._claims.lacks and link.is_stale:
            # The jobs that lacked something may be gone by now.
            self._claims.look_again()
            if not self._serve(link) and self._claims.lacks:
                self._look_for_files(link)

    def _look_for_files(self, link: Link) -> None:
        """Something that a job needs may have appeared in the server's folders.

        A server that is busy with somebody else's job would let us wait for it.
        """
        if not link.feel():
            return
        try:
            if self._reporter.health.queue_depth:
                link.look_again()
            else:
                link.refresh()
        except BackendError as error:
            link.failed(error)
        self._claims.look_again()
