"""The queue as its user sees it: one object from which everything can be reached."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen

from stablequeue_core.announcer import Subscription
from stablequeue_core.errors import JobNotFound, QueueClosed
from stablequeue_core.events import Event, Listener
from stablequeue_core.generation import GENERATION_INFO, Phase, Progress, completed_params
from stablequeue_core.images.metadata import infotext_in
from stablequeue_core.jobs import AUTO, Job, JobPage, JobQuery, JobQueue, JobStatus, Submission
from stablequeue_core.quantities import countable
from stablequeue_core.settings import Settings

# What a queue is made of is loaded when one is opened: importing the package stays quick.
if TYPE_CHECKING:
    from stablequeue_core.assembly import MakeBackend, Parts
    from stablequeue_core.clock import Clock
    from stablequeue_core.dispatch.explaining.estimates import BacklogEstimate
    from stablequeue_core.dispatch.explaining.explainer import Explainer
    from stablequeue_core.dispatch.explaining.explanation import Explanation
    from stablequeue_core.dispatch.upkeep.tidying import Tidied
    from stablequeue_core.doctor import Diagnosis
    from stablequeue_core.images import ImageStore
    from stablequeue_core.models import ModelKind
    from stablequeue_core.models.roots import Folders
    from stablequeue_core.servers import ServerReport
    from stablequeue_core.storage import Storage
    from stablequeue_core.transport import Transport


@frozen(kw_only=True)
class QueueStatus:
    """The queue at a glance.

    Attributes:
        paused: whether the whole queue is paused.
        dispatching: whether this process runs jobs.
        jobs: how many stand where.
        backlog: how much is to be done, and how long that takes; at most a second old.
    """

    paused: bool
    dispatching: bool
    jobs: Mapping[JobStatus, int]
    backlog: BacklogEstimate

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until all has run that can; None: nobody can tell, or the queue is paused."""
        return self.backlog.seconds


