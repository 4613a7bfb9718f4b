"""Has the models fetched that a job lacks, where it asks for that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from stablequeue_core.backends import Prepared
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.dispatch.running import shortage
from stablequeue_core.downloads import Download, DownloadStore
from stablequeue_core.downloads.wanted import FILES, ModelOrderer, WantedModel
from stablequeue_core.errors import (
    BackendError,
    CivitaiUnavailable,
    DownloadNotFound,
    ModelFileExists,
    ModelNotSupplied,
    NotOnServer,
    StableQueueError,
    StorageError,
    TransferAborted,
)
from stablequeue_core.generation import GenerationRequest, OnMissingModel, Requirements
from stablequeue_core.jobs import Job
from stablequeue_core.servers import is_for_any
from stablequeue_core.settings import Settings


class Waits(Exception):
    """A job cannot go on now, through nobody's fault.

    Attributes:
        reason: for people.
        downloads: what is being fetched for it.
        seconds: leave it alone for so long.
    """

    def __init__(
        self, reason: str, downloads: Sequence[Download] = (), *, seconds: float = 0.0
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.downloads = tuple(downloads)
        self.seconds = seconds


class ModelSupply:
    """Has missing models fetched for the jobs that ask for it. Safe to use from several threads.

    A job waits for its downloads, never the other way round: a download goes on when the last job
    that waits for it is cancelled or deleted, for its user may want the file all the same.

    Args:
        downloads: where it is kept how far each download is.
        orderer: starts downloads; None where nothing can be downloaded.
        settings: every knob.
    """

    def __init__(
        self, downloads: DownloadStore, orderer: ModelOrderer | None, *, settings: Settings
    ) -> None:
        self._downloads = downloads
        self._orderer = orderer
        self._settings = settings
        self._ordered: dict[WantedModel, str] = {}

    @property
    def can_order(self) -> bool:
        """Whether anything can be downloaded."""
        return self._orderer is not None

    def prepare(self, job: Job, link: Link, request: GenerationRequest) -> Prepared:
        """Put a request into the server's words; what it lacks is ordered, if the job says so.

        All that is missing is ordered at once. A job that was supplied before is not supplied
        again, whatever the server says: nothing is fetched twice for it.

        Raises:
            Waits: until what it lacks is there, or until somebody can tell where that is.
            ModelNotSupplied: it lacks a file that cannot be had, or that is here and does not help.
            NotOnServer: it lacks something that is no file, or wants nothing to be fetched.
            RequestRefused, ServerUnreachable: as :meth:`Link.prepare`.
        """
        if request.on_missing_model is not OnMissingModel.DOWNLOAD:
            return link.prepare(request)
        if not job.supplied_by:
            self._join_the_others(link, request)
        try:
            return link.prepare(request)
        except NotOnServer as error:
            lacking = link.lacks(request.requirements) or [error]
        if job.supplied_by:
            raise self._did_not_help(job, link, lacking)
        built_in = [missing for missing in lacking if not _is_file(missing)]
        if built_in:
            raise _anew(built_in[0])
        wanted = _wanted(lacking, request.model_sources)
        try:
            ordered = [self._order(model, lacking) for model in wanted]
        except _HereAlready as here:
            # It may have come while the order was under way.
            link.refresh()
            if here.model in _wanted(link.lacks(request.requirements) or (), request.model_sources):
                raise _without_help(here, job, link) from here.error
            return self.prepare(job, link, request)
        raise _waits_for(ordered)

    def _join_the_others(self, link: Link, request: GenerationRequest) -> None:
        """Wait at once if all that the server lacks was ordered for another job already.

        Then neither the server is made to look at its folders, nor is anybody asked where the file
        is: a whole series of jobs may lack it.

        Raises:
            Waits: it was.
        """
        lacking = link.lacks(request.requirements) or ()
        if not lacking or not all(map(_is_file, lacking)):
            return
        orders = [self._ordered.get(model) for model in _wanted(lacking, request.model_sources)]
        under_way = [
            download
            for download in map(self._download, filter(None, orders))
            if download is not None and not download.status.ended
        ]
        if len(under_way) == len(orders):
            raise _waits_for(under_way)

    def _order(self, model: WantedModel, lacking: Sequence[BackendError]) -> Download:
        told = " ".join(error.message for error in lacking)
        if self._orderer is None:
            raise ModelNotSupplied([model.name], f"{told} Nothing can be downloaded here.")
        try:
            download = self._orderer.order(model)
        except ModelFileExists as error:
            raise _HereAlready(model, error) from error
        except CivitaiUnavailable as error:
            reason = f"Nobody can tell now where {model.name!r} can be had. {error.message}"
            raise Waits(reason, seconds=self._settings.circuit_cap) from error
        except TransferAborted as error:
            reason = f"The queue was closed while it was asked where {model.name!r} can be had."
            raise Waits(reason, seconds=self._settings.circuit_base) from error
        except StorageError:
            raise
        except StableQueueError as error:
            reason = f"{told} It cannot be fetched: {error.message}"
            raise ModelNotSupplied([model.name], reason) from error
        self._ordered[model] = download.id
        return download

    def _did_not_help(
        self, job: Job, link: Link, lacking: Sequence[BackendError]
    ) -> ModelNotSupplied | BackendError:
        """Why a job still cannot run although all that was ordered for it is here."""
        fetched = [d for d in map(self._download, job.supplied_by) if d is not None]
        wanted = _wanted(lacking, {})
        reasons = [
            _unhelpful(file.path, model, job, link)
            for model in wanted
            for file in fetched
            if file.kind is model.model_kind
        ]
        if not reasons:
            return _anew(lacking[0])
        told = " ".join(dict.fromkeys(reasons))
        return ModelNotSupplied([model.name for model in wanted], told)

    def _download(self, download_id: str) -> Download | None:
        try:
            return self._downloads.get(download_id)
        except DownloadNotFound:
            return None


class _HereAlready(Exception):
    """A file of this name is here, and nobody fetches it."""

    def __init__(self, model: WantedModel, error: ModelFileExists) -> None:
        super().__init__(error.message)
        self.model = model
        self.error = error


def _without_help(here: _HereAlready, job: Job, link: Link) -> ModelNotSupplied:
    if here.error.details["is_same"]:
        reason = _unhelpful(str(here.error.details["path"]), here.model, job, link)
    else:
        reason = f"{here.model.name!r} cannot be fetched: {here.error.message}"
    return ModelNotSupplied([here.model.name], reason)


def _unhelpful(path: str, model: WantedModel, job: Job, link: Link) -> str:
    """Why the file that was meant does not help; by its own name the server may well know it."""
    own_name = {
        "checkpoint": Requirements(checkpoints=(path,)),
        "LoRA": Requirements(loras=(path,)),
        "module": Requirements(modules=(path,)),
    }.get(model.kind)
    if own_name is not None and not link.lacks(own_name):
        return shortage.listed_otherwise(path, model.name, link.server.alias)
    return shortage.not_listed(path, model.model_kind, _chosen_server(job, link))


def _anew(missing: BackendError) -> BackendError:
    """An error that is kept with the server's lists, without what it has been through."""
    return missing.with_traceback(None)


def _chosen_server(job: Job, link: Link) -> str | None:
    """The server that the user has chosen; None when others would do."""
    return None if is_for_any(job.target) else link.server.alias


def _is_file(missing: BackendError) -> bool:
    return isinstance(missing, NotOnServer) and missing.details["kind"] in FILES


def _wanted(lacking: Sequence[BackendError], sources: Mapping[str, str]) -> list[WantedModel]:
    """What a server lacks, as it can be ordered; what is no file is left out."""
    files = [error.details for error in lacking if _is_file(error)]
    return [
        WantedModel(kind=file["kind"], name=file["wanted"], source=sources.get(file["wanted"]))
        for file in files
    ]


def files_missing(lacking: Sequence[BackendError] | None) -> float | None:
    """How many files a server lacks, as :func:`~.policy.lacks_least` wants to know it."""
    if lacking is None:
        return None
    return len(lacking) if all(map(_is_file, lacking)) else math.inf


def _waits_for(downloads: Sequence[Download]) -> Waits:
    each = {download.id: download for download in downloads}
    return Waits(shortage.waits_for(each.values()), list(each.values()))
