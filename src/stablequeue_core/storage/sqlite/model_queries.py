"""What is asked of the table of models; constant text where it can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from stablequeue_core.models import ModelQuery
from stablequeue_core.storage.rows.models import ALL, GIVEN
from stablequeue_core.storage.rows.text import sentence, stored, to_json
from stablequeue_core.storage.searching import families_called, folded, wanted_words

_COLUMNS = ", ".join(ALL)

PLACE = "SELECT root, path FROM models WHERE id = ?"
AT = "SELECT id FROM models WHERE root = ? AND path = ?"
VACATE = "UPDATE models SET root = '', path = id WHERE id = ?"
"""Make room for another; every model that is moved has a root, so nobody stands there."""
INSERT = f"INSERT INTO models ({', '.join(GIVEN)}) VALUES ({', '.join('?' for _ in GIVEN)})"
UPDATE = f"UPDATE models SET {', '.join(f'{name} = ?' for name in GIVEN)} WHERE id = ?"
DELETE = "DELETE FROM models WHERE id = ?"
REMOVE = f"{DELETE} RETURNING root, folder"

GET = f"SELECT {_COLUMNS} FROM models WHERE id = ?"
IN_FOLDER = f"""
    SELECT {_COLUMNS} FROM models INDEXED BY models_by_folder
    WHERE root = ? AND folder = ? ORDER BY path
"""
OF_FILENAME = f"SELECT {_COLUMNS} FROM models WHERE name = ? ORDER BY id"
OF_STEM = f"SELECT {_COLUMNS} FROM models WHERE stem = ? ORDER BY id"
OF_VERSION = f"SELECT {_COLUMNS} FROM models WHERE version_id = ? ORDER BY id"
# After the digits of a hash, whatever they are, comes something before "g".
OF_HASH = f"""
    SELECT {_COLUMNS} FROM models
    WHERE (sha256 >= :digest AND sha256 < :digest || 'g')
    OR (told >= :digest AND told < :digest || 'g')
    OR autov1 = :digest OR autov3 = :digest ORDER BY id
"""
LOST = f"""
    SELECT {_COLUMNS} FROM models WHERE missing = 1 AND size = ? AND mtime_ns = ? ORDER BY id
"""

LOSE = "UPDATE models SET missing = 1 WHERE root = ? AND path = ? AND missing = 0"
LOSE_ROOT = "UPDATE models SET missing = 1 WHERE root = ? AND missing = 0"
FINGERPRINTS = "SELECT folder, fingerprint FROM model_folders WHERE root = ?"
KEEP_FINGERPRINT = "INSERT OR REPLACE INTO model_folders VALUES (?, ?, ?)"
FORGET_FINGERPRINT = "DELETE FROM model_folders WHERE root = ? AND folder = ?"
FORGET_FINGERPRINTS = "DELETE FROM model_folders WHERE root = ?"


@frozen
class Filter:
    """Which models are wanted: a condition, and the values in it."""

    condition: str
    values: tuple[Any, ...]

    def page(self) -> str:
        """The models themselves, in the order of the list; its last values are limit and offset."""
        return f"""
            SELECT {_COLUMNS} FROM models INDEXED BY models_in_order WHERE {self.condition}
            ORDER BY name, path, root LIMIT ? OFFSET ?
        """

    def count(self) -> str:
        """How many there are."""
        return f"SELECT count(*) FROM models INDEXED BY models_in_order WHERE {self.condition}"


def filter_of(query: ModelQuery) -> Filter:
    """What ``query`` asks for, whatever the page."""
    conditions: list[str] = ["true"]
    values: list[Any] = []

    def want(condition: str, *given: object) -> None:
        conditions.append(condition)
        values.extend(given)

    if not query.missing:
        want("missing = 0")
    if query.kinds:
        kinds = sorted(query.kinds)
        want(f"kind IN ({_places(kinds)})", *(kind.value for kind in kinds))
    if query.roots is not None:
        roots = sorted(query.roots)
        want(f"root IN ({_places(roots)})", *map(stored, roots))
    if query.base_model is not None:
        base = stored(folded(query.base_model))
        families = sorted(families_called(query.base_model))
        want(
            f"(family IN ({_places(families)}) OR base_name = ? OR card_base = ?)",
            *(family.value for family in families), base, base,
        )  # fmt: skip
    words = wanted_words(query.text)
    if words:
        want("instr(words, ?)", sentence(max(words, key=len)))
    if len(words) > 1:
        # Not a condition for each word: there may be more than SQLite can nest.
        want(
            "NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT instr(words, value))",
            to_json([sentence(word) for word in words]),
        )
    return Filter(" AND ".join(conditions), tuple(values))


def without_hash(roots: int) -> str:
    """Models of so many roots to be hashed, small ones first."""
    return f"SELECT {_COLUMNS} FROM models WHERE {_unhashed(roots)} ORDER BY size, id LIMIT ?"


def count_without_hash(roots: int) -> str:
    """How many there are of those."""
    return f"SELECT count(*) FROM models WHERE {_unhashed(roots)}"


def _unhashed(roots: int) -> str:
    # The plus keeps SQLite from gathering all models of the roots and sorting them.
    return f"sha256 IS NULL AND missing = 0 AND +root IN ({_places(range(roots))})"


def _places(values: Sequence[object]) -> str:
    return ", ".join("?" for _ in values)
