"""From what the user names to a download that waits for its turn."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import evolve, frozen

from stablequeue_core.civitai.choosing import (
    KIND_OF_TYPE,
    chosen_file,
    chosen_version,
    file_with_digest,
    file_with_id,
    is_a_model,
    kind_of,
)
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.filing import filename_for
from stablequeue_core.civitai.links import CivitaiLink, parse_link
from stablequeue_core.civitai.records import CivitaiFile, CivitaiModel, CivitaiVersion
from stablequeue_core.clock import Clock
from stablequeue_core.downloads import Download, DownloadStore, still_open
from stablequeue_core.downloads.names import checked_stem, checked_subfolder
from stablequeue_core.errors import (
    Archived,
    CivitaiError,
    CivitaiNotFound,
    FieldProblem,
    InvalidDownload,
    ModelFileExists,
    NoFolderForKind,
)
from stablequeue_core.models import ModelKind, ModelRoot, ModelStore

_OPTIONS: Mapping[ModelKind, str] = {
    ModelKind.CHECKPOINT: "--checkpoints DIR",
    ModelKind.LORA: "--loras DIR",
}


class AddDownload(Protocol):
    """Puts a download into the queue; joins one that fetches a file to the same place."""

    def __call__(self, download: Download, /) -> Download:
        """The download as it is kept."""


@frozen(kw_only=True)
class FoundFile:
    """What a link means.

    Attributes:
        version: as Civitai tells it now.
        model: of the version; None: Civitai would not tell.
        file: of the version.
        kind: what the file is going to be for.
    """

    version: CivitaiVersion
    model: CivitaiModel | None
    file: CivitaiFile
    kind: ModelKind


class Orders:
    """Turns links into downloads. Safe to use from several threads.

    Args:
        client: asks Civitai.
        roots: the model folders; a file goes into the first one for its kind.
        models: what lies there already.
        downloads: what is under way.
        add: puts a download into the queue.
        clock: the time.
    """

    def __init__(
        self,
        client: CivitaiClient,
        roots: Sequence[ModelRoot],
        models: ModelStore,
        downloads: DownloadStore,
        add: AddDownload,
        *,
        clock: Clock,
    ) -> None:
        self._client = client
        self._roots = roots
        self._models = models
        self._downloads = downloads
        self._add = add
        self._clock = clock

    def place(
        self,
        link: str | int,
        *,
        kind: ModelKind | None = None,
        filename: str | None = None,
        subfolder: str = "",
        priority: int = 0,
        file_id: int | None = None,
    ) -> Download:
        """Find out what ``link`` means, and put it into the queue; see :meth:`Civitai.download`.

        Raises:
            InvalidCivitaiLink, InvalidDownload: before anybody is asked; also what :meth:`find` says.
            CivitaiError, CivitaiNotFound: what Civitai says.
            NoFolderForKind, ModelFileExists: there is no place for it.
        """
        named = parse_link(link)
        folder = checked_subfolder(subfolder)
        stem = None if filename is None else checked_stem(filename)
        if file_id is not None:
            named = evolve(named, file_id=file_id)
        return self.put(self.find(named, kind), folder=folder, stem=stem, priority=priority)

    def find(
        self, named: CivitaiLink, kind: ModelKind | None, *, digest: str | None = None
    ) -> FoundFile:
        """Ask Civitai which file is meant.

        Args:
            named: a model, a version, or a file of one.
            kind: what it shall be for; None: what Civitai says.
            digest: a hash of the file that is preferred to others of the version.

        Raises:
            CivitaiError, CivitaiNotFound: what Civitai says.
            InvalidDownload: it has no such file, or one that no folder here is for.
        """
        version, model = self._version(named)
        if named.file_id is not None:
            file = file_with_id(version, named.file_id)
            if file is None:
                raise CivitaiNotFound(f"file {named.file_id} in version {version.id}")
        else:
            preferred = None if digest is None else file_with_digest(version, digest)
            file = preferred or chosen_file(version, kind, dict(named.choice))
        if file is None or not is_a_model(file):
            raise _nothing_to_fetch(version, file, named, kind)
        found = kind or kind_of(version, file)
        if found is None:
            raise _no_folder(version.model_type or file.type)
        if model is None and version.model_id is not None:
            model = self._model_of(version.model_id)
        return FoundFile(version=version, model=model, file=file, kind=found)

    def put(
        self, found: FoundFile, *, folder: str = "", stem: str | None = None, priority: int = 0
    ) -> Download:
        """Put a file into the queue, or join the download that fetches it to the same place.

        Args:
            found: the file.
            folder: below its model folder; sound.
            stem: its name without extension, sound; None: the one it has at Civitai.
            priority: higher is fetched first.

        Raises:
            NoFolderForKind: no folder for such files was named.
            ModelFileExists: there is a file of this name, or another one is being fetched.
        """
        root = self._root(found.kind)
        version, file, now = found.version, found.file, self._clock.now()
        download = Download(
            id=str(uuid.uuid4()),
            version_id=version.id,
            file_id=file.id,
            kind=found.kind,
            root=root.name,
            folder=folder,
            filename=filename_for(file, found.kind, stem=stem, version_id=version.id),
            created_at=now,
            updated_at=now,
            model_id=version.model_id,
            title=version.model_name or (found.model.name if found.model else ""),
            version=version.name,
            size=file.size,
            hashes=file.hashes,
            record=_record(found),
            priority=priority,
        )
        kept = self._at_its_place(download) or self._add(download)
        if not _is_same_file(kept, download):
            raise ModelFileExists(download.path, is_same=False, download_id=kept.id)
        return kept

    def _version(self, named: CivitaiLink) -> tuple[CivitaiVersion, CivitaiModel | None]:
        if named.version_id is not None:
            version = self._client.version(named.version_id)
            both_told = None not in (named.model_id, version.model_id)
            if both_told and named.model_id != version.model_id:
                raise CivitaiNotFound(f"version {version.id} of model {named.model_id}")
            return version, None
        model = self._client.model(named.model_id or 0)
        newest = chosen_version(model, self._clock.now())
        if newest is None:
            if model.is_archived:
                raise Archived
            raise CivitaiNotFound(f"version of model {model.id}")
        # Asked for all the same: versions inside a model lack half of their fields.
        return self._client.version(newest.id), model

    def _model_of(self, model_id: int) -> CivitaiModel | None:
        """The creator, the tags and the licence are told by the model only; nice to have."""
        try:
            return self._client.model(model_id)
        except (CivitaiError, CivitaiNotFound):
            return None

    def _root(self, kind: ModelKind) -> ModelRoot:
        for root in self._roots:
            if root.kind is kind:
                return root
        raise NoFolderForKind(kind.value, _OPTIONS.get(kind, f"--model-dir {kind.value}=DIR"))

    def _at_its_place(self, download: Download) -> Download | None:
        """What has put a file there and is still seen to; None: whoever adds may go on.

        Raises:
            ModelFileExists: a file that is known lies there, and nobody fetches it.
        """
        try:
            there = download.file.stat()
        except OSError:
            return None
        for other in still_open(self._downloads):
            if (other.root, other.path) == (download.root, download.path):
                return other
        wanted = download.hashes.sha256
        for model in self._models.of_filename(download.filename):
            is_it = (model.root, model.path) == (download.root, download.path)
            is_as_it_was = (model.size, model.mtime_ns) == (there.st_size, there.st_mtime_ns)
            if is_it and is_as_it_was and model.hashes.sha256 and wanted:
                raise ModelFileExists(download.path, is_same=model.hashes.sha256 == wanted)
        # One whose hash nobody knows is read when its turn comes: that takes a while.
        return None


def _is_same_file(kept: Download, wanted: Download) -> bool:
    """Two files of one name are often two files; one file may be in two versions."""
    if (kept.version_id, kept.file_id) == (wanted.version_id, wanted.file_id):
        return True
    return kept.hashes.sha256 is not None and kept.hashes.sha256 == wanted.hashes.sha256


def _nothing_to_fetch(
    version: CivitaiVersion, file: CivitaiFile | None, named: CivitaiLink, kind: ModelKind | None
) -> Archived | CivitaiNotFound | InvalidDownload:
    """Why nothing of a version is what is wanted.

    Args:
        version: at Civitai.
        file: that was chosen by its number, and is no model; None: none fits.
        named: what the user has named.
        kind: what it shall be for.
    """
    if file is not None:
        return _no_folder(file.type)
    if not version.files:
        return Archived() if version.is_archived else CivitaiNotFound(_file_in(version))
    if named.choice:
        told = ", ".join(f"{name} {value}" for name, value in named.choice)
        return CivitaiNotFound(f"{_file_in(version)} with {told}")
    if kind is not None and any(map(is_a_model, version.files)):
        problem = f"version {version.id} at Civitai has no {kind} file."
        return InvalidDownload([FieldProblem("kind", problem)])
    if version.model_type.lower() in KIND_OF_TYPE:
        return _no_folder(", ".join(sorted({each.type for each in version.files})))
    return _no_folder(version.model_type)


def _file_in(version: CivitaiVersion) -> str:
    return f"model file in version {version.id}"


def _no_folder(what: str) -> InvalidDownload:
    problem = f"{what!r} at Civitai is no kind of model file that has a folder here."
    return InvalidDownload([FieldProblem("link", problem)])


def _record(found: FoundFile) -> dict[str, Any]:
    record: dict[str, Any] = {"version": dict(found.version.raw)}
    if found.model is not None:
        record["model"] = dict(found.model.raw)
    return record
