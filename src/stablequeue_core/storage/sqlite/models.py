"""The models in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence

from attrs import evolve

from stablequeue_core.errors import ModelNotFound
from stablequeue_core.events import Event
from stablequeue_core.models import Model, ModelPage, ModelQuery, ModelStore
from stablequeue_core.models.paths import folder_of
from stablequeue_core.storage.rows.models import model_of, values_of, whole
from stablequeue_core.storage.rows.text import restored, stored
from stablequeue_core.storage.searching import FEWEST_DIGITS, folded
from stablequeue_core.storage.sqlite import model_queries as queries
from stablequeue_core.storage.sqlite.connection import Database, Row, Values


class SqliteModels(ModelStore):
    """The models of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, models: Sequence[Model]) -> Sequence[Model]:
        """Keep models: new ones, and new values of known ones, which may have moved."""
        if not models:
            return []
        # Everything that can be prepared is, as others may wait for the writer.
        rows = [values_of(model) for model in models]
        with self._database.write() as connection:
            ids = _save(connection, models, rows)
        self._database.bells.changes.ring()
        return [
            model if model.id == given else evolve(model, id=given)
            for model, given in zip(models, ids, strict=True)
        ]

    def get(self, model_id: int) -> Model:
        """The model with this id."""
        found = self._all(queries.GET, (whole(model_id),))
        if not found:
            raise ModelNotFound(str(model_id))
        return found[0]

    def remove(self, model_ids: Collection[int]) -> None:
        """Forget these, and how their folders looked; ids that nobody has are left out."""
        gone: list[Row] = []
        with self._database.write() as connection:
            for model_id in model_ids:
                gone += connection.execute(queries.REMOVE, (whole(model_id),)).fetchall()
            connection.executemany(queries.FORGET_FINGERPRINT, set(gone))
        if gone:
            self._database.bells.changes.ring()

    def list(self, query: ModelQuery) -> ModelPage:
        """A page of the models that match: by file name in any case, then path, root and id."""
        wanted = queries.filter_of(query)
        limit = -1 if query.limit is None else query.limit
        with self._database.read() as connection:
            (total,) = connection.execute(wanted.count(), wanted.values).fetchone()
            shown = (*wanted.values, limit, query.offset)
            found = connection.execute(wanted.page(), shown).fetchall()
        return ModelPage(models=tuple(map(model_of, found)), total=total)

    def in_folder(self, root: str, folder: str) -> Sequence[Model]:
        """The models of one folder, not of those below it; missing ones too; by path."""
        return self._all(queries.IN_FOLDER, (stored(root), stored(folder)))

    def of_filename(self, filename: str) -> Sequence[Model]:
        """The models whose file name is this in any case and either Unicode form."""
        return self._all(queries.OF_FILENAME, (stored(folded(filename)),))

    def of_stem(self, stem: str) -> Sequence[Model]:
        """The models whose file name without extension is this; otherwise as above."""
        return self._all(queries.OF_STEM, (stored(folded(stem)),))

    def of_hash(self, digest: str) -> Sequence[Model]:
        """The models that this hash may mean, missing ones too; by id."""
        if len(digest) < FEWEST_DIGITS:
            return []
        return self._all(queries.OF_HASH, {"digest": stored(digest.lower())})

    def of_version(self, version_id: int) -> Sequence[Model]:
        """The models that are files of this version at Civitai, missing ones too; by id."""
        return self._all(queries.OF_VERSION, (whole(version_id),))

    def lost(self, size: int, mtime_ns: int) -> Sequence[Model]:
        """The missing models of exactly this size and time; by id."""
        return self._all(queries.LOST, (whole(size), whole(mtime_ns)))

    def without_hash(self, roots: Collection[str], limit: int) -> Sequence[Model]:
        """Models of these roots that are there and whose SHA-256 nobody knows; small ones first."""
        return self._all(queries.without_hash(len(roots)), (*map(stored, roots), limit))

    def count_without_hash(self, roots: Collection[str]) -> int:
        """How many there are of those."""
        found = self._database.fetch(queries.count_without_hash(len(roots)), (*map(stored, roots),))
        ((count,),) = found
        return int(count)

    def lose(self, root: str, paths: Collection[str] | None = None) -> int:
        """Mark models as missing: those of ``paths``, or all of the root; they stay known."""
        below = stored(root)
        with self._database.write() as connection:
            if paths is None:
                lost = connection.execute(queries.LOSE_ROOT, (below,)).rowcount
                connection.execute(queries.FORGET_FINGERPRINTS, (below,))
            else:
                places = [(below, stored(path)) for path in paths]
                folders = {(below, stored(folder_of(path))) for path in paths}
                lost = connection.executemany(queries.LOSE, places).rowcount if places else 0
                connection.executemany(queries.FORGET_FINGERPRINT, folders)
        if lost:
            self._database.bells.changes.ring()
        return lost

    def fingerprints(self, root: str) -> Mapping[str, str]:
        """By folder below the root, the text that was kept."""
        found = self._database.fetch(queries.FINGERPRINTS, (stored(root),))
        return {restored(folder): restored(fingerprint) for folder, fingerprint in found}

    def keep_fingerprints(self, root: str, fingerprints: Mapping[str, str | None]) -> None:
        """Remember how folders looked when all of their models were known; None forgets one."""
        below = stored(root)
        kept = [
            (below, stored(folder), stored(text))
            for folder, text in fingerprints.items()
            if text is not None
        ]
        forgotten = [
            (below, stored(folder)) for folder, text in fingerprints.items() if text is None
        ]
        with self._database.write() as connection:
            connection.executemany(queries.KEEP_FINGERPRINT, kept)
            connection.executemany(queries.FORGET_FINGERPRINT, forgotten)

    def record(self, event: Event) -> None:
        """Write an event about the models into the log."""
        with self._database.write():
            self._database.tell(event)

    def _all(self, select: str, values: Values) -> Sequence[Model]:
        return [model_of(row) for row in self._database.fetch(select, values)]


def _save(
    connection: sqlite3.Connection, models: Sequence[Model], rows: Sequence[Row]
) -> Sequence[int]:
    """Write the rows, in this order; the ids that the models have now."""
    places = [(stored(model.root), stored(model.path)) for model in models]
    known = _places(connection, {model.id for model in models if model.id})
    # All that have moved leave their places first, so that two may change theirs.
    for model, place in zip(models, places, strict=True):
        if known.get(model.id, place) != place:
            connection.execute(queries.VACATE, (model.id,))
    ids = []
    for model, place, row in zip(models, places, rows, strict=True):
        there = connection.execute(queries.AT, place).fetchone()
        given = there and there[0]
        if model.id in known:
            if given not in (None, model.id):
                connection.execute(queries.DELETE, (given,))
                known.pop(given, None)
            given = model.id
        if given:
            connection.execute(queries.UPDATE, (*row, given))
        else:
            given = connection.execute(queries.INSERT, row).lastrowid
        ids.append(given)
    return ids


def _places(connection: sqlite3.Connection, ids: Collection[int]) -> dict[int, Row]:
    """Where the models with these ids are, as far as they are known."""
    found = ((id_, connection.execute(queries.PLACE, (id_,)).fetchone()) for id_ in ids)
    return {id_: place for id_, place in found if place is not None}
