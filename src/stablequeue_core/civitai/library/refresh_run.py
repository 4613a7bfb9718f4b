"""One run over many model files: hundreds of them with each request, several at once on disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from attrs import frozen

from stablequeue_core.civitai.client.client import VERSIONS_A_CALL, CivitaiClient
from stablequeue_core.civitai.library.enriching import Written
from stablequeue_core.civitai.library.finding import Finder
from stablequeue_core.civitai.library.identifying import Identifier
from stablequeue_core.civitai.library.identity_book import IdentityBook
from stablequeue_core.civitai.library.refresh_report import RefreshReport, RefreshTally
from stablequeue_core.civitai.library.which_version import FoundBy, ranked
from stablequeue_core.civitai.records import CivitaiModel, CivitaiVersion
from stablequeue_core.clock import Clock
from stablequeue_core.errors import (
    CivitaiGarbled,
    CivitaiNotFound,
    CivitaiRefused,
    CivitaiUnavailable,
    InternalError,
    StableQueueError,
    StorageError,
    TransferAborted,
)
from stablequeue_core.models import Identity, Model, ModelCatalog
from stablequeue_core.models.files.previews import PREVIEW_SUFFIXES
from stablequeue_core.models.files.safe_files import persist_names
from stablequeue_core.models.files.sidecars import Dialect
from stablequeue_core.models.files.whereabouts import check_is_as_found

logger = logging.getLogger(__name__)

AT_ONCE = 4
"""Models that are written at once: most of the time goes by waiting for pictures."""

FRESH = timedelta(days=1)

_IT_IS_DOWN = 3
"""Models in a row for which Civitai cannot be asked: then it is not about them."""

_ONLY_THIS_CALL = (CivitaiNotFound, CivitaiRefused, CivitaiGarbled)
"""After these, Civitai may still answer to other calls."""


class WriteBeside(Protocol):
    """Writes what Civitai says beside a file, and remembers when."""

    def __call__(
        self,
        model_file: Path,
        version: CivitaiVersion,
        model: CivitaiModel | None,
        /,
        *,
        sha256: str,
        pinned: bool,
        names: Collection[str],
        persist: bool,
    ) -> Written:
        """See :meth:`.enriching.Enricher.write`."""


@frozen
class _Item:
    """A file, and what is known of it."""

    model: Model
    identity: Identity

    @property
    def is_known(self) -> bool:
        """Whether Civitai, or the user, says what it is."""
        return bool(self.identity.candidates) or self.identity.pinned is not None

    @property
    def likely_model_id(self) -> int:
        """Of the model that it belongs to, if that is known."""
        named = (self.identity.pinned, *self.identity.candidates)
        return next((each.model_id for each in named if each and each.model_id), 0)


@frozen
class _Pick:
    """Which version a file is taken for."""

    item: _Item
    version: CivitaiVersion
    pinned: bool = False


class RefreshRun:
    """One run; begin it once.

    Args:
        client: asks.
        catalog: reads anew what was written.
        book: knows what was done before.
        identifier: asks by hash.
        finder: finds what is not known by its hash.
        write: writes.
        clock: the time.
        tally: counts.
        stopping: asked before each file.
    """

    def __init__(
        self,
        client: CivitaiClient,
        catalog: ModelCatalog,
        book: IdentityBook,
        *,
        identifier: Identifier,
        finder: Finder,
        write: WriteBeside,
        clock: Clock,
        tally: RefreshTally,
        stopping: Callable[[], bool],
    ) -> None:
        self._client = client
        self._catalog = catalog
        self._book = book
        self._identifier = identifier
        self._finder = finder
        self._write = write
        self._clock = clock
        self._tally = tally
        self._stopping = stopping
        self._broken_off = threading.Event()
        self._in_a_row = 0

    def run(self, models: Iterable[Model], *, again: bool) -> RefreshReport:
        """Refresh them; see :meth:`.refreshing.Refresher.refresh_all`."""
        to_do = self._to_do(models, again=again)
        self._tally.begin(len(to_do))
        began = self._clock.now()
        identities = self._identifier.identify(
            [sha256 for _, sha256 in to_do], again=again, stopping=self._stopping
        )
        items = [_Item(model, identities[sha256]) for model, sha256 in to_do]
        # Versions of one model come together, so that it is asked for once.
        known = sorted((i for i in items if i.is_known), key=lambda i: i.likely_model_id)
        with ThreadPoolExecutor(AT_ONCE, "stablequeue-refresh") as pool:
            try:
                for start in range(0, len(known), VERSIONS_A_CALL):
                    if not self._stopping():
                        self._refresh_known(known[start : start + VERSIONS_A_CALL], pool)
                for item in items:
                    if not (item.is_known or self._stopping()):
                        self._refresh_unknown(item, pool, began)
            except BaseException:
                self._broken_off.set()  # what waits in the pool comes to nothing
                raise
        return self._tally.report()

    def _to_do(self, models: Iterable[Model], *, again: bool) -> Sequence[tuple[Model, str]]:
        """The models with their SHA-256, without those that were done lately."""
        hashed: list[tuple[Model, str]] = []
        for model in models:
            if model.missing:
                continue
            if model.hashes.sha256 is None:
                self._tally.unhashed += 1
            else:
                hashed.append((model, model.hashes.sha256))
        if again:
            return hashed
        known = self._book.all_of({sha256 for _, sha256 in hashed})
        since = self._clock.now() - FRESH
        to_do = []
        for model, sha256 in hashed:
            done_at = known[sha256].refreshed_at
            # Of two copies, one may have been written before a run was interrupted.
            if done_at is not None and done_at > since and _is_written(model):
                self._tally.skipped += 1
            else:
                to_do.append((model, sha256))
        return to_do

    def _refresh_known(self, items: Sequence[_Item], pool: ThreadPoolExecutor) -> None:
        """A hundred files, or fewer: two requests, and their pictures."""
        by_hash = [item.identity.sha256 for item in items if item.identity.candidates]
        listed: Mapping[str, Sequence[CivitaiVersion]] = {}
        with _or_one_by_one():
            listed = self._client.versions_by_hash(by_hash)
        picks: list[_Pick] = []
        for item in items:
            with self._noted(item):
                picks.append(self._picked(item, listed.get(item.identity.sha256, ())))
        wanted = dict.fromkeys(pick.version.model_id for pick in picks)
        models: Sequence[CivitaiModel] = ()
        with _or_one_by_one():
            models = self._client.models([each for each in wanted if each is not None])
        self._write_all(picks, {model.id: model for model in models}, pool)

    def _picked(self, item: _Item, listed: Sequence[CivitaiVersion]) -> _Pick:
        """The likeliest version of a file that Civitai still has."""
        at_hand = {version.id: version for version in listed}
        for choice in ranked(item.identity, item.model, listed):
            version_id, pinned = choice.candidate.version_id, choice.found_by is FoundBy.PIN
            try:
                version = at_hand.get(version_id) or self._client.version(version_id)
            except CivitaiNotFound:
                if pinned:
                    raise
                continue
            return _Pick(item, version, pinned)
        raise CivitaiNotFound(f"version any more that has the file {item.model.filename!r}")

    def _refresh_unknown(self, item: _Item, pool: ThreadPoolExecutor, began: datetime) -> None:
        """A file that Civitai does not know by its hash."""
        model, identity = item.model, item.identity
        is_named = model.card.version_id is not None or model.card.model_id is not None
        # What Civitai did not know the last time is not asked for in other ways each day.
        if not is_named and not (identity.asked_at and identity.asked_at >= began):
            self._tally.unknown(model)
            return
        picks: list[_Pick] = []
        with self._noted(item):
            found = self._finder.find_unnamed(model, identity.sha256, by_hash=False)
            if found is None:
                raise CivitaiNotFound(f"file {model.filename!r}")
            picks.append(_Pick(item, found.version))
        self._write_all(picks, {}, pool)

    def _write_all(
        self,
        picks: Sequence[_Pick],
        models: Mapping[int, CivitaiModel],
        pool: ThreadPoolExecutor,
    ) -> None:
        """Write beside several files at once, then read all of them again."""
        coming = {pool.submit(self._write_one, pick, models): pick.item for pick in picks}
        written: list[Model] = []
        try:
            for future in as_completed(coming):
                item, done = coming[future], None
                with self._noted(item):
                    done = future.result()
                if done is not None:
                    written.append(item.model)
                    self._tally.refreshed(item.model, done.problems)
        finally:
            for folder in {model.file.parent for model in written}:
                persist_names(folder)
            self._catalog.look_again(written)

    def _write_one(self, pick: _Pick, models: Mapping[int, CivitaiModel]) -> Written | None:
        """Write beside one file; None when the run was stopped before."""
        if self._broken_off.is_set() or self._stopping():
            return None
        model, version = pick.item.model, pick.version
        check_is_as_found(model)
        whose = models.get(version.model_id or 0) or self._finder.model_of(version)
        return self._write(
            model.file,
            version,
            whose,
            sha256=pick.item.identity.sha256,
            pinned=pick.pinned,
            # To list a folder of thousands of files for each of them takes longer than all else.
            names={*model.previews, *(f"{model.stem}{suffix}" for suffix in PREVIEW_SUFFIXES)},
            persist=False,
        )

    @contextmanager
    def _noted(self, item: _Item) -> Iterator[None]:
        """What goes wrong with one model is told, and does not stop the rest."""
        model = item.model
        try:
            yield
            self._in_a_row = 0
        except (TransferAborted, StorageError):
            raise  # no other model would fare better
        except StableQueueError as error:
            self._in_a_row += isinstance(error, CivitaiUnavailable)
            if self._in_a_row == _IT_IS_DOWN:
                raise
            if isinstance(error, CivitaiNotFound) and item.identity.pinned is None:
                self._tally.unknown(model)
            else:
                self._tally.failed(model, error.code, error.message)
        except Exception as defect:
            logger.exception("Refreshing %s met a defect of StableQueue.", model.filename)
            self._tally.failed(model, InternalError.code, InternalError(defect).message)


@contextmanager
def _or_one_by_one() -> Iterator[None]:
    """When many cannot be asked for at once, each is asked for by itself."""
    try:
        yield
    except _ONLY_THIS_CALL as error:
        logger.warning("Civitai is asked for each model by itself: %s", error.message)


def _is_written(model: Model) -> bool:
    """Whether what we wrote lies beside it."""
    return Dialect.CIVITAI_API in model.card.sources
