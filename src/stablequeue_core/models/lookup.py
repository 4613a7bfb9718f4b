"""Finds models in the catalogue: by words, and by every name that means one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from attrs import evolve

from stablequeue_core.errors import AmbiguousModel, ModelNotFound
from stablequeue_core.models.model import Model, ModelKind
from stablequeue_core.models.paths import bare, comparable, filename_of
from stablequeue_core.models.roots import ModelRoot
from stablequeue_core.models.store import ModelPage, ModelQuery, ModelStore

_ID = re.compile(r"id:([0-9]{1,18})")
_HASH = re.compile(r"[0-9a-fA-F]{10}|[0-9a-fA-F]{64}")


class ModelLookup:
    """Finds models among those of the roots; among all where there are none.

    Names are only ever looked up among the names that are known: no disk is touched for them.

    Args:
        store: who remembers the models.
        roots: the folders.
    """

    def __init__(self, store: ModelStore, roots: Collection[ModelRoot]) -> None:
        self._store = store
        self._roots = frozenset(root.name for root in roots) or None

    def page(self, query: ModelQuery) -> ModelPage:
        """A page of the models that match."""
        return self._store.list(evolve(query, roots=self._roots))

    def one(self, name: str, kind: ModelKind | None) -> Model:
        """The model that ``name`` means; see :meth:`~.catalog.ModelCatalog.get`.

        Raises:
            ModelNotFound, AmbiguousModel: none fits, or several do.
        """
        for found in self._ways(name):
            fitting = [model for model in found if self._is_ours(model)]
            of_kind = [model for model in fitting if kind in (None, model.kind)]
            # A file that is there goes before one that once was.
            candidates = [model for model in of_kind if not model.missing] or of_kind
            if len(candidates) == 1:
                return candidates[0]
            if candidates:
                raise AmbiguousModel(name, self._told_apart(candidates))
            if fitting:
                other = fitting[0].kind.value
                raise ModelNotFound(name, f"There is one of type {other}, though.")
        raise ModelNotFound(name)

    def link_name(self, model: Model) -> str:
        """The shortest name that :meth:`one` understands as this model and no other."""
        if "\\" in model.path or not model.path.isprintable():
            return f"id:{model.id}"  # what no URL, or no Windows, can say
        of_name = self._store.of_filename(model.filename)
        same_name = [m for m in of_name if m.kind is model.kind and self._is_ours(m)]
        if len(same_name) <= 1:
            return model.filename
        path = comparable(model.path)
        same_path = [other for other in same_name if comparable(other.path) == path]
        if len(same_path) <= 1 and model.folder:
            return model.path
        return f"id:{model.id}"

    def _told_apart(self, models: Sequence[Model]) -> Sequence[str]:
        """A name for each that means none of the others."""
        names = {model.id: self.link_name(model) for model in models}
        counts = Counter(names.values())
        # A checkpoint and a LoRA may have the same name.
        return sorted(n if counts[n] == 1 else f"id:{id_}" for id_, n in names.items())

    def _ways(self, name: str) -> Iterator[Sequence[Model]]:
        """Each way to read ``name``, surest first, with what it finds."""
        if numbered := _ID.fullmatch(name):
            yield self._by_id(int(numbered[1]))
            return
        path = comparable(name)
        filename = filename_of(path)
        by_filename = self._store.of_filename(filename)
        if "/" in path:
            yield [m for m in by_filename if comparable(m.path) == path]
            folded = path.casefold()
            yield [m for m in by_filename if comparable(m.path).casefold() == folded]
            by_stem = self._store.of_stem(filename)
            yield [m for m in by_stem if bare(comparable(m.path)).casefold() == folded]
        else:
            # Where case or Unicode form alone tells two apart, the exact spelling means one.
            yield [m for m in by_filename if comparable(m.filename) == filename]
            yield by_filename
            yield self._store.of_stem(filename)
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
        return self._roots is None or model.root in self._roots
