"""The models in memory: plain Python, written to be read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from attrs import evolve

from stablequeue_core.errors import ModelNotFound
from stablequeue_core.events import Event
from stablequeue_core.models import Model, ModelPage, ModelQuery, ModelStore
from stablequeue_core.models.paths import folder_of
from stablequeue_core.storage.memory.state import Memory
from stablequeue_core.storage.searching import (
    FEWEST_DIGITS,
    families_called,
    folded,
    likeliest_name,
    searched,
    wanted_words,
)


class MemoryModels(ModelStore):
    """The models of one storage."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def save(self, models: Sequence[Model]) -> Sequence[Model]:
        """Keep models: new ones, and new values of known ones, which may have moved."""
        memory = self._memory
        with memory.changing():
            known = {model.id for model in models} & memory.models.keys()
            # All of them leave their places first, so that two may change theirs.
            places = {
                (model.root, model.path): model.id
                for model in memory.models.values()
                if model.id not in known
            }
            kept = []
            for model in models:
                place = model.root, model.path
                there = places.get(place)
                if model.id in known:
                    if there not in (None, model.id):
                        memory.models.pop(there)
                        known.discard(there)
                    given = model.id
                elif there is not None:
                    given = there
                else:
                    memory.last_model += 1
                    given = memory.last_model
                places[place] = given
                # A copy, because the caller may go on using his dictionary.
                memory.models[given] = evolve(model, id=given, details=dict(model.details))
                kept.append(memory.models[given])
            if kept:
                memory.record()
            return kept

    def get(self, model_id: int) -> Model:
        """The model with this id."""
        with self._memory.lock:
            try:
                return self._memory.models[model_id]
            except KeyError:
                raise ModelNotFound(str(model_id)) from None

    def remove(self, model_ids: Collection[int]) -> None:
        """Forget these, and how their folders looked; ids that nobody has are left out."""
        memory = self._memory
        with memory.changing():
            gone = [memory.models.pop(known) for known in set(model_ids) & memory.models.keys()]
            for model in gone:
                self._forget_fingerprint(model.root, model.folder)
            if gone:
                memory.record()

    def list(self, query: ModelQuery) -> ModelPage:
        """A page of the models that match: by file name in any case, then path, root and id."""
        found = sorted(self._where(_wanted(query)), key=_place_in_list)
        end = None if query.limit is None else query.offset + query.limit
        return ModelPage(models=tuple(found[query.offset : end]), total=len(found))

    def in_folder(self, root: str, folder: str) -> Sequence[Model]:
        """The models of one folder, not of those below it; missing ones too; by path."""
        found = self._where(lambda model: (model.root, model.folder) == (root, folder))
        return sorted(found, key=lambda model: model.path)

    def of_filename(self, filename: str) -> Sequence[Model]:
        """The models whose file name is this in any case and either Unicode form."""
        wanted = folded(filename)
        return self._where(lambda model: folded(model.filename) == wanted)

    def of_stem(self, stem: str) -> Sequence[Model]:
        """The models whose file name without extension is this; otherwise as above."""
        wanted = folded(stem)
        return self._where(lambda model: folded(model.stem) == wanted)

    def of_hash(self, digest: str) -> Sequence[Model]:
        """The models that this hash may mean, missing ones too; by id."""
        wanted = digest.lower()
        if len(wanted) < FEWEST_DIGITS:
            return []

        def fits(model: Model) -> bool:
            known = model.hashes
            return wanted in (known.autov1, known.autov3) or any(
                digest is not None and digest.startswith(wanted)
                for digest in (known.sha256, known.told)
            )

        return self._where(fits)

    def of_version(self, version_id: int) -> Sequence[Model]:
        """The models that are files of this version at Civitai, missing ones too; by id."""
        return self._where(lambda model: model.card.version_id == version_id)

    def lost(self, size: int, mtime_ns: int) -> Sequence[Model]:
        """The missing models of exactly this size and time; by id."""
        return self._where(
            lambda model: model.missing and (model.size, model.mtime_ns) == (size, mtime_ns)
        )

    def without_hash(self, roots: Collection[str], limit: int) -> Sequence[Model]:
        """Models of these roots that are there and whose SHA-256 nobody knows; small ones first."""
        return sorted(self._unhashed(roots), key=lambda model: (model.size, model.id))[:limit]

    def count_without_hash(self, roots: Collection[str]) -> int:
        """How many there are of those."""
        return len(self._unhashed(roots))

    def lose(self, root: str, paths: Collection[str] | None = None) -> int:
        """Mark models as missing: those of ``paths``, or all of the root; they stay known."""
        memory = self._memory
        wanted = None if paths is None else set(paths)
        with memory.changing():
            losing = self._where(
                lambda model: (
                    model.root == root
                    and not model.missing
                    and (wanted is None or model.path in wanted)
                )
            )
            for model in losing:
                memory.models[model.id] = evolve(model, missing=True)
            if wanted is None:
                memory.fingerprints.pop(root, None)
            else:
                for path in wanted:
                    self._forget_fingerprint(root, folder_of(path))
            if losing:
                memory.record()
            return len(losing)

    def fingerprints(self, root: str) -> Mapping[str, str]:
        """By folder below the root, the text that was kept."""
        with self._memory.lock:
            return dict(self._memory.fingerprints.get(root, {}))

    def keep_fingerprints(self, root: str, fingerprints: Mapping[str, str | None]) -> None:
        """Remember how folders looked when all of their models were known; None forgets one."""
        with self._memory.changing():
            known = self._memory.fingerprints.setdefault(root, {})
            for folder, fingerprint in fingerprints.items():
                if fingerprint is None:
                    known.pop(folder, None)
                else:
                    known[folder] = fingerprint

    def record(self, event: Event) -> None:
        """Write an event about the models into the log."""
        with self._memory.changing():
            self._memory.record(event)

    def _unhashed(self, roots: Collection[str]) -> Sequence[Model]:
        return self._where(
            lambda model: not model.missing and model.hashes.sha256 is None and model.root in roots
        )

    def _where(self, wanted: Callable[[Model], bool]) -> Sequence[Model]:
        """The models that fit, by id."""
        with self._memory.lock:
            found = [model for model in self._memory.models.values() if wanted(model)]
        return sorted(found, key=lambda model: model.id)

    def _forget_fingerprint(self, root: str, folder: str) -> None:
        self._memory.fingerprints.get(root, {}).pop(folder, None)


def _wanted(query: ModelQuery) -> Callable[[Model], bool]:
    """What tells whether a model matches the query."""
    words = wanted_words(query.text)
    base = None if query.base_model is None else folded(query.base_model)
    families = frozenset() if base is None else families_called(base)

    def fits(model: Model) -> bool:
        return (
            (query.missing or not model.missing)
            and (not query.kinds or model.kind in query.kinds)
            and (query.roots is None or model.root in query.roots)
            and (base is None or model.base_model.family in families or base in _bases(model))
            and (not words or _has_all(searched(model), words))
        )

    return fits


def _bases(model: Model) -> Sequence[str]:
    """What the model's base is called, folded."""
    names = (likeliest_name(model.base_model), model.card.base_model)
    return [folded(name) for name in names if name is not None]


def _has_all(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


def _place_in_list(model: Model) -> tuple[str, str, str]:
    return folded(model.filename), model.path, model.root
