"""From what the user names to a download that waits for its turn."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from attrs import evolve, frozen

from stablequeue_core.civitai.choosing import chosen_file, chosen_version, file_with_id, kind_of
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.links import CivitaiLink, parse_link
from stablequeue_core.civitai.records import CivitaiFile, CivitaiModel, CivitaiVersion
from stablequeue_core.clock import Clock
from stablequeue_core.downloads import Download
from stablequeue_core.downloads.names import checked_filename, checked_subfolder, safe_filename
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
    """Puts a download into the queue; joins one that fetches the same file to the same place."""

    def __call__(self, download: Download, /) -> Download:
        """The download as it is kept."""


@frozen(kw_only=True)
class _Wanted:
    """What the user said, as far as Civitai has to do with it."""

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
        add: puts a download into the queue.
        clock: the time.
    """

    def __init__(
        self,
        client: CivitaiClient,
        roots: Sequence[ModelRoot],
        models: ModelStore,
        add: AddDownload,
        *,
        clock: Clock,
    ) -> None:
        self._client = client
        self._roots = roots
        self._models = models
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
            InvalidCivitaiLink, InvalidDownload: before anybody is asked.
            CivitaiError, CivitaiNotFound: what Civitai says.
            NoFolderForKind, ModelFileExists: there is no place for it.
        """
        named = parse_link(link)
        folder = checked_subfolder(subfolder)
        own_name = None if filename is None else checked_filename(filename)
        if file_id is not None:
            named = evolve(named, file_id=file_id)
        wanted = self._wanted(named, kind)
        root = self._root(wanted.kind)
        name = _named(wanted, own_name)
        path = f"{folder}/{name}" if folder else name
        self._refuse_what_is_there(root, path, wanted.file)
        now = self._clock.now()
        return self._add(
            Download(
                id=str(uuid.uuid4()),
                version_id=wanted.version.id,
                file_id=wanted.file.id,
                kind=wanted.kind,
                root=root.name,
                folder=folder,
                filename=name,
                created_at=now,
                updated_at=now,
                model_id=wanted.version.model_id,
                title=wanted.version.model_name or (wanted.model.name if wanted.model else ""),
                version=wanted.version.name,
                size=wanted.file.size,
                hashes=wanted.file.hashes,
                record=_record(wanted),
                priority=priority,
            )
        )

    def _wanted(self, named: CivitaiLink, kind: ModelKind | None) -> _Wanted:
        model, version_id, file_id = None, named.version_id, named.file_id
        if version_id is None and named.model_id is not None:
            model = self._client.model(named.model_id)
            newest = chosen_version(model)
            if newest is None:
                nothing = f"version of model {named.model_id}"
                raise Archived if model.mode else CivitaiNotFound(nothing)
            version_id = newest.id
        # Asked for all the same: versions inside a model lack half of their fields.
        version = self._client.version(version_id or 0)
        if model is None and version.model_id is not None:
            model = self._model_of(version.model_id)
        file = (
            chosen_file(version, kind, dict(named.choice))
            if file_id is None
            else file_with_id(version, file_id)
        )
        if file is None:
            if version.is_archived and not version.files:
                raise Archived
            which = f"file {file_id}" if file_id is not None else "model file"
            raise CivitaiNotFound(f"{which} in version {version.id}")
        found = kind or kind_of(version, file)
        if found is None:
            what = version.model_type or file.type
            problem = f"{what!r} at Civitai is no kind of model file that has a folder here."
            raise InvalidDownload([FieldProblem("link", problem)])
        return _Wanted(version=version, model=model, file=file, kind=found)

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

    def _refuse_what_is_there(self, root: ModelRoot, path: str, file: CivitaiFile) -> None:
        """A file whose hash nobody knows is looked at when its turn comes: that takes a while."""
        if not Path(root.folder, path).exists():
            return
        in_place = [
            model
            for model in self._models.of_filename(path.rpartition("/")[2])
            if (model.root, model.path) == (root.name, path) and not model.missing
        ]
        for model in in_place:
            if model.hashes.sha256 and file.hashes.sha256:
                is_same = model.hashes.sha256 == file.hashes.sha256
                raise ModelFileExists(path, is_same=is_same)


def _named(wanted: _Wanted, own_name: str | None) -> str:
    """The file's name here; the user's own name gets the extension of the file if it has none."""
    fallback = f"civitai_{wanted.version.id}"
    theirs = safe_filename(wanted.file.name, fallback=fallback)
    if own_name is None:
        return theirs
    extension = theirs.rpartition(".")[2]
    has_it = own_name.lower().endswith(f".{extension.lower()}")
    return own_name if has_it else f"{own_name}.{extension}"


def _record(wanted: _Wanted) -> dict[str, Any]:
    record: dict[str, Any] = {"version": dict(wanted.version.raw)}
    if wanted.model is not None:
        record["model"] = dict(wanted.model.raw)
    return record
