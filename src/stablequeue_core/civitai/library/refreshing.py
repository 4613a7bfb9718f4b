"""Brings what is known of model files up to date with Civitai: one, or all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from attrs import evolve, frozen

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.library.enriching import Enricher, Written
from stablequeue_core.civitai.library.finding import Finder
from stablequeue_core.civitai.library.identifying import Identifier
from stablequeue_core.civitai.library.identity_book import IdentityBook
from stablequeue_core.civitai.library.refresh_report import (
    RefreshProblem,
    RefreshReport,
    RefreshTally,
    TellRefresh,
)
from stablequeue_core.civitai.library.refresh_run import RefreshRun
from stablequeue_core.civitai.library.which_version import FoundBy, ranked
from stablequeue_core.civitai.records import CivitaiModel, CivitaiVersion
from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.models import CivitaiCandidate, IdentityStore, Model, ModelCatalog
from stablequeue_core.settings import Settings

__all__ = [
    "FoundBy",
    "RefreshProblem",
    "RefreshReport",
    "Refreshed",
    "Refresher",
    "TellRefresh",
    "Written",
]


@frozen(kw_only=True)
class Refreshed:
    """A model that was brought up to date.

    Attributes:
        model: as it is now.
        version_id, model_id: that it is at Civitai; the second is None where Civitai does not tell.
        previews: names of the pictures and films beside it that come from Civitai.
        found_by: how it was found out.
        reason: why it is this version and not another, as a sentence.
        updated_at: when.
        problems: what could not be fetched or written, as sentences; all else was.
    """

    model: Model
    version_id: int
    model_id: int | None
    previews: tuple[str, ...]
    found_by: FoundBy
    reason: str
    updated_at: datetime
    problems: tuple[str, ...] = ()


class Refresher:
    """Asks Civitai what model files are, and writes down its answers. For several threads.

    Args:
        client: asks.
        catalog: the models.
        identities: what is known of them at Civitai.
        settings: how long Civitai's word is believed that it does not know a file.
        locks: a folder for locks on the files beside models: that of the catalogue.
        clock: the time.
    """

    def __init__(
        self,
        client: CivitaiClient,
        catalog: ModelCatalog,
        identities: IdentityStore,
        settings: Settings,
        *,
        locks: Path,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._catalog = catalog
        self._clock = clock or SystemClock()
        self._book = IdentityBook(identities)
        self._identifier = Identifier(
            client, self._book, clock=self._clock, unknown_age=settings.civitai_unknown_age
        )
        self._finder = Finder(client, self._identifier, self._book)
        self._enricher = Enricher(client, locks=locks, clock=self._clock)

    def refresh(self, model: Model) -> Refreshed:
        """Ask Civitai what a model file is, and write its answer and pictures beside the file.

        It is hashed first, if it has not been.

        Raises:
            ModelNotFound: its file is not there.
            UnreadableModel: the file cannot be hashed.
            CivitaiNotFound: nobody can tell which version it is; that is remembered.
            CivitaiError: Civitai cannot be asked now; nothing was changed.
            SidecarNotWritten: the files beside the model cannot be written; nothing was changed.
            StorageError: the answer cannot be kept.
        """
        present, sha256 = self._catalog.hashed(model)
        found = self._finder.find(present, sha256)
        return self._written(present, sha256, found.version, found.found_by, found.reason)

    def refresh_all(
        self,
        models: Iterable[Model],
        *,
        again: bool = False,
        tell: TellRefresh = lambda done, total, current: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> RefreshReport:
        """The same for many, asking for hundreds at once; none of them stops the rest.

        What was refreshed within the last day is left out, so that a run that was interrupted goes
        on where it was. So are files that are missing, or that nobody has hashed yet. Files that
        Civitai does not know by a hash are not looked for by their names.

        Args:
            models: which.
            again: those of the last day, too.
            tell: hears how far it is.
            stopping: asked before each file, by several threads; True ends the run.

        Raises:
            CivitaiError: Civitai cannot be asked now; what was done so far stays.
            StorageError: its answers cannot be kept.
        """
        run = RefreshRun(
            self._client,
            self._catalog,
            self._book,
            identifier=self._identifier,
            finder=self._finder,
            write=self._write,
            clock=self._clock,
            tally=RefreshTally(tell),
            stopping=stopping,
        )
        return run.run(models, again=again)

    def beside(
        self,
        model_file: Path,
        version: CivitaiVersion,
        model: CivitaiModel | None,
        *,
        sha256: str,
    ) -> Written:
        """Write what Civitai says beside any file, as a refresh does; the catalogue is not told.

        Args:
            model_file: the file.
            version: that it is.
            model: of the version; None when it is not known.
            sha256: of the file, in lower case.

        Raises:
            SidecarNotWritten: nothing could be written; nothing was changed.
            StorageError: it was written, but that cannot be remembered.
        """
        pinned = self._book.of(sha256).pinned
        is_pinned = pinned is not None and pinned.version_id == version.id
        return self._write(model_file, version, model, sha256=sha256, pinned=is_pinned)

    def candidates(self, model: Model) -> Sequence[CivitaiCandidate]:
        """The versions that a file may be, likeliest first: by its hash, and what is pinned.

        Raises:
            ModelNotFound, UnreadableModel: its hash is not known, and the file cannot be read.
            CivitaiError: Civitai cannot be asked now.
            StorageError: its answer cannot be kept.
        """
        present, sha256 = self._known_by_hash(model)
        identity = self._identifier.identify([sha256])[sha256]
        several = len(identity.candidates) > 1
        versions = self._client.versions_by_hash([sha256]).get(sha256, ()) if several else ()
        return [choice.candidate for choice in ranked(identity, present, versions)]

    def pin(self, model: Model, version_id: int) -> Refreshed:
        """Say which version a file is, and write that version's description beside it.

        From now on that wins over all that Civitai finds, wherever the file is moved, and for all
        copies of it.

        Raises:
            CivitaiNotFound: there is no such version; nothing was changed.
            ModelNotFound, UnreadableModel, CivitaiError, SidecarNotWritten, StorageError: as
                :meth:`refresh`.
        """
        present, sha256 = self._catalog.hashed(model)
        version = self._client.version(version_id)
        pinned = CivitaiCandidate(version_id=version.id, model_id=version.model_id)
        self._book.revise([sha256], lambda known: evolve(known, pinned=pinned, refreshed_at=None))
        said = "You have said that it is this version."
        return self._written(present, sha256, version, FoundBy.PIN, said)

    def unpin(self, model: Model) -> None:
        """Take back what :meth:`pin` said; what is beside the file stays until it is refreshed.

        Raises:
            ModelNotFound, UnreadableModel: its hash is not known, and the file cannot be read.
            StorageError: it cannot be kept.
        """
        _, sha256 = self._known_by_hash(model)
        self._book.revise([sha256], lambda known: evolve(known, pinned=None, refreshed_at=None))

    def _known_by_hash(self, model: Model) -> tuple[Model, str]:
        """The model and its SHA-256, without a look at the file if that is known."""
        sha256 = model.hashes.sha256
        return self._catalog.hashed(model) if sha256 is None else (model, sha256)

    def _written(
        self, model: Model, sha256: str, version: CivitaiVersion, found_by: FoundBy, reason: str
    ) -> Refreshed:
        whose = self._finder.model_of(version)
        pinned = found_by is FoundBy.PIN
        written = self._write(model.file, version, whose, sha256=sha256, pinned=pinned)
        (present,) = self._catalog.look_again([model])
        return Refreshed(
            model=present,
            version_id=version.id,
            model_id=version.model_id,
            previews=written.previews,
            found_by=found_by,
            reason=reason,
            updated_at=self._clock.now(),
            problems=written.problems,
        )

    def _write(
        self,
        model_file: Path,
        version: CivitaiVersion,
        model: CivitaiModel | None,
        *,
        sha256: str,
        pinned: bool,
        names: Collection[str] | None = None,
        persist: bool = True,
    ) -> Written:
        """Write beside a file, and remember when."""
        written = self._enricher.write(
            model_file,
            version,
            model,
            sha256=sha256,
            pinned=pinned,
            names=names,
            persist=persist,
        )
        now = self._clock.now()
        self._book.revise([sha256], lambda known: evolve(known, refreshed_at=now))
        return written
