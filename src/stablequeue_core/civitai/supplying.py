"""Orders the models that jobs lack: from a name to the one file that is meant, or to a reason."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.links import parse_link
from stablequeue_core.civitai.ordering import Orders
from stablequeue_core.downloads import Download, DownloadQuery, DownloadStatus, DownloadStore
from stablequeue_core.downloads.names import checked_filename, checked_subfolder
from stablequeue_core.downloads.wanted import ModelOrderer, WantedModel
from stablequeue_core.errors import (
    CivitaiNotFound,
    InvalidCivitaiLink,
    InvalidDownload,
    ModelFileExists,
    ModelNotSupplied,
)
from stablequeue_core.models import Hashes, Model, ModelStore, split_hash
from stablequeue_core.models.naming.civitai_versions import civitai_version
from stablequeue_core.models.paths import comparable, filename_of, folder_of

_OPEN = frozenset({DownloadStatus.QUEUED, DownloadStatus.DOWNLOADING, DownloadStatus.PAUSED})
_MOST_OPEN = 1000
_DIGEST = re.compile(r"[0-9a-fA-F]{8,64}")


@frozen(kw_only=True)
class _Meant:
    """The file that a name means.

    Attributes:
        file_id: of the version's files; None: the one that people want.
        has_own_name: whether the job calls it by a name that the file should get.
    """

    version_id: int | None
    link: str | int
    has_own_name: bool
    file_id: int | None = None


class CivitaiOrderer(ModelOrderer):
    """Finds out which file at Civitai a job means, and orders it. Never guesses by a name alone.

    Args:
        client: asks Civitai.
        orders: puts files into the queue of downloads.
        downloads: what is under way.
        models: what is here, and what once was.
    """

    def __init__(
        self,
        client: CivitaiClient,
        orders: Orders,
        downloads: DownloadStore,
        models: ModelStore,
    ) -> None:
        self._client = client
        self._orders = orders
        self._downloads = downloads
        self._models = models

    def order(self, wanted: WantedModel) -> Download:
        """Start the download of a model, or join the one that is under way; see the port."""
        meant = self._meant(wanted)
        if meant is None:
            raise ModelNotSupplied([wanted.name], _unnamed(wanted))
        if meant.version_id is not None:
            under_way = self._under_way(wanted, meant.version_id)
            if under_way is not None:
                return under_way
            self._refuse_what_is_here(wanted, meant.version_id)
        folder, name = _place(wanted.name) if meant.has_own_name else ("", None)
        return self._orders.place(
            meant.link,
            kind=wanted.model_kind,
            filename=name,
            subfolder=folder,
            file_id=meant.file_id,
        )

    def _meant(self, wanted: WantedModel) -> _Meant | None:
        """By what the job says of it; by the name itself; by what we once knew under the name."""
        if wanted.source is not None:
            try:
                link = parse_link(wanted.source)
            except InvalidCivitaiLink as error:
                raise ModelNotSupplied([wanted.name], error.message) from error
            return _Meant(
                version_id=link.version_id,
                link=wanted.source,
                has_own_name=civitai_version(wanted.name) is None,
            )
        version_id = civitai_version(wanted.name)
        if version_id is not None:
            return _Meant(version_id=version_id, link=wanted.name, has_own_name=False)
        name, digest = split_hash(wanted.name)
        if digest is None and _DIGEST.fullmatch(name):
            name, digest = "", name
        if digest is not None:
            return self._of_digest(digest, has_own_name=bool(name))
        return self._once_known(wanted)

    def _of_digest(self, digest: str, *, has_own_name: bool) -> _Meant | None:
        try:
            version = self._client.version_by_hash(digest)
        except CivitaiNotFound:
            return None
        return _Meant(
            version_id=version.id,
            link=version.id,
            has_own_name=has_own_name,
            file_id=next((f.id for f in version.files if _has(f.hashes, digest.lower())), None),
        )

    def _once_known(self, wanted: WantedModel) -> _Meant | None:
        """A file of this name that was here, and of which we know what it was."""
        name = filename_of(comparable(wanted.name))
        known = [
            model
            for model in (*self._models.of_filename(name), *self._models.of_stem(name))
            if model.kind is wanted.model_kind
        ]
        versions = {model.card.version_id for model in known} - {None}
        if len(versions) == 1:
            (version_id,) = versions
            return _Meant(version_id=version_id, link=version_id or 0, has_own_name=True)
        digests = {model.hashes.sha256 for model in known if model.hashes.sha256}
        return self._of_digest(digests.pop(), has_own_name=True) if len(digests) == 1 else None

    def _under_way(self, wanted: WantedModel, version_id: int) -> Download | None:
        page = self._downloads.list(DownloadQuery(statuses=_OPEN, limit=_MOST_OPEN))
        return next(
            (
                download
                for download in page.downloads
                if (download.version_id, download.kind) == (version_id, wanted.model_kind)
            ),
            None,
        )

    def _refuse_what_is_here(self, wanted: WantedModel, version_id: int) -> None:
        for model in self._here(wanted, self._models.of_version(version_id)):
            raise ModelFileExists(model.path, is_same=True)

    def _here(self, wanted: WantedModel, models: Sequence[Model]) -> Sequence[Model]:
        return [m for m in models if m.kind is wanted.model_kind and not m.missing]


def _has(hashes: Hashes, digest: str) -> bool:
    begins_so = hashes.sha256 is not None and hashes.sha256.startswith(digest)
    return begins_so or digest in (hashes.autov1, hashes.autov3)


def _place(name: str) -> tuple[str, str | None]:
    """The folder and the file name that a job's name for a model asks for, where both are sound."""
    path = comparable(split_hash(name)[0])
    try:
        return checked_subfolder(folder_of(path)), checked_filename(filename_of(path))
    except InvalidDownload:
        return "", None


def _unnamed(wanted: WantedModel) -> str:
    return (
        f"Nobody can say which file at Civitai the {wanted.kind} {wanted.name!r} is: a name alone "
        "may be anybody's. Name it by its AIR or by the address of its version, or say where it "
        "can be had in `model_sources`."
    )
