"""The models in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from attrs import evolve

from stablequeue_core.errors import ModelNotFound
from stablequeue_core.events import Event
from stablequeue_core.models import Model, ModelPage, ModelQuery, ModelStore
from stablequeue_core.models.paths import folder_of
from stablequeue_core.storage.postgres import model_queries as queries
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Database, Values
from stablequeue_core.storage.postgres.events import record
from stablequeue_core.storage.postgres.ringing import SharedBells
from stablequeue_core.storage.postgres.saving_models import LARGEST_ID, save
from stablequeue_core.storage.rows.models import model_of, values_of
from stablequeue_core.storage.searching import FEWEST_DIGITS, folded


class PostgresModels(ModelStore):
    """The models of one database."""

    def __init__(self, database: Database, bells: SharedBells) -> None:
        self._database = database
        self._bells = bells
        self._turn = database.address.number_of("models")

    def save(self, models: Sequence[Model]) -> Sequence[Model]:
        """Keep models: new ones, and new values of known ones, which may have moved."""
        if not models:
            return []
        # Everything that can be prepared is, as others may wait for their turn.
        rows = [values_of(model) for model in models]

        def keep(connection: Connected) -> Sequence[int]:
            self._take_turn(connection)
            return save(connection, models, rows)

        ids = self._database.transact(keep)
        self._bells.ring()
        return [
            model if model.id == given else evolve(model, id=given)
            for model, given in zip(models, ids, strict=True)
        ]

    def get(self, model_id: int) -> Model:
        """The model with this id."""
        found = self._all(queries.GET, (model_id,)) if abs(model_id) <= LARGEST_ID else []
        if not found:
            raise ModelNotFound(str(model_id))
        return found[0]

    def remove(self, model_ids: Collection[int]) -> None:
        """Forget these, and how their folders looked; ids that nobody has are left out."""
        ids = [model_id for model_id in model_ids if abs(model_id) <= LARGEST_ID]

        def forget(connection: Connected) -> int:
            self._take_turn(connection)
            gone = connection.execute(queries.REMOVE, (ids,)).fetchall()
            with connection.cursor() as cursor:
                cursor.executemany(queries.FORGET_FINGERPRINT, sorted(set(gone)))
            return len(gone)

        gone = self._database.transact(forget) if ids else 0
        if gone:
            self._bells.ring()

    def list(self, query: ModelQuery) -> ModelPage:
        """A page of the models that match: by file name in any case, then path, root and id."""
        wanted = queries.filter_of(query)
        shown = {**wanted.values, "limit": query.limit, "offset": query.offset}

        def look(connection: Connected) -> ModelPage:
            counted = connection.execute(wanted.count(), wanted.values).fetchone()
            found = connection.execute(wanted.page(), shown).fetchall()
            total = counted[0] if counted else 0
            return ModelPage(models=tuple(map(model_of, found)), total=total)

        return self._database.read(look)

    def in_folder(self, root: str, folder: str) -> Sequence[Model]:
        """The models of one folder, not of those below it; missing ones too; by path."""
        return self._all(queries.IN_FOLDER, (root, folder))

    def of_filename(self, filename: str) -> Sequence[Model]:
        """The models whose file name is this in any case and either Unicode form."""
        return self._all(queries.OF_FILENAME, (folded(filename),))

    def of_stem(self, stem: str) -> Sequence[Model]:
        """The models whose file name without extension is this; otherwise as above."""
        return self._all(queries.OF_STEM, (folded(stem),))

    def of_hash(self, digest: str) -> Sequence[Model]:
        """The models that this hash may mean, missing ones too; by id."""
        if len(digest) < FEWEST_DIGITS:
            return []
        return self._all(queries.OF_HASH, {"digest": digest.lower()})

    def of_version(self, version_id: int) -> Sequence[Model]:
        """The models that are files of this version at Civitai, missing ones too; by id."""
        return self._all(queries.OF_VERSION, (str(version_id),))

    def lost(self, size: int, mtime_ns: int) -> Sequence[Model]:
        """The missing models of exactly this size and time; by id."""
        return self._all(queries.LOST, (str(size), str(mtime_ns)))

    def without_hash(self, roots: Collection[str], limit: int) -> Sequence[Model]:
        """Models of these roots that are there and whose SHA-256 nobody knows; small ones first."""
        return self._all(queries.WITHOUT_HASH, (list(roots), limit))

    def count_without_hash(self, roots: Collection[str]) -> int:
        """How many there are of those."""
        ((count,),) = self._database.fetch(queries.COUNT_WITHOUT_HASH, (list(roots),))
        return int(count)

    def lose(self, root: str, paths: Collection[str] | None = None) -> int:
        """Mark models as missing: those of ``paths``, or all of the root; they stay known."""

        def lose(connection: Connected) -> int:
            self._take_turn(connection)
            if paths is None:
                connection.execute(queries.FORGET_FINGERPRINTS, (root,))
                return connection.execute(queries.LOSE_ROOT, (root,)).rowcount
            folders = sorted({folder_of(path) for path in paths})
            with connection.cursor() as cursor:
                cursor.executemany(queries.FORGET_FINGERPRINT, [(root, each) for each in folders])
            return connection.execute(queries.LOSE, (root, list(paths))).rowcount

        lost = self._database.transact(lose)
        if lost:
            self._bells.ring()
        return lost

    def fingerprints(self, root: str) -> Mapping[str, str]:
        """By folder below the root, the text that was kept."""
        return dict(self._database.fetch(queries.FINGERPRINTS, (root,)))

    def keep_fingerprints(self, root: str, fingerprints: Mapping[str, str | None]) -> None:
        """Remember how folders looked when all of their models were known; None forgets one."""
        kept = [(root, folder, text) for folder, text in fingerprints.items() if text is not None]
        forgotten = [(root, folder) for folder, text in fingerprints.items() if text is None]

        def keep(connection: Connected) -> None:
            self._take_turn(connection)
            with connection.cursor() as cursor:
                cursor.executemany(queries.KEEP_FINGERPRINT, kept)
                cursor.executemany(queries.FORGET_FINGERPRINT, forgotten)

        self._database.transact(keep)

    def record(self, event: Event) -> None:
        """Write an event about the models into the log."""
        self._database.transact(lambda connection: record(connection, event))
        self._bells.ring([event.kind])

    def _take_turn(self, connection: Connected) -> None:
        """Nobody else changes models until the end of the transaction."""
        connection.execute(queries.ONE_AT_A_TIME, (self._turn,))

    def _all(self, select: str, values: Values) -> Sequence[Model]:
        return [model_of(row) for row in self._database.fetch(select, values)]
