"""What is asked of the table of models; constant text where it can be."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from stablequeue_core.models import ModelQuery
from stablequeue_core.storage.rows.models import ALL, GIVEN
from stablequeue_core.storage.rows.text import sentence, stored
from stablequeue_core.storage.searching import families_called, folded, wanted_words

COLUMNS = ", ".join(ALL)
_VALUES = ", ".join("%s" for _ in GIVEN)

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(%s)"
PLACES = "SELECT id, root, path FROM models WHERE id = ANY(%s::int8[])"
AT = """
    SELECT id, models.root, models.path FROM models
    JOIN unnest(%s::text[], %s::text[]) AS place (root, path)
    ON models.path = place.path AND models.root = place.root
"""
NEXT_IDS = """
    SELECT nextval(pg_get_serial_sequence('models', 'id')) FROM generate_series(1, %s::int8)
"""
INSERT = f"INSERT INTO models (id, {', '.join(GIVEN)}) VALUES (%s, {_VALUES})"
UPDATE = f"UPDATE models SET {', '.join(f'{name} = %s' for name in GIVEN)} WHERE id = %s"
DELETE = "DELETE FROM models WHERE id = ANY(%s::int8[])"
REMOVE = f"{DELETE} RETURNING root, folder"

GET = f"SELECT {COLUMNS} FROM models WHERE id = %s"
IN_FOLDER = f"SELECT {COLUMNS} FROM models WHERE root = %s AND folder = %s ORDER BY path"
OF_FILENAME = f"SELECT {COLUMNS} FROM models WHERE name = %s ORDER BY id"
OF_STEM = f"SELECT {COLUMNS} FROM models WHERE stem = %s ORDER BY id"
OF_VERSION = f"SELECT {COLUMNS} FROM models WHERE version_id = %s::numeric ORDER BY id"
# After the digits of a hash, whatever they are, comes something before "g". Each has an index.
OF_HASH = f"""
    SELECT {COLUMNS} FROM models WHERE id IN (
        SELECT id FROM models WHERE sha256 >= %(digest)s AND sha256 < %(digest)s || 'g'
        UNION SELECT id FROM models WHERE told >= %(digest)s AND told < %(digest)s || 'g'
        UNION SELECT id FROM models WHERE autov1 = %(digest)s
        UNION SELECT id FROM models WHERE autov3 = %(digest)s
    ) ORDER BY id
"""
LOST = f"""
    SELECT {COLUMNS} FROM models
    WHERE missing AND size = %s::numeric AND mtime_ns = %s::numeric ORDER BY id
"""

_UNHASHED = "sha256 IS NULL AND NOT missing AND root = ANY(%s::text[])"
WITHOUT_HASH = f"SELECT {COLUMNS} FROM models WHERE {_UNHASHED} ORDER BY size, id LIMIT %s"
COUNT_WITHOUT_HASH = f"SELECT count(*) FROM models WHERE {_UNHASHED}"

LOSE = """
    UPDATE models SET missing = true
    WHERE root = %s AND path = ANY(%s::text[]) AND NOT missing
"""
LOSE_ROOT = "UPDATE models SET missing = true WHERE root = %s AND NOT missing"
FINGERPRINTS = "SELECT folder, fingerprint FROM model_folders WHERE root = %s"
KEEP_FINGERPRINT = """
    INSERT INTO model_folders (root, folder, fingerprint) VALUES (%s, %s, %s)
    ON CONFLICT (root, folder) DO UPDATE SET fingerprint = excluded.fingerprint
"""
FORGET_FINGERPRINT = "DELETE FROM model_folders WHERE root = %s AND folder = %s"
FORGET_FINGERPRINTS = "DELETE FROM model_folders WHERE root = %s"


@frozen
class Filter:
    """Which models are wanted: a condition, and the values in it."""

    condition: str
    values: dict[str, Any]

    def page(self) -> str:
        """The models themselves, in the order of the list."""
        return f"""
            SELECT {COLUMNS} FROM models WHERE {self.condition}
            ORDER BY name, path, root LIMIT %(limit)s OFFSET %(offset)s
        """

    def count(self) -> str:
        """How many there are."""
        return f"SELECT count(*) FROM models WHERE {self.condition}"


def filter_of(query: ModelQuery) -> Filter:
    """What ``query`` asks for, whatever the page."""
    conditions = ["true"]
    values: dict[str, Any] = {}
    if not query.missing:
        conditions.append("NOT missing")
    if query.kinds:
        conditions.append("kind = ANY(%(kinds)s::text[])")
        values["kinds"] = sorted(kind.value for kind in query.kinds)
    if query.roots is not None:
        conditions.append("root = ANY(%(roots)s::text[])")
        values["roots"] = sorted(query.roots)
    if query.base_model is not None:
        conditions.append(
            "(family = ANY(%(families)s::text[]) OR base_name = %(base)s OR card_base = %(base)s)"
        )
        values["families"] = sorted(each.value for each in families_called(query.base_model))
        values["base"] = stored(folded(query.base_model))
    if words := wanted_words(query.text):
        conditions.append(
            "NOT EXISTS (SELECT FROM unnest(%(words)s::text[]) AS word "
            "WHERE strpos(words, word) = 0)"
        )
        values["words"] = [sentence(word) for word in words]
    return Filter(" AND ".join(conditions), values)
