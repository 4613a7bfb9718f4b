"""The port: who remembers the models. Its docstrings are the contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence

from attrs import field, frozen
from attrs.converters import optional

from stablequeue_core.events import Event
from stablequeue_core.models.model import Model, ModelKind
from stablequeue_core.quantities import countable


@frozen(kw_only=True)
class ModelQuery:
    """Which models, and which page of them.

    Attributes:
        kinds: only these; empty for all.
        roots: only those below these roots; None for all.
        base_model: only those whose base model's name (or the likeliest one, where none is sure),
            family (``sdxl``), its label (``SDXL``) or what its card says
            (:attr:`ModelCard.base_model`) is this, in any case.
        text: only those that have every word of this in their path, their card's name, creator,
            tags or trigger words, or their base model; in any case.
        missing: whether those that are not there now are listed too.
        limit, offset: the page; a limit of None is all.
    """

    kinds: frozenset[ModelKind] = frozenset()
    roots: frozenset[str] | None = None
    base_model: str | None = None
    text: str = ""
    missing: bool = False
    limit: int | None = field(default=50, converter=optional(countable))
    offset: int = field(default=0, converter=countable)


@frozen(kw_only=True)
class ModelPage:
    """A page of models, and how many match in all."""

    models: tuple[Model, ...]
    total: int


class ModelStore(ABC):
    """Remembers what was found in the model folders. Safe to use from several threads.

    Models are kept by ``root`` and ``path``, each spelled exactly as on disk: there is one for each
    file. An id is never given twice. Every change that takes models takes any number of them, and
    makes all or none of it.
    """

    @abstractmethod
    def save(self, models: Sequence[Model]) -> Sequence[Model]:
        """Keep models: new ones (``id`` 0), and new values of known ones, which may have moved.

        A new one whose root and path are known already takes the place, and the id, of that one;
        so does one whose id nobody has any more. A known one that has moved keeps its id; what was
        known at its new place before is forgotten, unless it is among these and has moved, too. Of
        two in one place, the later counts.

        Returns:
            them, in the same order, each with its id.
        """

    @abstractmethod
    def get(self, model_id: int) -> Model:
        """The model with this id.

        Raises:
            ModelNotFound: there is none.
        """

    @abstractmethod
    def remove(self, model_ids: Collection[int]) -> None:
        """Forget these; ids that nobody has are left out.

        What was remembered of their folders (:meth:`fingerprints`) is forgotten, so that a file
        that is there all the same is found again.
        """

    @abstractmethod
    def list(self, query: ModelQuery) -> ModelPage:
        """A page of the models that match: by file name in any case, then path, root and id."""

    @abstractmethod
    def in_folder(self, root: str, folder: str) -> Sequence[Model]:
        """The models of one folder, not of those below it; missing ones too; by path."""

    @abstractmethod
    def of_filename(self, filename: str) -> Sequence[Model]:
        """The models whose file name is this in any case and either Unicode form (NFC, NFD).

        Missing ones too; by id.
        """

    @abstractmethod
    def of_stem(self, stem: str) -> Sequence[Model]:
        """The models whose file name without extension is this; otherwise as above."""

    @abstractmethod
    def of_hash(self, digest: str) -> Sequence[Model]:
        """The models that this hash may mean, missing ones too; by id.

        Args:
            digest: 8 or more hex digits in any case: what ``sha256`` or ``told`` begins with, or
                ``autov1`` or ``autov3`` is. Fewer digits mean no model.
        """

    @abstractmethod
    def of_version(self, version_id: int) -> Sequence[Model]:
        """The models that are files of this version at Civitai, missing ones too; by id."""

    @abstractmethod
    def lost(self, size: int, mtime_ns: int) -> Sequence[Model]:
        """The missing models of exactly this size and time; by id."""

    @abstractmethod
    def without_hash(self, roots: Collection[str], limit: int) -> Sequence[Model]:
        """Models of these roots that are there and whose SHA-256 nobody has computed.

        Those whose SHA-256 came from a sidecar or from Forge's cache count as known. Smaller files
        come first, so that most are known soon; of one size, by id.
        """

    @abstractmethod
    def count_without_hash(self, roots: Collection[str]) -> int:
        """How many :meth:`without_hash` would give, were there no limit."""

    @abstractmethod
    def lose(self, root: str, paths: Collection[str] | None = None) -> int:
        """Mark models as missing: those of ``paths``, or all of the root; they stay known.

        What was remembered of their folders (:meth:`fingerprints`) is forgotten, so that they are
        looked for again.

        Returns:
            how many were there until now.
        """

    @abstractmethod
    def fingerprints(self, root: str) -> Mapping[str, str]:
        """By folder below the root, the text that was kept with :meth:`keep_fingerprints`."""

    @abstractmethod
    def keep_fingerprints(self, root: str, fingerprints: Mapping[str, str | None]) -> None:
        """Remember how folders looked when all of their models were known; None forgets one."""

    @abstractmethod
    def record(self, event: Event) -> None:
        """Write an event about the models into the log."""
