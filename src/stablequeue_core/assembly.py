"""Puts the parts together: the one place that names concrete adapters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen

from stablequeue_core.announcer import Announcer, Subscription
from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.errors import QueueClosed
from stablequeue_core.events import Event, Listener
from stablequeue_core.generation import Progress
from stablequeue_core.jobs import (
    Job,
    JobPage,
    JobQuery,
    JobQueue,
    JobStatus,
    Submission,
)
from stablequeue_core.servers import HealthBoard, Server, ServerRegistry
from stablequeue_core.settings import Settings

if TYPE_CHECKING:
    from stablequeue_core.backends import Backend
    from stablequeue_core.dispatch import Dispatcher
    from stablequeue_core.images import ImageStore
    from stablequeue_core.storage import Storage
    from stablequeue_core.transport import Transport

DATABASE = "queue.sqlite3"
IMAGES = "images"


@frozen(kw_only=True)
class QueueStatus:
    """The queue at a glance.

    Attributes:
        paused: whether the whole queue is paused.
        dispatching: whether this process runs jobs.
        jobs: how many stand where.
    """

    paused: bool
    dispatching: bool
    jobs: Mapping[JobStatus, int]


class StableQueue:
    """A durable queue of image jobs, and what runs them. Safe to use from several threads.

    Open it with :meth:`open`, close it with :meth:`close` or as a context manager.

    Attributes:
        servers: the servers that make pictures: add, change, remove, pause.
        images: where finished pictures are kept.
        settings: every knob, as it is in force.
    """

    def __init__(
        self,
        storage: Storage,
        images: ImageStore,
        *,
        clock: Clock,
        settings: Settings,
        dispatcher: Callable[[HealthBoard, Announcer], Dispatcher] | None,
        closing: Iterable[Callable[[], None]] = (),
    ) -> None:
        """Prefer :meth:`open`; this is for those who bring every part themselves."""
        self._storage = storage
        self._closing = tuple(closing)
        self._closed = False
        self.images = images
        self.settings = settings
        self._jobs = JobQueue(
            storage.jobs,
            storage.servers,
            changes=storage.changes,
            clock=clock,
            settings=settings,
            image_folder=images.folder,
        )
        health = HealthBoard()
        self.servers = ServerRegistry(storage.servers, self._jobs, health, clock)
        self._announcer = Announcer(storage.events, storage.changes)
        self._dispatcher = dispatcher(health, self._announcer) if dispatcher else None
        if self._dispatcher:
            self._dispatcher.start()

    @classmethod
    def open(
        cls,
        data_dir: str | Path,
        *,
        dispatch: bool = True,
        settings: Settings | None = None,
        storage: Storage | None = None,
        images: ImageStore | None = None,
        transport: Transport | None = None,
        backend: Callable[[Server], Backend] | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Open the queue kept in ``data_dir``, or start a new one there.

        Args:
            data_dir: a folder; made if missing. It holds the database and the pictures.
            dispatch: whether this process runs jobs; if several do, they share the servers.
            settings: instead of those from ``STABLEQUEUE_*`` variables.
            storage: instead of SQLite in ``data_dir``; closed with the queue.
            images: instead of the folder ``images`` in ``data_dir``.
            transport: instead of ``requests``; closed with the queue.
            backend: instead of Forge: makes what speaks with a server.
            clock: instead of the computer's.

        Raises:
            StorageError: the database cannot be opened.

        Example::

            with StableQueue.open("queue-data") as queue:
                queue.servers.add("Laptop", "http://127.0.0.1:7860")
                job = queue.submit("Laptop", positive_prompt="a lighthouse at dawn")
                print(queue.wait(job.id, timeout=600).images)
        """
        # Adapters are imported here, so that `import stablequeue_core` stays cheap.
        from stablequeue_core.images.folder import FolderImageStore
        from stablequeue_core.storage.sqlite import SqliteStorage

        folder = Path(data_dir).expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
        settings = settings or Settings.from_environment()
        clock = clock or SystemClock()
        storage = storage or SqliteStorage(folder / DATABASE)
        images = images or FolderImageStore(folder / IMAGES)
        closing: list[Callable[[], None]] = []
        make_dispatcher = None
        if dispatch:
            make_dispatcher = _dispatcher(
                storage, images, transport, backend, clock, settings, closing
            )
        closing.append(storage.close)
        return cls(
            storage,
            images,
            clock=clock,
            settings=settings,
            dispatcher=make_dispatcher,
            closing=closing,
        )

    def submit(
        self,
        target: str,
        params: Mapping[str, Any] | None = None,
        /,
        *,
        priority: int = 0,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Job:
        """Accept one job; when this returns, it survives a power cut.

        Args:
            target: alias of a server, or ``auto``.
            params: the parameters as a dictionary, as in the API document ...
            priority: higher runs first.
            idempotency_key: the same key and the same request give the same job.
            fields: ... or as keyword arguments; they win over ``params``.

        Raises:
            InvalidParams: lists every bad field.
            ServerNotFound: the target is neither a server nor ``auto``.
            IdempotencyKeyReused: the key was used before for something else.

        Example::

            queue.submit("Laptop", positive_prompt="a cat", steps=20)
        """
        submission = Submission(target, {**(params or {}), **fields}, priority)
        (job,) = self._open_jobs.submit([submission], idempotency_key=idempotency_key)
        return job

    def submit_many(
        self, submissions: Iterable[Submission], *, idempotency_key: str | None = None
    ) -> list[Job]:
        """Accept jobs, all or none, in one transaction.

        Raises:
            InvalidParams, ServerNotFound, IdempotencyKeyReused: as :meth:`submit`.

        Example::

            queue.submit_many(Submission("Laptop", {"positive_prompt": p}) for p in prompts)
        """
        return list(self._open_jobs.submit(submissions, idempotency_key=idempotency_key))

    def get(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            JobNotFound: there is none.
        """
        return self._open_jobs.get(job_id)

    def list(
        self,
        *,
        status: JobStatus | None = None,
        limit: int = 50,
        offset: int = 0,
        newest_first: bool = True,
    ) -> JobPage:
        """A page of the jobs, and how many match in all.

        Args:
            status: only these; None for all.
            limit: at most so many.
            offset: leave out so many first.
            newest_first: by creation; False turns the order round.
        """
        query = JobQuery(status=status, newest_first=newest_first, limit=limit, offset=offset)
        return self._open_jobs.list(query)

    def wait(self, job_id: str, timeout: float | None = None) -> Job:
        """Wait until the job has ended; None waits for ever.

        Raises:
            JobNotFound: there is none.
            WaitTimedOut: it had not ended after ``timeout`` seconds; it goes on.
        """
        return self._open_jobs.wait(job_id, timeout)

    def cancel(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Cancel a job and nothing else; a running one is asked to stop, and waited for.

        Args:
            job_id: which one.
            timeout: seconds to wait for the server's confirmation; None: the setting.

        Returns:
            the job: cancelled, or still processing with ``cancel_requested``.

        Raises:
            JobNotFound: there is none.
            JobNotCancellable: it has already ended.
        """
        return self._open_jobs.cancel(job_id, timeout=self._patience(timeout))

    def retry(self, job_id: str) -> Job:
        """Run a failed or cancelled job again: same parameters, same seed.

        Raises:
            JobNotFound: there is none.
            JobNotRetryable: it has not failed and was not cancelled.
        """
        return self._open_jobs.retry(job_id)

    def delete(
        self, job_id: str, *, delete_images: bool = False, timeout: float | None = None
    ) -> None:
        """Forget a job; a running one is cancelled first. Its pictures stay unless asked.

        Raises:
            JobNotFound: there is none.
            JobStillRunning: its server did not confirm the cancel in time.
        """
        job = self._open_jobs.delete(job_id, timeout=self._patience(timeout))
        if delete_images and job.result:
            self.images.discard(job.result.images)

    def position(self, job: Job) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending."""
        return self._open_jobs.position(job)

    def progress(self, job_id: str) -> Progress | None:
        """How far a running job of this process is; None when it does not run here."""
        return self._dispatcher.progress_of(job_id) if self._dispatcher else None

    def watch(self, job_id: str, *, timeout: float | None = None) -> Iterator[Progress]:
        """The job's progress, each time it changes, until the job has ended.

        Raises:
            JobNotFound: there is none.
            WaitTimedOut: it had not ended after ``timeout`` seconds; it goes on.

        Example::

            for progress in queue.watch(job.id):
                print(f"{progress.fraction:.0%}")
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        last: Progress | None = None
        while True:
            heard = self._storage.changes.rings
            ended = self.get(job_id).status.ended
            now = self.progress(job_id)
            if now is not None and now != last:
                last = now
                yield now
            if ended:
                return
            left = 1.0 if deadline is None else deadline - time.monotonic()
            if left <= 0:
                # Says it in the same words as wait().
                self.wait(job_id, 0.0)
                return
            self._storage.changes.wait(heard, min(left, 1.0))

    def pause(self) -> None:
        """Start no more jobs, on any server; running ones finish. Survives a restart."""
        self._open_jobs.set_paused(True)

    def resume(self) -> None:
        """Start jobs again."""
        self._open_jobs.set_paused(False)

    def status(self) -> QueueStatus:
        """The queue at a glance."""
        return QueueStatus(
            paused=self._open_jobs.paused(),
            dispatching=self._dispatcher is not None,
            jobs=self._open_jobs.counts(),
        )

    def subscribe(self, listener: Listener, *, after: int | None = None) -> Subscription:
        """Call ``listener`` with each event, in order, on a thread of its own.

        Args:
            listener: what it raises is logged; it never harms the queue.
            after: start after the event with this sequence number; 0: from the very first;
                None: from now on.

        Example::

            with queue.subscribe(lambda event: print(event.kind, event.job_id)):
                ...
        """
        return self._announcer.subscribe(listener, after=after)

    def events(self, *, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        """What happened after the event with this sequence number, oldest first."""
        return tuple(self._storage.events.read(after=after, limit=limit))

    def close(self, *, grace: float | None = None) -> None:
        """Let running jobs finish, then let go; jobs that still run are left to recovery.

        Args:
            grace: seconds to wait for running jobs; None: the setting.
        """
        if self._closed:
            return
        self._closed = True
        if self._dispatcher:
            self._dispatcher.close(self.settings.close_grace if grace is None else grace)
        self._announcer.close()
        for close in self._closing:
            close()

    @property
    def _open_jobs(self) -> JobQueue:
        if self._closed:
            raise QueueClosed
        return self._jobs

    def _patience(self, timeout: float | None) -> float:
        return self.settings.cancel_wait if timeout is None else timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "dispatching" if self._dispatcher else "open"
        return f"<StableQueue {state}>"


def _dispatcher(
    storage: Storage,
    images: ImageStore,
    transport: Transport | None,
    backend: Callable[[Server], Backend] | None,
    clock: Clock,
    settings: Settings,
    closing: list[Callable[[], None]],
) -> Callable[[HealthBoard, Announcer], Dispatcher]:
    """How to make the dispatcher; what it opens for itself is added to ``closing``."""
    from stablequeue_core.backends.forge import ForgeBackend
    from stablequeue_core.dispatch import Dispatcher

    if backend is None:
        if transport is None:
            from stablequeue_core.transport.requests_transport import RequestsTransport

            transport = RequestsTransport()
        carrier = transport

        def forge(server: Server) -> Backend:
            return ForgeBackend(server, carrier, settings)

        backend = forge
    if transport is not None:
        closing.append(transport.close)
    make_backend = backend
    return lambda health, announcer: Dispatcher(
        storage,
        images,
        make_backend,
        health=health,
        announcer=announcer,
        clock=clock,
        settings=settings,
    )
