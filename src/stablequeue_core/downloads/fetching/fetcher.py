"""Brings one file into its place: whole, proved, and over nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import evolve

from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.downloads.download import Download
from stablequeue_core.downloads.fetching.part_file import HashSoFar, PartFile, bytes_here, part_path
from stablequeue_core.downloads.fetching.placing import explained, make_folder, set_aside
from stablequeue_core.downloads.fetching.proofs import (
    allowance,
    header_problem,
    told_sha256,
    wrong_again,
    wrong_once,
)
from stablequeue_core.downloads.fetching.receiving import Reception
from stablequeue_core.downloads.fetching.space import check_room
from stablequeue_core.downloads.origin import DownloadOrigin
from stablequeue_core.downloads.progress import TellBytes
from stablequeue_core.downloads.runner import NoteDownload
from stablequeue_core.errors import (
    ModelFileExists,
    TransferAborted,
    UnreadableModel,
)
from stablequeue_core.models import Hashes, HashSource
from stablequeue_core.models.files.hashing import FileHasher
from stablequeue_core.models.files.safe_files import put_in_place
from stablequeue_core.settings import Settings
from stablequeue_core.transport import Abort, Transport

UNVERIFIED = (
    "unverified: Civitai tells no SHA-256 of this file, so only its size and its header were "
    "checked."
)
_SERVERS_MAY_REFUSE = "Its SHA-256 is right, but servers may refuse to read it. {}"


class Fetcher:
    """Fetches model files. Safe to use from several threads, each with a download of its own.

    One download is never fetched by two at the same time: the store gives it to one claim only, and
    only one process fetches for a data folder. Its part carries its id, so two downloads, and two
    data folders that share a model folder, never write into the same one either. Who of them comes
    second to the finished name finds the file of the first there, and leaves it alone.

    Args:
        transport: carries HTTP.
        origin: gives links to files.
        settings: how patient to be, and whether private networks are allowed.
        clock: tells when patience ends.
    """

    def __init__(
        self,
        transport: Transport,
        origin: DownloadOrigin,
        settings: Settings,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._transport = transport
        self._origin = origin
        self._settings = settings
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._hashes: dict[str, HashSoFar] = {}

    def fetch(
        self, download: Download, *, abort: Abort, note: NoteDownload, tell: TellBytes
    ) -> Download:
        """Bring the file into its place, beginning with what is here of it.

        Args:
            download: which file, and where to.
            abort: makes the call come back at once; what is here is kept.
            note: called with what must survive a kill; returns the download as it is kept.
            tell: called often, with bytes here and bytes in all (None: nobody has told).

        Returns:
            the download with what was learnt of the file: its hashes, its size, and in ``notes``
            what could not be proved.

        Raises:
            ModelFileExists: another file has this name.
            NotEnoughSpace, FileNotPlaced, WrongFile, TooSlow, StorageHostFailed, LinkExpired: see
                there.
            TransportError: the connection was lost, or leads into a private network.
            CivitaiError, CivitaiNotFound: Civitai gives no link.
            TransferAborted: ``abort`` was pulled.
        """
        with explained(download):
            make_folder(download)
            if found := self._in_place(download, abort):
                return found
            download, sha256 = self._received(download, abort, note, tell)
            proved = self._proved(download, sha256, note)
            if told_sha256(download) is None:
                note(proved)  # so that its file is known by its hash if we die before we return
            return self._placed(proved, abort)

    def discard(self, download: Download) -> None:
        """Remove what is here of an unfinished file; harmless when there is nothing.

        Raises:
            FileNotPlaced: it cannot be removed.
        """
        self._forget(download)
        with explained(download):
            part_path(download).unlink(missing_ok=True)

    def bytes_here(self, download: Download) -> int:
        """How much of an unfinished file is here, whichever process fetches it."""
        return bytes_here(download)

    def _received(
        self, download: Download, abort: Abort, note: NoteDownload, tell: TellBytes
    ) -> tuple[Download, str]:
        """Receive what is missing; the SHA-256 of all of it, which is on the disk by then."""
        with self._part(download) as part:
            if download.total is not None and part.size > download.total:
                part.empty()
            tell(part.size, download.expected_size)
            if download.expected_size is not None:
                check_room(download.file.parent, download.expected_size - part.size)
            part.read_back(abort)
            if abort.pulled:
                raise TransferAborted
            reception = Reception(
                self._transport,
                self._origin,
                self._settings,
                self._clock,
                download=download,
                part=part,
                abort=abort,
                note=note,
                tell=tell,
            )
            reception.complete()
            part.sync()
            return reception.download, part.sha256()

    def _proved(self, download: Download, sha256: str, note: NoteDownload) -> Download:
        """The download with what its whole file proves; the SHA-256 decides, if Civitai tells it.

        Raises:
            WrongFile: it is not the file. The first time nothing of it is kept, the second time it
                is kept aside.
        """
        part, told = part_path(download), told_sha256(download)
        size = part.stat().st_size
        with part.open("rb") as file:
            problem = header_problem(file, size)
        if told == sha256:
            notes = () if problem is None else (_SERVERS_MAY_REFUSE.format(problem),)
            return _finished(download, size, sha256, notes)
        if told is None and problem is None:
            return _finished(download, size, sha256, (UNVERIFIED,))
        if download.wrong_sha256 is None:
            self.discard(download)  # first, so that nothing of it can ever be read on
            note(evolve(download, wrong_sha256=sha256, total=None, etag=None, bytes_done=0))
            raise wrong_once(sha256, told, problem)
        kept_as = set_aside(part, download.file)
        self._forget(download)
        raise wrong_again(
            download.filename,
            sha256,
            told,
            problem,
            is_same=sha256 == download.wrong_sha256,
            kept_as=kept_as,
        )

    def _placed(self, download: Download, abort: Abort) -> Download:
        """Give the proved file its name, unless somebody was faster by a moment.

        Raises:
            ModelFileExists: with another file.
        """
        while True:
            try:
                put_in_place(part_path(download), download.file)
            except FileExistsError:
                if found := self._in_place(download, abort):
                    return found
            else:
                self._forget(download)
                return download

    def _in_place(self, download: Download, abort: Abort) -> Download | None:
        """The finished download if its file is in its place already; None: the place is free.

        Raises:
            ModelFileExists: another file is there, or nobody can tell whether it is the same.
        """
        target = download.file
        try:
            size = target.lstat().st_size
        except FileNotFoundError:
            return None
        wanted, told_size = download.hashes.sha256, download.expected_size
        if wanted is None or (
            told_size is not None and abs(size - told_size) > allowance(told_size)
        ):
            raise ModelFileExists(download.path, is_same=False)
        try:
            hashes = FileHasher(target, clock=self._clock).run(_Stop(abort))
        except UnreadableModel:
            raise ModelFileExists(download.path, is_same=False) from None
        if hashes is None:
            raise TransferAborted
        if hashes.sha256 != wanted.lower():
            raise ModelFileExists(download.path, is_same=False)
        self.discard(download)
        return _finished(download, size, wanted.lower(), download.notes)

    @contextmanager
    def _part(self, download: Download) -> Iterator[PartFile]:
        """The part; when it is left, its hash so far is kept in memory."""
        with self._lock:
            known = self._hashes.pop(download.id, None)
        part = PartFile(part_path(download), known)
        try:
            yield part
        finally:
            hash_so_far = part.close()
            if part.size:
                with self._lock:
                    self._hashes[download.id] = hash_so_far
            else:
                part_path(download).unlink(missing_ok=True)

    def _forget(self, download: Download) -> None:
        with self._lock:
            self._hashes.pop(download.id, None)


class _Stop:
    """An Abort as the signal that stops a hasher."""

    def __init__(self, abort: Abort) -> None:
        self._abort = abort

    def is_set(self) -> bool:
        return self._abort.pulled

    def wait(self, timeout: float) -> bool:
        return self._abort.wait(timeout)


def _finished(download: Download, size: int, sha256: str, notes: tuple[str, ...]) -> Download:
    """The download with what the whole file has proved.

    Civitai's other hashes are believed where its SHA-256 is that of the file.
    """
    told = download.hashes
    is_same = told.sha256 is not None and told.sha256.lower() == sha256
    hashes = Hashes(
        sha256=sha256,
        autov1=told.autov1 if is_same else None,
        autov3=told.autov3 if is_same else None,
        source=HashSource.COMPUTED,
    )
    return evolve(download, total=size, bytes_done=size, hashes=hashes, notes=notes)
