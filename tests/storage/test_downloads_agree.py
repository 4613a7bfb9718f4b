"""Law: whatever is done with downloads, both storages answer the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from stablequeue_core.downloads import (
    Download,
    DownloadQuery,
    DownloadStatus,
    DownloadStore,
    download_event,
)
from stablequeue_core.errors import DownloadNotFound, IllegalDownloadTransition, StaleDownload
from stablequeue_core.events import EventKind
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.contracts.download_samples import (
    DownloadChange,
    arrived,
    begun,
    dropped,
    interrupted,
    paused,
    queued,
    refused,
    resumed,
    tried_again,
)
from stablequeue_core.testing.contracts.samples import START

Step = Callable[[DownloadStore], object]

NAMES = ("x.pt", "X.pt", "räv.pt", "ra\u0308v.pt", "\udcff.pt")
CHANGES = (arrived, begun, dropped, interrupted, paused, refused, resumed, tried_again)

moments = st.integers(0, 3).map(lambda hours: START + timedelta(hours=hours))
downloads = st.builds(
    queued,
    st.integers(0, 3),
    id=st.sampled_from([f"download-{number}" for number in range(50)]),
    filename=st.sampled_from(NAMES),
    folder=st.sampled_from(["", "d"]),
    priority=st.integers(-1, 1),
    not_before=st.none() | moments,
    record=st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2),
)
queries = st.builds(
    DownloadQuery,
    statuses=st.frozensets(st.sampled_from(DownloadStatus), max_size=3),
    limit=st.integers(0, 4),
    offset=st.integers(0, 4),
)


def adding(new: Download) -> Step:
    def add(store: DownloadStore) -> object:
        try:
            return store.get(new.id)
        except DownloadNotFound:
            return store.add(new, download_event(EventKind.DOWNLOAD_ADDED, new))

    return add


def changing(place: int, change: DownloadChange, revision: int) -> Step:
    """Change one of those that are there; perhaps from an old copy, perhaps against the rules."""

    def alter(store: DownloadStore) -> object:
        known = store.list(DownloadQuery(limit=50)).downloads
        if not known:
            return None
        chosen = store.get(known[place % len(known)].id)
        if revision:
            chosen = evolve(chosen, revision=revision)
        try:
            return store.replace(*change(chosen))
        except (StaleDownload, IllegalDownloadTransition) as error:
            return error.code

    return alter


steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(adding, downloads),
    st.builds(changing, st.integers(0, 9), st.sampled_from(CHANGES), st.sampled_from([0, 0, 0, 1])),
    st.builds(lambda now: lambda store: store.claim(now=now, begin=begun), moments),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=15), st.lists(queries, min_size=1, max_size=4))
def test_both_storages_answer_the_same(taken: list[Step], asked: list[DownloadQuery]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        SqliteStorage(Path(folder, "queue.db")) as durable,
        MemoryStorage() as plain,
    ):
        for step in taken:
            assert step(durable.downloads) == step(plain.downloads)
        for query in asked:
            assert durable.downloads.list(query) == plain.downloads.list(query)
        assert everything_found(durable.downloads) == everything_found(plain.downloads)
        assert durable.events.read() == plain.events.read()


def everything_found(store: DownloadStore) -> dict[str, Any]:
    """What the store answers to all other questions."""
    page = store.list(DownloadQuery(limit=50))
    return {
        "each": [store.get(listed.id) for listed in page.downloads],
        "standing": {status: store.with_status(status) for status in DownloadStatus},
        "due": store.next_due(),
    }