class StableQueue:
    """A durable queue of image jobs, and what runs them. Safe to use from several threads.

    Open it with :meth:`open`, close it with :meth:`close` or as a context manager.

    Attributes:
        servers: the servers that make pictures: add, change, remove, pause.
        models: the model files: scan, find, describe, and who has them.
        civitai: what files are, how pictures were made, where models can be had.
        downloads: the files that are fetched: look, wait, pause, cancel, retry.
        images: where finished pictures are kept.
        settings: every knob, as it is in force.
    """

    def __init__(self, parts: Parts) -> None:
        """Prefer :meth:`open`; this takes over parts that were put together already."""
        self._parts = parts
        self._jobs = parts.jobs
        self._dispatcher = parts.dispatcher
        self._closed = False
        self.servers = parts.servers
        self.models = parts.models
        self.civitai = parts.civitai
        self.downloads = parts.downloads
        self.images = parts.images
        self.settings = parts.settings
        if self._dispatcher:
            self._dispatcher.start()
            self.downloads.start()
        if self.models.roots:
            parts.keeper.start()

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
        backend: MakeBackend | None = None,
        clock: Clock | None = None,
        database_url: str | None = None,
        checkpoints: Folders | None = None,
        loras: Folders | None = None,
        model_dirs: Mapping[ModelKind | str, Folders] | None = None,
    ) -> Self:
        """Open the queue kept in ``data_dir``, or start a new one there.

        Args:
            data_dir: a folder; made if missing. It holds the pictures, and the database unless
                that is elsewhere.
            dispatch: whether this process runs jobs, and fetches files; if several do, they share
                the servers, and one of them fetches.
            settings: instead of those from ``STABLEQUEUE_*`` variables.
            storage: instead of SQLite in ``data_dir`` or a PostgreSQL; closed with the queue.
            images: instead of the folder ``images`` in ``data_dir``.
            transport: instead of ``requests``, for servers and Civitai; closed with the queue.
            backend: instead of Forge: makes what speaks with a server.
            clock: instead of the storage's, which is the computer's or the database server's.
            database_url: a PostgreSQL that remembers the queue, for several machines; None: the
                setting, or a file in ``data_dir``.
            checkpoints: folders with checkpoints, which are looked through at once, in the
                background; None leaves them to ``STABLEQUEUE_CHECKPOINT_DIRS``.
            loras: the same, and ``STABLEQUEUE_LORA_DIRS``.
            model_dirs: folders of other kinds, as ``{"vae": ["/models/VAE"]}``; None leaves them
                to ``STABLEQUEUE_MODEL_DIRS``.

        Raises:
            StorageError: the database cannot be opened.
            StorageMoved: the queue was moved to another database.
            InvalidSettings: a setting, or a kind of model, that does not exist.

        Example::

            with StableQueue.open("queue-data") as queue:
                queue.servers.add("Laptop", "http://127.0.0.1:7860")
                job = queue.submit("Laptop", positive_prompt="a lighthouse at dawn")
                print(queue.wait(job.id, timeout=600).images)
        """
        from stablequeue_core.assembly import assemble
        from stablequeue_core.models import model_roots

        return cls(
            assemble(
                data_dir,
                dispatch=dispatch,
                settings=settings,
                storage=storage,
                images=images,
                transport=transport,
                backend=backend,
                clock=clock,
                database_url=database_url,
                roots=model_roots(checkpoints, loras, model_dirs),
            )
        )

    def submit(
        self,
        target: str,
        params: Mapping[str, Any] | None = None,
        /,
        *,
        priority: int = 0,
        client_id: str | None = None,
        not_before: datetime | None = None,
        hold: bool = False,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Job:
        """Accept one job; when this returns, it survives a power cut.

        Args:
            target: alias of a server, ``auto``, or ``auto:<tag>`` for the servers with a tag.
            params: the parameters as a dictionary, as in the API document ...
            priority: higher runs first.
            client_id: on whose behalf, for fairness between clients.
            not_before: it does not start earlier; a moment with its time zone.
            hold: whether it does not start until it is released.
            idempotency_key: the same key and the same request give the same job.
            fields: ... or as keyword arguments; they win over ``params``.

        Raises:
            InvalidParams: lists every bad field.
            ServerNotFound: the target is neither a server, nor ``auto``, nor a group of servers.
            IdempotencyKeyReused: the key was used before for something else.

        Example::

            queue.submit("Laptop", positive_prompt="a cat", steps=20)
        """
        submission = Submission(
            target,
            {**(params or {}), **fields},
            priority=priority,
            client_id=client_id,
            not_before=not_before,
            hold=hold,
        )
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

    def submit_infotext(
        self,
        target: str,
        infotext: str,
        params: Mapping[str, Any] | None = None,
        /,
        *,
        priority: int = 0,
        client_id: str | None = None,
        not_before: datetime | None = None,
        hold: bool = False,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Job:
        """Accept a job that makes a picture again, told by the text that the picture carries.

        The text is kept with the job as its parameter ``generation_info_raw``. What it says and
        no parameter can, as of img2img, is named in the result's ``ignored_params``.

        Args:
            target: alias of a server, or ``auto``.
            infotext: as Forge, A1111 and Civitai write it.
            params: what is to be otherwise, as for :meth:`submit` ...
            priority: higher runs first.
            client_id: on whose behalf, for fairness between clients.
            not_before: it does not start earlier.
            hold: whether it does not start until it is released.
            idempotency_key: the same key and the same request give the same job.
            fields: ... or as keyword arguments; they win over ``params``, and both over the text.

        Raises:
            InvalidParams: lists every bad field; a text without settings is one.
            ServerNotFound, IdempotencyKeyReused: as :meth:`submit`.

        Example::

            queue.submit_infotext("Laptop", Path("lighthouse.txt").read_text(), seed=-1)
        """
        said = {GENERATION_INFO: infotext, **(params or {}), **fields}
        return self.submit(
            target,
            said,
            priority=priority,
            client_id=client_id,
            not_before=not_before,
            hold=hold,
            idempotency_key=idempotency_key,
        )

    def submit_from_image(
        self,
        target: str,
        path: str | Path,
        params: Mapping[str, Any] | None = None,
        /,
        *,
        priority: int = 0,
        client_id: str | None = None,
        not_before: datetime | None = None,
        hold: bool = False,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Job:
        """Accept a job that makes the picture of a file again, as the file itself tells.

        Args:
            target: alias of a server, or ``auto``.
            path: a PNG, JPEG, WebP or GIF that Forge or A1111 has made.
            params: what is to be otherwise, as for :meth:`submit_infotext` ...
            priority: higher runs first.
            client_id: on whose behalf, for fairness between clients.
            not_before: it does not start earlier.
            hold: whether it does not start until it is released.
            idempotency_key: the same key and the same request give the same job.
            fields: ... or as keyword arguments.

        Raises:
            InvalidInfotext: the file does not tell how it was made, or is no picture.
            InvalidParams, ServerNotFound, IdempotencyKeyReused: as :meth:`submit_infotext`.

        Example::

            queue.submit_from_image("Laptop", "lighthouse.png", steps=40)
        """
        infotext = infotext_in(Path(path))
        return self.submit_infotext(
            target,
            infotext,
            params,
            priority=priority,
            client_id=client_id,
            not_before=not_before,
            hold=hold,
            idempotency_key=idempotency_key,
            **fields,
        )

    def submit_from_civitai(
        self,
        image: int | str,
        params: Mapping[str, Any] | None = None,
        /,
        *,
        target: str = AUTO,
        priority: int = 0,
        client_id: str | None = None,
        not_before: datetime | None = None,
        hold: bool = False,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Job:
        """Accept a job that makes a picture on Civitai again.

        Models that are here are named by their files, all others as the picture tells; where
        they can be had is noted in ``model_sources``, so that with ``on_missing_model="download"``
        they are fetched.

        Args:
            image: its number, or the address of its page.
            params: what is to be otherwise, as for :meth:`submit` ...
            target: alias of a server, or ``auto``.
            priority: higher runs first.
            client_id: on whose behalf, for fairness between clients.
            not_before: it does not start earlier.
            hold: whether it does not start until it is released.
            idempotency_key: the same key and the same request give the same job.
            fields: ... or as keyword arguments; they win over ``params``, and both over the image.

        Raises:
            InvalidCivitaiLink: it names no image; nobody was asked.
            CivitaiNotFound, CivitaiError, InvalidInfotext: as :meth:`Civitai.image`.
            InvalidParams, ServerNotFound, IdempotencyKeyReused: as :meth:`submit`.

        Example::

            queue.submit_from_civitai("https://civitai.com/images/51001", seed=-1)
        """
        if self._closed:
            raise QueueClosed
        told = self.civitai.image(image).params
        return self.submit(
            target,
            completed_params({**(params or {}), **fields}, told),
            priority=priority,
            client_id=client_id,
            not_before=not_before,
            hold=hold,
            idempotency_key=idempotency_key,
        )

    def get(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            JobNotFound: there is none.
        """
        return self._open_jobs.get(job_id)

    def list(
        self,
        *,
        status: JobStatus | str | None = None,
        limit: int = 50,
        offset: int = 0,
        newest_first: bool = True,
    ) -> JobPage:
        """A page of the jobs, and how many match in all.

        Args:
            status: only these, as a ``JobStatus`` or its text; None for all.
            limit: at most so many.
            offset: leave out so many first.
            newest_first: by creation; False turns the order round.
        """
        query = JobQuery(
            status=None if status is None else JobStatus(status),
            newest_first=newest_first,
            limit=limit,
            offset=offset,
        )
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

    def hold(self, job_id: str) -> Job:
        """Let a pending job not start until it is released.

        Raises:
            JobNotFound: there is none.
            JobNotPending: it has started already, or has ended.
        """
        return self._open_jobs.hold(job_id)

    def release(self, job_id: str) -> Job:
        """Let a job start that was held, once its ``not_before`` has passed.

        Raises:
            JobNotFound: there is none.
            JobNotPending: it has started already, or has ended.
        """
        return self._open_jobs.release(job_id)

    def move_to_front(self, job_id: str) -> Job:
        """Let a pending job go before all others of its priority.

        Raises:
            JobNotFound: there is none.
            JobNotPending: it has started already, or has ended.
        """
        return self._open_jobs.move_to_front(job_id)

    def parts(self, job_id: str) -> tuple[Job, ...]:
        """The jobs that make the pictures of this one, in their order; most jobs have none.

        A job for ``auto`` with many pictures is made in parts, by several servers, where the
        setting ``split_batches`` allows it. Only this method shows them.

        Raises:
            JobNotFound: there is none of this id.
        """
        return tuple(self._open_jobs.parts(job_id))

    def delete(
        self, job_id: str, *, delete_images: bool = False, timeout: float | None = None
    ) -> None:
        """Forget a job; a running one is cancelled first. Its pictures stay unless asked.

        Raises:
            JobNotFound: there is none.
            JobStillRunning: its server did not confirm the cancel in time.
        """
        made = self._open_jobs.delete(job_id, timeout=self._patience(timeout))
        if delete_images:
            self.images.discard(made)

    def position(self, job: Job) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending."""
        return self._open_jobs.position(job)

    def waiting_reason(self, job: Job) -> str | None:
        """Why a pending job has not started, as far as this process can tell.

        Returns:
            a sentence; None when the job is not pending, or when it is simply not its turn yet.
        """
        return self._open_explainer.waiting_reason(job)

    def explain(self, job: Job | str) -> Explanation:
        """Why a job waits, what each server could do for it, and when it will be done.

        Works in any process, whether it runs jobs or not. Servers whose lists are not known are
        asked for them, all at once; those that do not answer within two seconds are said so.

        Args:
            job: a job, or the id of one.

        Raises:
            JobNotFound: there is none.

        Example::

            print(queue.explain(job.id).why)
        """
        return self._open_explainer.explain(self._as_it_is(job))

    def eta(self, job: Job | str) -> float | None:
        """Seconds until a job is done, as was learned from those before; nobody is asked.

        Args:
            job: a job, or the id of one.

        Returns:
            None when it has ended, or when nobody can tell: it is held, waits for a download, the
            queue is paused, or no server takes it as things are.

        Raises:
            JobNotFound: there is none.
        """
        return self._open_explainer.eta(self._as_it_is(job))

    def reports(self) -> Mapping[str, ServerReport]:
        """What the processes that run jobs, this one or others, tell of their servers, by alias.

        A server that nobody looks after any more is left out.
        """
        told = self._parts.reports.all()
        return {each: told[each] for each in told if self._parts.reports.is_good(told[each])}

    def progress(self, job_id: str) -> Progress | None:
        """How far a running job is; None when it does not run, or nobody has told yet.

        Of a job that another process runs it is known within a few seconds. One that is made in
        parts is as far as its parts are together.
        """
        own = self._dispatcher.progress_of(job_id) if self._dispatcher else None
        return own or self._told_progress(job_id) or self._progress_in_parts(job_id)

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
            heard = self._parts.storage.changes.rings
            status = self.get(job_id).status
            now = self.progress(job_id)
            if now is not None and now != last:
                last = now
                yield now
            if status is JobStatus.COMPLETED:
                yield Progress(fraction=1.0, phase=Phase.FINISHED)
            if status.ended:
                return
            left = 1.0 if deadline is None else deadline - time.monotonic()
            if left <= 0:
                # Says it in the same words as wait().
                self.wait(job_id, 0.0)
                return
            self._parts.storage.changes.wait(heard, min(left, 1.0))

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
            backlog=self._open_explainer.backlog(),
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
        if self._closed:
            raise QueueClosed
        return self._parts.announcer.subscribe(listener, after=after)

    def events(self, *, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        """What happened after the event with this sequence number, oldest first."""
        log = self._parts.storage.events
        return tuple(log.read(after=countable(after), limit=countable(limit)))

    def tidy(self) -> Tidied:
        """Forget now what the settings say need not be kept, and give back the room it took.

        Processes that run jobs do so by themselves, little by little. A job that ended within the
        last hour always stays, and so does what has not ended.

        Returns:
            what was forgotten; nothing where neither ``keep_days`` nor ``keep_jobs`` is set.

        Raises:
            StorageBusy: another process is at it already.
        """
        from stablequeue_core.dispatch.upkeep.tidying import Tidying

        if self._closed:
            raise QueueClosed
        storage = self._parts.storage
        return Tidying(storage, self.images, storage.clock, self.settings).tidy()

    def examine(self) -> Diagnosis:
        """Look at everything that the queue stands on; nothing is changed.

        The database, the folders, every server, the key for Civitai, the clocks, the settings,
        and jobs that are stuck. It takes some seconds where servers are out of reach.

        Example::

            for finding in queue.examine().findings:
                print(finding.verdict, finding.subject, finding.sentence, finding.advice or "")
        """
        if self._closed:
            raise QueueClosed
        return self._parts.examine()

    def close(self, *, grace: float | None = None) -> None:
        """Let running jobs finish, then let go; jobs that still run are left to recovery.

        Args:
            grace: seconds to wait for running jobs; None: the setting.
        """
        if self._closed:
            return
        self._closed = True
        with ExitStack() as last_first:
            last_first.enter_context(self._parts.closing)
            last_first.enter_context(closing(self._parts.announcer))
            if self._dispatcher:
                patience = self.settings.close_grace if grace is None else grace
                last_first.callback(self._dispatcher.close, patience)
            # Before it, for the grace is for jobs that run: what waits for Civitai, or for a disk,
            # is put off at once.
            last_first.enter_context(closing(self.downloads))
            last_first.enter_context(closing(self._parts.keeper))
            self._parts.hang_up()

    def _told_progress(self, job_id: str) -> Progress | None:
        """What another process has told of a job that it runs."""
        told = self._parts.reports.progress_of(job_id)
        if told is None:
            return None
        try:
            is_running = self._jobs.get(job_id).status is JobStatus.PROCESSING
        except JobNotFound:
            return None
        return told if is_running else None

    def _progress_in_parts(self, job_id: str) -> Progress | None:
        from stablequeue_core.dispatch.upkeep.joining import progress_together

        try:
            return progress_together(self.parts(job_id), self.progress)
        except JobNotFound:
            return None

    @property
    def _open_jobs(self) -> JobQueue:
        if self._closed:
            raise QueueClosed
        return self._jobs

    @property
    def _open_explainer(self) -> Explainer:
        if self._closed:
            raise QueueClosed
        return self._parts.explainer

    def _as_it_is(self, job: Job | str) -> Job:
        return self.get(job if isinstance(job, str) else job.id)

    def _patience(self, timeout: float | None) -> float:
        return self.settings.cancel_wait if timeout is None else timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "dispatching" if self._dispatcher else "open"
        return f"<StableQueue {state}>"
