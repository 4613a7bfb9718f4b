"""From what the user names to a download that waits for its turn."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import evolve

from stablequeue_core.civitai.links import parse_link
from stablequeue_core.civitai.orders.file_finding import FileFinder, FoundFile
from stablequeue_core.civitai.orders.filing import filename_for
from stablequeue_core.clock import Clock
from stablequeue_core.downloads import Download, DownloadStore, still_open
from stablequeue_core.downloads.names import checked_stem, checked_subfolder
from stablequeue_core.errors import ModelFileExists, NoFolderForKind
from stablequeue_core.models import ModelKind, ModelRoot, ModelStore

_OPTIONS: Mapping[ModelKind, str] = {
    ModelKind.CHECKPOINT: "--checkpoints DIR",
    ModelKind.LORA: "--loras DIR",
}


class AddDownload(Protocol):
    """Puts a download into the queue; joins one that fetches a file to the same place."""

    def __call__(self, download: Download, /) -> Download:
        """The download as it is kept."""


class Orders:
    """Turns links into downloads. Safe to use from several threads.

    Args:
        finder: finds out which file a link means.
        roots: the model folders; a file goes into the first one for its kind.
        models: what lies there already.
        downloads: what is under way.
        add: puts a download into the queue.
        clock: the time.
    """

    def __init__(
        self,
        finder: FileFinder,
        roots: Sequence[ModelRoot],
        models: ModelStore,
        downloads: DownloadStore,
        add: AddDownload,
        *,
        clock: Clock,
    ) -> None:
        self._finder = finder
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
            InvalidCivitaiLink, InvalidDownload: before anybody is asked.
            CivitaiError, CivitaiNotFound, InvalidDownload: as :meth:`FileFinder.find`.
            NoFolderForKind, ModelFileExists: there is no place for it.
        """
        named = parse_link(link)
        folder = checked_subfolder(subfolder)
        stem = None if filename is None else checked_stem(filename)
        if file_id is not None:
            named = evolve(named, file_id=file_id)
        return self.put(self._finder.find(named, kind), folder=folder, stem=stem, priority=priority)

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


def _record(found: FoundFile) -> dict[str, Any]:
    record: dict[str, Any] = {"version": dict(found.version.raw)}
    if found.model is not None:
        record["model"] = dict(found.model.raw)
    return record
