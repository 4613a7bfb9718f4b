"""The models, as their user sees them: scan the folders, find a model, know who has it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stablequeue_core.errors import (
    AmbiguousModel,
    BackendError,
    ModelNotFound,
    NoModelFolders,
    PreviewNotFound,
    ServerNotFound,
    StableQueueError,
)
from stablequeue_core.models.files.covers import Covers
from stablequeue_core.models.files.previews import Preview, open_preview
from stablequeue_core.models.files.sidecars import write_forge_json
from stablequeue_core.models.files.thumbnails import Thumbnails
from stablequeue_core.models.model import Model, ModelKind
from stablequeue_core.models.naming.known_checkpoints import CachedModel, merged
from stablequeue_core.models.naming.known_files import KnownFiles
from stablequeue_core.models.naming.presence import Availability, availability
from stablequeue_core.models.naming.verification import Verification, verify
from stablequeue_core.models.paths import comparable
from stablequeue_core.models.roots import ModelRoot
from stablequeue_core.models.scanning.keeper import CatalogKeeper
from stablequeue_core.models.scanning.report import ScanReport, ScanStatus
from stablequeue_core.models.store import ModelPage, ModelQuery, ModelStore
from stablequeue_core.servers import Inventories, Inventory, ServerStore

ASKED_AT_ONCE = 8
"""Servers that are asked for their lists at the same time."""

_ID = re.compile(r"id:([0-9]{1,18})")
_HASH = re.compile(r"[0-9a-fA-F]{10}|[0-9a-fA-F]{64}")


class ModelCatalog:
    """The models; ``queue.models`` is one. Safe to use from several threads.

    Attributes:
        roots: the folders that this process was given. Where it was given none, it lists all
            models that any process has found.
    """

    def __init__(
        self,
        store: ModelStore,
        roots: Sequence[ModelRoot],
        keeper: CatalogKeeper,
        *,
        servers: ServerStore,
        inventories: Inventories,
        known_files: KnownFiles,
        thumbnails: Thumbnails,
        covers: Covers,
        locks: Path,
    ) -> None:
        """Put the parts together.

        Args:
            store: who remembers the models.
            roots: the folders.
            keeper: who looks through them.
            servers: who may have the models, too.
            inventories: what they have.
            known_files: which of our files a name may mean that a server does not know.
            thumbnails: small previews.
            covers: pictures out of the headers of models.
            locks: a folder for locks on the files beside models.
        """
        self.roots = tuple(roots)
        self._store = store
        self._keeper = keeper
        self._servers = servers
        self._inventories = inventories
        self._known_files = known_files
        self._thumbnails = thumbnails
        self._covers = covers
        self._locks = locks
        self._names = frozenset(root.name for root in roots) or None

    def scan(self, *, hashes: bool = False) -> ScanReport:
        """Look through the model folders now.

        Files that are new or have changed are opened for their headers; those are few milliseconds
        each. They are hashed in the background, at ``hash_rate``.

        Args:
            hashes: wait until every file is hashed, too, as fast as the disk can.

        Raises:
            NoModelFolders: no folder was named.
            StorageError: what was found cannot be kept.

        Example::

            report = queue.models.scan()
            print(f"{report.files} files, {report.added} of them new")
        """
        self._check_roots()
        return self._keeper.wait(self._keeper.request(), hashed=hashes)

    def start_scan(self) -> ScanStatus:
        """Begin to look through the model folders, unless that is being done already.

        Raises:
            NoModelFolders: no folder was named.
        """
        self._check_roots()
        self._keeper.request(join=True)
        return self._keeper.status()

    def status(self) -> ScanStatus:
        """How far the last scan is, or the hashing behind it; of this process."""
        return self._keeper.status()

    def find(
        self,
        text: str = "",
        *,
        kind: ModelKind | str | Collection[ModelKind | str] | None = None,
        base_model: str | None = None,
        missing: bool = False,
        limit: int | None = 50,
        offset: int = 0,
    ) -> ModelPage:
        """A page of the models, by name.

        Args:
            text: only those that have all these words in their path, name, tags or base model.
            kind: only these; one kind, or several.
            base_model: only those for this base model: ``Pony``, or a family, ``SDXL``.
            missing: those whose file is not there now, too.
            limit: at most so many; None for all.
            offset: leave out so many first.

        Example::

            for model in queue.models.find("pony", kind="lora").models:
                print(model.path, model.base_model.label)
        """
        query = ModelQuery(
            kinds=_kinds(kind),
            roots=self._names,
            base_model=base_model,
            text=text,
            missing=missing,
            limit=limit,
            offset=offset,
        )
        return self._store.list(query)

    def get(self, name: str, *, kind: ModelKind | str | None = None) -> Model:
        """The model that ``name`` means.

        Args:
            name: a file name, with or without extension; a path below its root, with either
                separator; a SHA-256 or an AutoV2; or ``id:`` and the model's id.
            kind: only among these.

        Raises:
            ModelNotFound: none fits.
            AmbiguousModel: several fit; the error lists them.

        Example::

            queue.models.get("Pony/cyberrealisticPony_v8.safetensors").hashes.sha256
        """
        wanted_kind = None if kind is None else ModelKind(kind)
        for found in self._ways(name):
            fitting = [model for model in found if self._is_ours(model)]
            of_kind = [m for m in fitting if wanted_kind in (None, m.kind)]
            # A file that is there goes before one that once was.
            candidates = [m for m in of_kind if not m.missing] or of_kind
            if len(candidates) == 1:
                return candidates[0]
            if candidates:
                raise AmbiguousModel(name, sorted(model.path for model in candidates))
            if fitting:
                other = fitting[0].kind.value
                raise ModelNotFound(name, f"There is one of type {other}, though.")
        raise ModelNotFound(name)

    def link_name(self, model: Model) -> str:
        """The shortest name that :meth:`get` understands as this model and no other."""
        of_name = self._store.of_filename(model.filename)
        same_name = [m for m in of_name if m.kind is model.kind and self._is_ours(m)]
        if len(same_name) <= 1:
            return model.filename
        same_path = [m for m in same_name if comparable(m.path) == comparable(model.path)]
        if len(same_path) <= 1 and model.folder:
            return model.path
        return f"id:{model.id}"

    def preview(self, model: Model, index: int = 0, *, width: int | None = None) -> Preview:
        """A picture, or a film, that shows what the model makes.

        Args:
            model: of which model.
            index: which one, if it has several.
            width: in pixels: a smaller copy, at least this wide where the original is; films come
                as they are.

        Raises:
            PreviewNotFound: it has no such preview, or what has its name is no picture.
            UnreadableModel: the picture cannot be made smaller: it is broken, or a bomb.
        """
        if not 0 <= index < model.preview_count:
            raise PreviewNotFound(model.filename, index, model.preview_count)
        if model.previews:
            preview = open_preview(model.beside(model.previews[index]), Path(model.root))
        else:
            preview = self._covers.of(model)
        if preview is None:
            raise PreviewNotFound(model.filename, index, model.preview_count)
        return preview if width is None else self._thumbnails.of(preview, width) or preview

    def availability(
        self, name: str, *, kind: ModelKind | str | None = None
    ) -> Sequence[Availability]:
        """Which servers have the model; those that do not answer are listed as such.

        Raises:
            ModelNotFound, AmbiguousModel: as :meth:`get`.
        """
        model = self.get(name, kind=kind)
        return [
            availability(model, alias, lists)
            if isinstance(lists, Inventory)
            else Availability(server=alias, available=None, reason=lists.message)
            for alias, lists in self._ask_all()
        ]

    def verify(self, checkpoint: str, server: str) -> Verification:
        """What ``checkpoint`` would be resolved to on this server, now.

        Raises:
            ServerNotFound: there is no such server.
            ServerUnreachable: it does not answer.
        """
        self._inventories.doubt(self._servers.get(server))
        return verify(checkpoint, server, self._inventories.of(server), self._known_files)

    def known_checkpoints(self) -> Sequence[CachedModel]:
        """Every checkpoint that we know, from our folders and from the servers' own lists."""
        local = self.find(kind=ModelKind.CHECKPOINT, limit=None).models
        lists = {}
        for alias, found in self._ask_all():
            # What a server had when it was last seen is still known.
            seen = found if isinstance(found, Inventory) else self._inventories.known(alias)
            if seen is not None:
                lists[alias] = seen
        return merged(local, lists)

    def describe(
        self,
        name: str,
        *,
        kind: ModelKind | str | None = None,
        description: str | None = None,
        notes: str | None = None,
        trigger_words: Sequence[str] | None = None,
        preferred_weight: float | None = None,
        negative_text: str | None = None,
    ) -> Model:
        """Write down what you know of a model, in the file beside it that Forge reads too.

        What other programs have written into that file stays. None leaves a field as it is.

        Raises:
            ModelNotFound, AmbiguousModel: as :meth:`get`.
            SidecarNotWritten: the file is as it was before.

        Example::

            queue.models.describe("inkWash_v3", kind="lora", trigger_words=["inkwash style"])
        """
        model = self.get(name, kind=kind)
        words = None if trigger_words is None else ", ".join(trigger_words)
        fields = {
            "description": description,
            "notes": notes,
            "activation text": words,
            "preferred weight": preferred_weight,
            "negative text": negative_text,
        }
        changes = {key: value for key, value in fields.items() if value is not None}
        write_forge_json(model.file, changes, self._locks)
        if self.roots:
            self.scan()
        return self._store.get(model.id)

    def _ways(self, name: str) -> Iterator[Sequence[Model]]:
        """Each way to read ``name``, surest first, with what it finds."""
        if numbered := _ID.fullmatch(name):
            yield self._by_id(int(numbered[1]))
            return
        path = comparable(name)
        filename = path.rpartition("/")[2]
        has_folder = "/" in path
        by_filename, by_stem = self._store.of_filename(filename), self._store.of_stem(filename)
        if has_folder:
            yield [m for m in by_filename if comparable(m.path) == path]
            folded = path.casefold()
            yield [m for m in by_filename if comparable(m.path).casefold() == folded]
            yield [m for m in by_stem if _bare(comparable(m.path)).casefold() == folded]
        else:
            yield by_filename
            yield by_stem
        if _HASH.fullmatch(name):
            digest = name.lower()
            found = self._store.of_hash(digest)
            yield [m for m in found if (m.hashes.sha256 or "").startswith(digest)]

    def _by_id(self, model_id: int) -> Sequence[Model]:
        try:
            return [self._store.get(model_id)]
        except ModelNotFound:
            return []

    def _is_ours(self, model: Model) -> bool:
        return self._names is None or model.root in self._names

    def _ask_all(self) -> Sequence[tuple[str, Inventory | StableQueueError]]:
        """What every server that is used has; those that do not answer take nobody else's time."""
        aliases = [server.alias for server in self._servers.list() if server.enabled]
        if not aliases:
            return []
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            return list(zip(aliases, pool.map(self._ask, aliases), strict=True))

    def _ask(self, alias: str) -> Inventory | StableQueueError:
        try:
            return self._inventories.of(alias)
        except (BackendError, ServerNotFound) as error:  # it may have been removed by now
            return error

    def _check_roots(self) -> None:
        if not self.roots:
            raise NoModelFolders


def _kinds(kind: ModelKind | str | Collection[ModelKind | str] | None) -> frozenset[ModelKind]:
    several = [kind] if isinstance(kind, str) else kind or ()
    return frozenset(map(ModelKind, several))


def _bare(path: str) -> str:
    return path.rpartition(".")[0]
