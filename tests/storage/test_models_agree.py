"""Law: whatever is done with models, both storages answer the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from stablequeue_core.models import (
    BaseModel,
    Family,
    Hashes,
    Model,
    ModelCard,
    ModelKind,
    ModelQuery,
    ModelStore,
)
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.contracts.samples import model

Step = Callable[[ModelStore], object]

ROOTS = ("/a", "/b")
PATHS = ("x.pt", "X.pt", "räv.pt", "ra\u0308v.pt", "d/x.pt", "d/e/y.v2.pt", "d_/%.pt", "\udcff.pt")
WORDS = ("pony", "Pony", "PONY sdxl", "x", "räv", "RA\u0308V", "ß", "SS", "%", "_", "d/", "")
DIGESTS = ("9f90c59f3a", "9f90c59f", "9f90c59fff")

words = st.sampled_from(WORDS)
maybe_words = st.none() | words
roots = st.sampled_from(ROOTS)
small = st.integers(0, 3)
bases = st.builds(BaseModel, family=st.sampled_from(Family), name=maybe_words)
hashes = st.builds(
    Hashes,
    sha256=st.none() | st.sampled_from(DIGESTS),
    autov1=st.none() | st.sampled_from(DIGESTS),
    told=st.none() | st.sampled_from(DIGESTS),
)
cards = st.builds(
    ModelCard,
    name=maybe_words,
    base_model=maybe_words,
    tags=st.lists(words, max_size=2).map(tuple),
    version_id=st.none() | small,
)
models = st.builds(
    model,
    st.sampled_from(PATHS),
    root=roots,
    kind=st.sampled_from(ModelKind),
    size=small,
    mtime_ns=small,
    base_model=bases,
    hashes=hashes,
    card=cards,
    missing=st.booleans(),
)
queries = st.builds(
    ModelQuery,
    kinds=st.frozensets(st.sampled_from(ModelKind), max_size=2),
    roots=st.none() | st.frozensets(roots),
    base_model=maybe_words | st.sampled_from(["sdxl", "SDXL", "unknown", "sd 1.5"]),
    text=words,
    missing=st.booleans(),
    limit=st.none() | st.integers(0, 5),
    offset=st.integers(0, 5),
)


def saving(new: list[Model], ids: list[int]) -> Step:
    """Some of them as new values of known ones."""
    given_ids = [*ids, *([0] * len(new))]
    return lambda store: store.save(
        [evolve(one, id=given) for one, given in zip(new, given_ids, strict=False)]
    )


steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        saving,
        st.lists(models, max_size=4),
        st.lists(st.integers(1, 8), max_size=3, unique=True),
    ),
    st.builds(lambda ids: lambda store: store.remove(ids), st.lists(st.integers(1, 8), max_size=2)),
    st.builds(
        lambda root, paths: lambda store: store.lose(root, paths),
        roots,
        st.none() | st.lists(st.sampled_from(PATHS), max_size=3),
    ),
    st.builds(
        lambda root, looks: lambda store: store.keep_fingerprints(root, looks),
        roots,
        st.dictionaries(st.sampled_from(["", "d", "d/e"]), maybe_words, max_size=3),
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=6), st.lists(queries, min_size=1, max_size=4))
def test_both_storages_answer_the_same(taken: list[Step], asked: list[ModelQuery]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        SqliteStorage(Path(folder, "queue.db")) as durable,
        MemoryStorage() as plain,
    ):
        for step in taken:
            assert step(durable.models) == step(plain.models)
        for query in (ModelQuery(missing=True, limit=None), *asked):
            assert durable.models.list(query) == plain.models.list(query)
        assert everything_found(durable.models) == everything_found(plain.models)


def everything_found(store: ModelStore) -> dict[str, Any]:
    """What the store answers to all other questions."""
    return {
        "names": [store.of_filename(path.rpartition("/")[2]) for path in PATHS],
        "stems": [store.of_stem(stem) for stem in ("x", "RÄV", "y", "y.v2", "%", "\udcff")],
        "hashes": [store.of_hash(digest) for digest in DIGESTS],
        "versions": [store.of_version(version) for version in range(4)],
        "lost": [store.lost(size, mtime) for size in range(4) for mtime in range(4)],
        "to hash": [store.without_hash(ROOTS, limit) for limit in (1, 100)],
        "folders": [store.in_folder(root, where) for root in ROOTS for where in ("", "d", "d/e")],
        "fingerprints": [store.fingerprints(root) for root in ROOTS],
    }
