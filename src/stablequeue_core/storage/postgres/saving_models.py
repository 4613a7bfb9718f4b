"""Keeps many models at once, some of which have moved, some to where another one was."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from stablequeue_core.models import Model
from stablequeue_core.storage.postgres import model_queries as queries
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Row

Place = tuple[str, str]

LARGEST_ID = 2**63 - 1


def save(connection: Connected, models: Sequence[Model], rows: Sequence[Row]) -> Sequence[int]:
    """Write the rows, in this order; the ids that the models have now.

    It is settled here who goes where; then all is written in a few statements.
    """
    places: list[Place] = [(model.root, model.path) for model in models]
    where = _places_of(connection, [model.id for model in models if 0 < model.id <= LARGEST_ID])
    there = _those_at(connection, places)
    stored = {*where, *there.values()}
    # All that have moved leave their places first, so that two may change theirs.
    for model, place in zip(models, places, strict=True):
        if where.get(model.id, place) != place:
            there.pop(where[model.id], None)
    latest: dict[int, Row] = {}
    ids: list[int] = []
    gone: set[int] = set()
    stands: dict[int, Place] = {}
    new = count(-1, -1)  # until it is known how many ids are needed
    for model, place, row in zip(models, places, rows, strict=True):
        given = there.get(place)
        if model.id in where:
            if given is not None and given != model.id:
                gone.add(given)
                where.pop(given, None)
                latest.pop(given, None)
            given = model.id
        elif given is None:
            given = next(new)
        if there.get(stands.get(given, place)) == given:
            there.pop(stands.get(given, place), None)
        there[place], stands[given] = given, place
        latest[given] = row
        ids.append(given)
    real = _new_ids(connection, -1 - next(new))
    connection.execute(queries.DELETE, (sorted(gone & stored),))
    with connection.cursor() as cursor:
        cursor.executemany(queries.UPDATE, [(*row, id_) for id_, row in latest.items() if id_ > 0])
        cursor.executemany(
            queries.INSERT, [(real[id_], *row) for id_, row in latest.items() if id_ < 0]
        )
    return [real.get(id_, id_) for id_ in ids]


def _places_of(connection: Connected, ids: Sequence[int]) -> dict[int, Place]:
    """Where the models with these ids are, as far as they are known."""
    found = connection.execute(queries.PLACES, (list(ids),)).fetchall()
    return {id_: (root, path) for id_, root, path in found}


def _those_at(connection: Connected, places: Sequence[Place]) -> dict[Place, int]:
    """Who is in these places now."""
    roots, paths = zip(*places, strict=True)
    found = connection.execute(queries.AT, (list(roots), list(paths))).fetchall()
    return {(root, path): id_ for id_, root, path in found}


def _new_ids(connection: Connected, number: int) -> dict[int, int]:
    """So many ids that nobody ever had, for -1, -2 and so on."""
    found = connection.execute(queries.NEXT_IDS, (number,)).fetchall()
    return dict(zip(count(-1, -1), sorted(id_ for (id_,) in found)))
