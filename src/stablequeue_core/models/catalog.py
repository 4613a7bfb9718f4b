"""The models, as their user sees them: scan the folders, find a model, know who has it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from pathlib import Path

from stablequeue_core.errors import NoModelFolders
from stablequeue_core.models.files.pictures import ModelPictures
from stablequeue_core.models.files.previews import Preview
from stablequeue_core.models.files.sidecars import write_forge_json
from stablequeue_core.models.files.whereabouts import check_is_here
from stablequeue_core.models.lookup import ModelLookup
from stablequeue_core.models.model import Hashes, Model, ModelKind
from stablequeue_core.models.naming.known_checkpoints import CachedModel
from stablequeue_core.models.naming.on_servers import ServersView
from stablequeue_core.models.naming.presence import Availability
from stablequeue_core.models.naming.verification import Verification
from stablequeue_core.models.roots import ModelRoot
from stablequeue_core.models.scanning.keeper import CatalogKeeper
from stablequeue_core.models.scanning.report import ScanReport, ScanStatus
from stablequeue_core.models.store import ModelPage, ModelQuery


class ModelCatalog:
    """The models; ``queue.models`` is one. Safe to use from several threads.

    Attributes:
        roots: the folders that this process was given. Where it was given none, it lists all
            models that any process has found.
    """

    def __init__(
        self,
        roots: Sequence[ModelRoot],
        *,
        lookup: ModelLookup,
        keeper: CatalogKeeper,
        servers: ServersView,
        pictures: ModelPictures,
        locks: Path,
    ) -> None:
        """Put the parts together.

        Args:
            roots: the folders.
            lookup: finds models.
            keeper: looks through the folders.
            servers: who may have the models, too.
            pictures: shows them.
            locks: a folder for locks on the files beside models.
        """
        self.roots = tuple(roots)
        self._lookup = lookup
        self._keeper = keeper
        self._servers = servers
        self._pictures = pictures
        self._locks = locks

    def scan(self, *, hashes: bool = False) -> ScanReport:
        """Look through the model folders now.

        Files that are new or have changed are opened for their headers, which takes less than a
        millisecond each on a quick disk. They are hashed in the background, at ``hash_rate``.

        Args:
            hashes: wait until every file is hashed, too, as fast as the disk can.

        Raises:
            NoModelFolders: no folder was named.
            StorageError: what was found cannot be kept.
            QueueClosed: the queue was closed meanwhile.

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
            text: only those that have all these words in their path, name, creator, tags, trigger
                words or base model.
            kind: only these; one kind, or several.
            base_model: only those for this base model: ``Pony``, or a family, ``SDXL``.
            missing: those whose file is not there now, too.
            limit: at most so many; None for all.
            offset: leave out so many first.

        Raises:
            ValueError: there is no such kind, or a number is below zero.

        Example::

            for model in queue.models.find("pony", kind="lora").models:
                print(model.path, model.base_model.label)
        """
        if offset < 0 or (limit is not None and limit < 0):
            raise ValueError("limit and offset must be 0 or more")
        several = [kind] if kind is None or isinstance(kind, str) else kind
        return self._lookup.page(
            ModelQuery(
                kinds=frozenset(ModelKind(each) for each in several if each is not None),
                base_model=base_model or None,
                text=text,
                missing=missing,
                limit=limit,
                offset=offset,
            )
        )

    def get(self, name: str, *, kind: ModelKind | str | None = None) -> Model:
        """The model that ``name`` means.

        Args:
            name: a file name, with or without extension; a path below its root, with either
                separator; a SHA-256 or an AutoV2; or ``id:`` and the model's id.
            kind: only among these.

        Raises:
            ModelNotFound: none fits.
            AmbiguousModel: several fit; the error lists a name for each that means no other.

        Example::

            queue.models.get("Pony/cyberrealisticPony_v8.safetensors").hashes.sha256
        """
        return self._lookup.one(name, None if kind is None else ModelKind(kind))

    def link_name(self, model: Model) -> str:
        """The shortest name that :meth:`get` understands as this model and no other of its kind."""
        return self._lookup.link_name(model)

    def preview(self, model: Model | str, index: int = 0, *, width: int | None = None) -> Preview:
        """A picture, or a film, that shows what the model makes.

        Args:
            model: of which model, or a name as for :meth:`get`.
            index: which one, if it has several.
            width: in pixels: a smaller copy, at least this wide where the original is; films come
                as they are.

        Raises:
            ModelNotFound, AmbiguousModel: as :meth:`get`.
            PreviewNotFound: it has no such preview, or what has its name is no picture.
            UnreadableModel: the picture cannot be made smaller: it is broken, or a bomb.
        """
        return self._pictures.of(self._meant(model), index, width)

    def availability(
        self, model: Model | str, *, kind: ModelKind | str | None = None
    ) -> Sequence[Availability]:
        """Which servers have the model; those that do not answer are listed as such.

        Raises:
            ModelNotFound, AmbiguousModel: as :meth:`get`.
        """
        return self._servers.having(self._meant(model, kind))

    def verify(self, checkpoint: str, server: str) -> Verification:
        """What ``checkpoint`` would be resolved to on this server, which is asked now.

        Raises:
            ServerNotFound: there is no such server.
            ServerUnreachable: it does not answer.
        """
        return self._servers.verify(checkpoint, server)

    def known_checkpoints(self) -> Sequence[CachedModel]:
        """Every checkpoint that we know, from our folders and from the servers' own lists."""
        local = self.find(kind=ModelKind.CHECKPOINT, missing=True, limit=None)
        return self._servers.checkpoints(local.models)

    def describe(
        self,
        model: Model | str,
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

        Args:
            model: which one, or a name as for :meth:`get`.
            kind: only among these.
            description: for everybody.
            notes: for yourself.
            trigger_words: what a prompt should say, so that the model shows.
            preferred_weight: of a LoRA, as in a prompt.
            negative_text: what a negative prompt should say.

        Raises:
            ModelNotFound, AmbiguousModel: as :meth:`get`; the file must be there.
            SidecarNotWritten: the file beside the model is as it was before.
            ValueError: the weight is no finite number, or the words are one text.

        Example::

            queue.models.describe("inkWash_v3", kind="lora", trigger_words=["inkwash style"])
        """
        meant = self._meant(model, kind)
        check_is_here(meant)
        if isinstance(trigger_words, str):
            raise ValueError("trigger_words must be a list of texts")
        if preferred_weight is not None and not math.isfinite(preferred_weight):
            raise ValueError("preferred_weight must be a finite number")
        fields = {
            "description": description,
            "notes": notes,
            "activation text": None if trigger_words is None else ", ".join(trigger_words),
            "preferred weight": preferred_weight,
            "negative text": negative_text,
        }
        changes = {key: value for key, value in fields.items() if value is not None}
        write_forge_json(meant.file, changes, self._locks)
        if self.roots:
            self.scan()
        return self.get(f"id:{meant.id}")

    def look_again(self, models: Sequence[Model]) -> Sequence[Model]:
        """Read what lies beside models again, and themselves if they have changed: without a scan.

        Each of their folders is listed once, however many models it holds.

        Returns:
            them, in the same order; those that are gone are marked as missing.

        Raises:
            StorageError: what was found cannot be kept.
            QueueClosed: the queue was closed meanwhile.
        """
        return self._keeper.look_again(models)

    def hashed(self, model: Model) -> tuple[Model, str]:
        """The model as it is now, and its SHA-256; the file is read for that if need be.

        Raises:
            ModelNotFound: its file is not there.
            UnreadableModel: the file cannot be read, or is being written.
            StorageError: what was found cannot be kept.
            QueueClosed: the queue was closed meanwhile.
        """
        (present,) = self.look_again([model])
        check_is_here(present)
        return self._keeper.hashed(present)

    def take_in(self, root: str, path: str, hashes: Hashes) -> Model | None:
        """Put a file that was just written into the catalogue, without a scan.

        Args:
            root: the model folder, as an absolute path.
            path: of the file below it, with forward slashes.
            hashes: that were computed while it was written.

        Returns:
            the model; None when the folder is none of ours, or the file is gone.

        Raises:
            StorageError: it cannot be kept.
            QueueClosed: the queue was closed meanwhile.
        """
        ours = next((each for each in self.roots if each.name == root), None)
        return None if ours is None else self._keeper.take_in(ours, path, hashes)

    def _meant(self, model: Model | str, kind: ModelKind | str | None = None) -> Model:
        return self.get(model, kind=kind) if isinstance(model, str) else model

    def _check_roots(self) -> None:
        if not self.roots:
            raise NoModelFolders
