"""Looks at single models between scans: somebody wrote beside them, or has hashed them."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from attrs import evolve

from stablequeue_core.errors import ModelNotFound
from stablequeue_core.models.files.found import FoundFile
from stablequeue_core.models.files.reading import read_model, read_surroundings
from stablequeue_core.models.model import Hashes, Model
from stablequeue_core.models.paths import folder_of
from stablequeue_core.models.roots import ModelRoot
from stablequeue_core.models.scanning.folders import compare
from stablequeue_core.models.scanning.walking import Walk
from stablequeue_core.models.store import ModelStore


class SecondLook:
    """Brings single models up to date. Safe to use from several threads.

    Each folder is listed once, and only those models are opened that are asked for. What is
    remembered of the folder's looks stays, so the next scan holds it against its models once more,
    and finds them as they are.

    Args:
        store: what is known.
    """

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        # From reading a model until it is kept, nobody else of this process may change it.
        self._lock = threading.Lock()

    def at(self, models: Sequence[Model]) -> Sequence[Model]:
        """Read what lies beside models again, and themselves where they have changed.

        Returns:
            them, in the same order; those that are gone are marked as missing.

        Raises:
            StorageError: what was found cannot be kept.
        """
        with self._lock:
            found = _found_in_their_folders(models)
            now = {model.id: self._looked_at(model, found) for model in self._known(models)}
            there = [model for model in now.values() if not model.missing]
            for model in now.values():
                if model.missing:
                    self._store.lose(model.root, [model.path])
            kept = {model.id: model for model in self._store.save(there)}
        return [kept.get(model.id) or now.get(model.id) or model for model in models]

    def take_in(self, root: ModelRoot, path: str, hashes: Hashes) -> Model | None:
        """Put a file that has just been written into the catalogue.

        Args:
            root: in which it lies.
            path: below that, with forward slashes.
            hashes: that were computed while it was written.

        Returns:
            the model; None when there is no such file.

        Raises:
            StorageError: it cannot be kept.
        """
        with self._lock:
            file = _found_in(root, folder_of(path)).get(path)
            if file is None:
                return None
            try:
                model = read_model(file)
            except FileNotFoundError:
                return None
            return self._save_hashed(model, hashes, file)

    def keep_hashes(self, hashed: Model, hashes: Hashes) -> Model | None:
        """Keep the hashes of a file, unless it has become another one meanwhile.

        Args:
            hashed: the model, as it was when it was read.
            hashes: of its file.

        Returns:
            the model with them; None when it is not what it was.

        Raises:
            StorageError: they cannot be kept.
        """
        with self._lock:
            present = next(iter(self._known([hashed])), None)
            if present is None or not _is_same_file(present, hashed):
                return None
            file = None
            if present.card.version_id is not None or present.card.model_id is not None:
                # Now that its hash is known, it can be seen who speaks of another file.
                root = ModelRoot(present.kind, Path(present.root))
                file = _found_in(root, present.folder).get(present.path)
            return self._save_hashed(present, hashes, file)

    def _save_hashed(self, model: Model, hashes: Hashes, file: FoundFile | None) -> Model:
        model = evolve(model, hashes=evolve(hashes, told=model.hashes.told))
        if file is not None:
            model = read_surroundings(model, file)
        return self._store.save([self._found_again(model)])[0]

    def _found_again(self, model: Model) -> Model:
        """``model`` as the missing one that it is a copy of, if there is exactly one such."""
        same = [
            other
            for other in self._store.of_hash(model.hashes.sha256 or "")
            if other.missing
            and other.kind is model.kind
            and other.hashes.sha256 == model.hashes.sha256
        ]
        return evolve(model, id=same[0].id) if len(same) == 1 else model

    def _known(self, models: Sequence[Model]) -> Sequence[Model]:
        """What the store knows of them at this moment."""
        known = []
        for model in models:
            try:
                known.append(self._store.get(model.id))
            except ModelNotFound:
                continue
        return known

    def _looked_at(self, model: Model, found: Mapping[tuple[str, str], FoundFile]) -> Model:
        file = found.get((model.root, model.path))
        if file is None:
            # A folder that may not be listed is no proof of anything.
            return evolve(model, missing=not os.path.lexists(model.file))
        if (file.size, file.mtime_ns) == (model.size, model.mtime_ns):
            return read_surroundings(model, file)
        try:
            return evolve(read_model(file), id=model.id)
        except FileNotFoundError:
            return evolve(model, missing=True)


def _found_in_their_folders(models: Collection[Model]) -> Mapping[tuple[str, str], FoundFile]:
    """The files of all folders that these lie in, by root and path."""
    folders: dict[ModelRoot, set[str]] = defaultdict(set)
    for model in models:
        folders[ModelRoot(model.kind, Path(model.root))].add(model.folder)
    return {
        (root.name, path): file
        for root, several in folders.items()
        for folder in several
        for path, file in _found_in(root, folder).items()
    }


def _found_in(root: ModelRoot, folder: str) -> Mapping[str, FoundFile]:
    """The model files of one folder by their paths; none when it cannot be listed."""
    try:
        listing = Walk(root.folder).only(folder)
    except OSError:
        return {}
    return {file.path: file for file in compare(root, listing, []).new}


def _is_same_file(one: Model, other: Model) -> bool:
    return (one.size, one.mtime_ns) == (other.size, other.mtime_ns)
