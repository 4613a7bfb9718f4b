"""Orders the models that jobs lack: from a name to the one file that is meant, or to a reason."""

from __future__ import annotations

from collections.abc import Collection

from stablequeue_core.civitai.choosing import has_hash, kind_of
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.links import CivitaiLink
from stablequeue_core.civitai.orders.file_finding import FileFinder, FoundFile
from stablequeue_core.civitai.orders.meaning import (
    Meant,
    meant_by,
    meant_by_digest,
    once_known,
    place_for,
)
from stablequeue_core.civitai.orders.ordering import Orders
from stablequeue_core.downloads import Download, DownloadStore, still_open
from stablequeue_core.downloads.wanted import ModelOrderer, WantedModel
from stablequeue_core.errors import (
    CivitaiNotFound,
    InvalidCivitaiLink,
    ModelFileExists,
    ModelNotSupplied,
)
from stablequeue_core.models import Hashes, Model, ModelKind, ModelRoot, ModelStore


class CivitaiOrderer(ModelOrderer):
    """Finds out which file at Civitai a job means, and orders it. Never guesses by a name alone.

    Args:
        client: asks Civitai.
        finder: finds out which file a link means.
        orders: puts files into the queue of downloads.
        downloads: what is under way.
        models: what is here, and what once was.
        roots: the model folders; a file that lies in no one of them is not here.
    """

    def __init__(
        self,
        client: CivitaiClient,
        finder: FileFinder,
        orders: Orders,
        downloads: DownloadStore,
        models: ModelStore,
        roots: Collection[ModelRoot],
    ) -> None:
        self._client = client
        self._finder = finder
        self._orders = orders
        self._downloads = downloads
        self._models = models
        self._roots = frozenset(root.name for root in roots)

    def order(self, wanted: WantedModel) -> Download:
        """Start the download of a model, or join the one that is under way; see the port."""
        meant = self._meant(wanted)
        # By what is known already, so that nobody has to be asked for a whole series of jobs ...
        under_way = self._under_way(wanted.model_kind, meant.version_id, meant.digest)
        if under_way is not None:
            return under_way
        self._refuse_what_is_here(wanted.model_kind, meant.version_id, meant.digest)
        found = self._found(wanted, meant)
        # ... and for certain.
        sha256 = found.file.hashes.sha256
        under_way = self._under_way(found.kind, found.version.id, sha256)
        if under_way is not None:
            return under_way
        self._refuse_what_is_here(found.kind, found.version.id, sha256)
        folder, stem = place_for(wanted.name) if meant.has_own_name else ("", None)
        return self._orders.put(found, folder=folder, stem=stem)

    def _meant(self, wanted: WantedModel) -> Meant:
        try:
            meant = meant_by(wanted)
        except InvalidCivitaiLink as error:
            raise ModelNotSupplied([wanted.name], error.message) from error
        if meant is not None:
            return meant
        known = once_known(wanted, self._models)
        for model in known:
            if self._is_here(model):
                raise ModelFileExists(model.path, is_same=True)
        meant = Meant.of_files(known) or meant_by_digest(wanted)
        if meant is None:
            raise ModelNotSupplied([wanted.name], _unnamed(wanted))
        return meant

    def _found(self, wanted: WantedModel, meant: Meant) -> FoundFile:
        link = meant.link or self._link_of_digest(wanted, meant.digest or "")
        found = self._finder.find(link, wanted.model_kind, digest=meant.digest)
        told = kind_of(found.version, found.file)
        # A user may know better than Civitai what a file is; a job has just named the wrong one.
        if told not in (None, wanted.model_kind):
            raise ModelNotSupplied([wanted.name], _of_another_kind(wanted, found))
        return found

    def _link_of_digest(self, wanted: WantedModel, digest: str) -> CivitaiLink:
        try:
            return CivitaiLink(version_id=self._client.version_by_hash(digest).id)
        except CivitaiNotFound as error:
            raise ModelNotSupplied([wanted.name], _unknown_hash(wanted, digest)) from error

    def _under_way(
        self, kind: ModelKind, version_id: int | None, digest: str | None
    ) -> Download | None:
        for download in still_open(self._downloads):
            is_it = _is_it(download.version_id, download.hashes, version_id, digest)
            if is_it and download.kind is kind:
                return download
        return None

    def _refuse_what_is_here(
        self, kind: ModelKind, version_id: int | None, digest: str | None
    ) -> None:
        same_hash = [] if digest is None else self._models.of_hash(digest)
        same_version = [] if version_id is None else self._models.of_version(version_id)
        for model in (*same_hash, *same_version):
            is_it = _is_it(model.card.version_id, model.hashes, version_id, digest)
            if is_it and model.kind is kind and self._is_here(model):
                raise ModelFileExists(model.path, is_same=True)

    def _is_here(self, model: Model) -> bool:
        return not model.missing and model.root in self._roots and model.file.is_file()


def _is_it(
    its_version: int | None, its_hashes: Hashes, version_id: int | None, digest: str | None
) -> bool:
    """Whether a file is the one that is wanted; a version may have several, so a hash decides."""
    if digest is not None and its_hashes.sha256 is not None:
        return has_hash(its_hashes, digest)
    return version_id is not None and version_id == its_version


def _unnamed(wanted: WantedModel) -> str:
    return (
        f"Nobody can say which file at Civitai the {wanted.kind} {wanted.name!r} is: a name alone "
        "may be anybody's. Name it by its AIR or by the address of its version, or say where it "
        "can be had in `model_sources`."
    )


def _unknown_hash(wanted: WantedModel, digest: str) -> str:
    return (
        f"Civitai knows no file with the hash {digest}, by which the job names the {wanted.kind} "
        f"{wanted.name!r}. Check the hash, or say where it can be had in `model_sources`."
    )


def _of_another_kind(wanted: WantedModel, found: FoundFile) -> str:
    version = found.version
    return (
        f"The job wants a {wanted.kind}, but version {version.id} at Civitai "
        f"({version.model_name or version.name!r}) is a {version.model_type}. Check "
        "`model_sources`."
    )
