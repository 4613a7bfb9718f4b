"""How fast the catalogue of models is written and read, without the folders behind it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.timing import paired, per_second, seconds
from stablequeue_core.models import (
    BaseModel,
    Confidence,
    Family,
    FileFormat,
    Hashes,
    HashSource,
    Model,
    ModelCard,
    ModelKind,
    ModelQuery,
)
from stablequeue_core.storage.sqlite import SqliteStorage

FIRST_PAGE_MS = 5.0
SAVED_PER_SECOND = 5_000
BATCH = 500
PAGE = 50

ROOT = "/models/Lora"
_FOUND = datetime(2025, 5, 14, 2, 34, 48, tzinfo=UTC)
_DATABASE = "queue.sqlite3"


def first_page(effort: Effort) -> Sequence[Figure]:
    """The first page and the total, against the same ids and total from SQLite itself."""
    count = effort.pick(10_000, 500)
    query = ModelQuery(kinds=frozenset({ModelKind.LORA}), roots=frozenset({ROOT}), limit=PAGE)

    def floor() -> None:
        bare.execute("SELECT count(*) FROM models WHERE missing = 0").fetchone()
        bare.execute("SELECT id FROM models ORDER BY name, path, root LIMIT ?", (PAGE,)).fetchall()

    with effort.workplace() as folder, SqliteStorage(folder / _DATABASE) as storage:
        fill(storage, count)
        with closing(sqlite3.connect(folder / _DATABASE)) as bare:
            pair = paired(
                lambda: 1000 * seconds(lambda: storage.models.list(query)),
                lambda: 1000 * seconds(floor),
                rounds=effort.pick(100, 5),
            )
    return [
        Figure(
            name=f"models in the store, first page of {count:,}",
            unit="ms",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≤ {FIRST_PAGE_MS:g} ms",
            met=pair.ours <= FIRST_PAGE_MS,
        )
    ]


def save(effort: Effort) -> Sequence[Figure]:
    """New models with all that can be known of them, against bare inserts of their names."""
    count = effort.pick(10_000, 500)
    found = models(count)
    paths = [(model.path,) for model in found]

    def ours() -> float:
        with effort.workplace() as folder, SqliteStorage(folder / _DATABASE) as storage:
            return per_second(count, lambda: _save(storage, found))

    def floor() -> float:
        with (
            effort.workplace() as folder,
            closing(_bare(folder / _DATABASE)) as bare,
        ):
            return per_second(count, lambda: _insert(bare, paths))

    pair = paired(ours, floor, rounds=effort.pick(8, 1))
    return [
        Figure(
            name=f"save {count:,} models, {BATCH} in a call",
            unit="models/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {SAVED_PER_SECOND:,} models/s",
            met=pair.ours >= SAVED_PER_SECOND,
        )
    ]


def fill(storage: SqliteStorage, count: int) -> None:
    """A catalogue with so many models."""
    _save(storage, models(count))


def models(count: int) -> Sequence[Model]:
    """LoRAs in folders, with hashes and cards, in no order of names."""
    return [_model(number) for number in range(count)]


def _model(number: int) -> Model:
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return Model(
        kind=ModelKind.LORA,
        root=ROOT,
        path=f"styles {number % 100}/{digest[:12]} style v{number}.safetensors",
        size=200_000_000 + number,
        mtime_ns=1_715_654_088_985_000_000 + number,
        created_at=_FOUND,
        format=FileFormat.SAFETENSORS,
        base_model=BaseModel(
            family=Family.SDXL, name="Pony", confidence=Confidence.STATED, source="metadata"
        ),
        details={"rank": 32, "tensors": 722, "dtype": "F16"},
        hashes=Hashes(
            sha256=digest, autov1=digest[:8], autov3=digest[-12:], source=HashSource.COMPUTED
        ),
        card=ModelCard(
            name=f"A style {number}",
            version="v1.0",
            description="A LoRA for pictures in the style of old postcards. " * 6,
            base_model="Pony",
            creator="somebody",
            tags=("style", "postcard", "vintage"),
            trigger_words=("old postcard",),
            model_id=100_000 + number,
            version_id=200_000 + number,
            sources=("civitai_info",),
        ),
        previews=(f"{digest[:12]} style v{number}.preview.png",),
    )


def _save(storage: SqliteStorage, found: Sequence[Model]) -> None:
    for start in range(0, len(found), BATCH):
        storage.models.save(found[start : start + BATCH])


def _bare(path: Path) -> sqlite3.Connection:
    """A table of names in the fewest words of SQL, with our pragmas."""
    bare = sqlite3.connect(path, isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE models (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE)")
    return bare


def _insert(bare: sqlite3.Connection, paths: Sequence[tuple[str]]) -> None:
    for start in range(0, len(paths), BATCH):
        bare.execute("BEGIN IMMEDIATE")
        bare.executemany("INSERT INTO models (path) VALUES (?)", paths[start : start + BATCH])
        bare.execute("COMMIT")
