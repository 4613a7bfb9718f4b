"""Puts together what the doctor looks at: an open queue, or a folder as it lies there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from attrs import evolve, fields

from stablequeue_core.assembly.late_transport import LateTransport
from stablequeue_core.assembly.storages import DATABASE, open_storage
from stablequeue_core.backends import Backend
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.records import CivitaiAccount
from stablequeue_core.clock import SystemClock
from stablequeue_core.doctor import Diagnosis, Finding, Premises, Verdict, examine
from stablequeue_core.doctor.postgres_server import look_at_server
from stablequeue_core.doctor.sqlite_file import look_at
from stablequeue_core.errors import InvalidSettings, StorageError
from stablequeue_core.models import NOTHING_KNOWN, ModelKind, ModelRoot, model_roots
from stablequeue_core.models.naming.known_files import StoredCheckpoints
from stablequeue_core.models.roots import Folders
from stablequeue_core.servers import Server
from stablequeue_core.settings import Settings, variable_of
from stablequeue_core.storage import Storage
from stablequeue_core.transport import Abort, Timeouts, Transport

IMAGES = "images"

CONNECT_PATIENCE, ANSWER_PATIENCE = 5.0, 10.0
"""Seconds, at most: somebody waits for the diagnosis."""


def examine_open(
    folder: Path,
    storage: Storage,
    *,
    images: Path,
    roots: Sequence[ModelRoot],
    settings: Settings,
    connect: Callable[[Server], Backend],
    transport: Transport | None,
    account: Callable[[Abort], CivitaiAccount],
) -> Diagnosis:
    """Examine a queue that is open; see :class:`Premises` for what is handed in."""
    file = _file_of(storage)
    return examine(
        Premises(
            folder=folder,
            images=images,
            settings=settings,
            roots=roots,
            storage=storage,
            file=file or folder / DATABASE,
            uses_file=file is not None,
            connect=connect,
            transport=transport,
            timeouts=_timeouts(settings),
            account=account,
            environment=os.environ,
            clock=SystemClock(),
        )
    )


def examine_folder(
    data_dir: str | Path,
    *,
    database_url: str | None = None,
    checkpoints: Folders | None = None,
    loras: Folders | None = None,
    model_dirs: Mapping[ModelKind | str, Folders] | None = None,
    transport: Transport | None = None,
    environment: Mapping[str, str] | None = None,
) -> Diagnosis:
    """Examine a queue that may be broken, in use by others, or not there at all.

    Nothing is made and nothing is changed: a database of an older version is not brought up to
    date, and then nobody knows of the servers.

    Args:
        data_dir: the folder of the queue.
        database_url: a PostgreSQL instead of the file in it; None: the setting.
        checkpoints: folders with checkpoints; None: the variable.
        loras: the same.
        model_dirs: folders of other kinds.
        transport: instead of ``requests``; not closed.
        environment: instead of ``os.environ``.
    """
    environment = os.environ if environment is None else environment
    settings, findings = _settings_in(environment, database_url)
    roots: Sequence[ModelRoot] = ()
    try:
        roots = model_roots(checkpoints, loras, model_dirs, environment)
    except InvalidSettings as error:
        findings += _told(error)
    folder = Path(data_dir).expanduser().resolve()
    file = folder / DATABASE
    refusal, storage = None, None
    with ExitStack() as opened:
        try:
            storage = _opened(folder, settings)
        except StorageError as error:
            refusal = error
        if storage is not None:
            opened.enter_context(storage)
        carrier = transport or LateTransport(_requests)
        if transport is None:
            opened.callback(carrier.close)
        patient = evolve(
            settings,
            connect_timeout=min(settings.connect_timeout, CONNECT_PATIENCE),
            answer_timeout=min(settings.answer_timeout, ANSWER_PATIENCE),
        )
        client = CivitaiClient(carrier, patient)
        found = examine(
            Premises(
                folder=folder,
                images=folder / IMAGES,
                settings=settings,
                roots=roots,
                storage=storage,
                refusal=refusal,
                file=file,
                uses_file=settings.database_url is None,
                connect=_forge(carrier, patient, storage),
                transport=carrier,
                timeouts=_timeouts(patient),
                account=lambda abort: client.account(abort=abort),
                environment=environment,
                clock=SystemClock(),
            )
        )
    return Diagnosis((*findings, *found.findings))


def _settings_in(
    environment: Mapping[str, str], database_url: str | None
) -> tuple[Settings, list[Finding]]:
    """The settings, without those that cannot be used, and what is wrong with these."""
    try:
        return Settings.from_environment(environment, database_url=database_url), []
    except InvalidSettings as error:
        unusable = {each.path for each in error.problems}
        if "database_url" in unusable:
            # The command line hands on what stands in the variable.
            unusable.add(variable_of(fields(Settings).database_url))
            database_url = None
        usable = {name: text for name, text in environment.items() if name not in unusable}
        return Settings.from_environment(usable, database_url=database_url), _told(error)


def _told(error: InvalidSettings) -> list[Finding]:
    advice = "Put it right: nothing starts with it."
    return [
        Finding("settings", Verdict.PROBLEM, f"{each.path} {each.message}", advice)
        for each in error.problems
    ]


def _opened(folder: Path, settings: Settings) -> Storage | None:
    """The storage, if that can be opened without changing anything.

    Raises:
        StorageMoved: its queue is elsewhere, so that nothing is to be said of its servers and jobs.
        StorageError: it cannot be opened.
    """
    if settings.database_url is None:
        file = folder / DATABASE
        # What is wrong with a file that cannot be read, the check of the database tells.
        try:
            if not file.exists() or not look_at(file).is_current:
                return None
        except StorageError:
            return None
    elif not look_at_server(settings.database_url).is_current:
        return None
    storage = open_storage(folder, database_url=settings.database_url)
    if (move := storage.moved()) is not None:
        storage.close()
        raise move.error()
    return storage


def _timeouts(settings: Settings) -> Timeouts:
    return Timeouts(connect=settings.connect_timeout, read=settings.answer_timeout)


def _file_of(storage: Storage) -> Path | None:
    """The file that a storage keeps everything in; None where it is another kind."""
    from stablequeue_core.storage.sqlite import SqliteStorage

    return storage.database.path if isinstance(storage, SqliteStorage) else None


def _forge(
    carrier: Transport, settings: Settings, storage: Storage | None
) -> Callable[[Server], Backend]:
    known = StoredCheckpoints(storage.models) if storage is not None else NOTHING_KNOWN

    def connect(server: Server) -> Backend:
        from stablequeue_core.backends.forge import ForgeBackend

        return ForgeBackend(server, carrier, settings, known)

    return connect


def _requests() -> Transport:
    from stablequeue_core.transport.requests_transport import RequestsTransport

    return RequestsTransport()
