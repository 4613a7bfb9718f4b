"""Laws: whatever is done, PostgreSQL and memory answer the same; and text comes back as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.storage import test_downloads_agree as downloads
from tests.storage import test_jobs_agree as jobs
from tests.storage import test_models_agree as models
from tests.storage.real_postgres import RealPostgres, Schemas

from stablequeue_core.downloads import DownloadQuery
from stablequeue_core.models import ModelQuery
from stablequeue_core.storage import Storage
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.storage.postgres.adapting import as_it_was, writable
from stablequeue_core.testing.contracts.samples import add, laptop, model, pending, server_event

FEW = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Emptied = Callable[[], Storage]

any_text = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["\0", "\ud83d", "\U0010fffd", "\U0010fffd000000", "a\0\udcffb", "räv 🦊"]
)


@pytest.fixture(scope="module")
def emptied(postgres: RealPostgres) -> Iterator[Emptied]:
    """Gives the same storage again and again, always empty."""
    with closing(Schemas(postgres.url)) as schemas:
        where = Path("agreeing")
        with PostgresStorage(schemas.url, schema=schemas.of(where)) as storage:

            def empty() -> Storage:
                schemas.empty()
                assert schemas.of(where)
                return storage

            yield empty
        # Others use the same names.
        schemas.empty()


@FEW
@given(st.lists(jobs.steps, max_size=20))
def test_jobs_are_the_same(emptied: Emptied, taken: list[jobs.Step]) -> None:
    durable = emptied()
    with MemoryStorage() as plain:
        for storage in (durable, plain):
            storage.servers.add(laptop(), server_event())
        for step in taken:
            assert step(durable) == step(plain)
        assert jobs.everything_found(durable) == jobs.everything_found(plain)
        with MemoryStorage() as copy:
            copy.restore(durable.dump())
            assert jobs.everything_found(copy) == jobs.everything_found(durable)


@FEW
@given(st.lists(downloads.steps, max_size=15), st.lists(downloads.queries, min_size=1, max_size=4))
def test_downloads_are_the_same(
    emptied: Emptied, taken: list[downloads.Step], asked: list[DownloadQuery]
) -> None:
    durable = emptied()
    with MemoryStorage() as plain:
        for step in taken:
            assert step(durable.downloads) == step(plain.downloads)
        for query in asked:
            assert durable.downloads.list(query) == plain.downloads.list(query)
        found = downloads.everything_found
        assert found(durable.downloads) == found(plain.downloads)
        assert durable.events.read() == plain.events.read()


@FEW
@given(st.lists(models.steps, max_size=6), st.lists(models.queries, min_size=1, max_size=4))
def test_models_are_the_same(
    emptied: Emptied, taken: list[models.Step], asked: list[ModelQuery]
) -> None:
    durable = emptied()
    with MemoryStorage() as plain:
        for step in taken:
            assert step(durable.models) == step(plain.models)
        for query in (ModelQuery(missing=True, limit=None), *asked):
            assert durable.models.list(query) == plain.models.list(query)
        assert models.everything_found(durable.models) == models.everything_found(plain.models)


@given(any_text)
def test_text_is_written_so_that_it_comes_back(text: str) -> None:
    written = writable(text)
    assert "\0" not in written
    assert written.encode().decode() == written
    assert as_it_was(written) == text


@FEW
@given(any_text, any_text, st.dictionaries(any_text, any_text, max_size=2))
def test_what_postgresql_cannot_hold_comes_back_all_the_same(
    emptied: Emptied, one: str, other: str, params: dict[str, Any]
) -> None:
    """NUL, halves of characters, and the mark that both are written with."""
    storage = emptied()
    job = pending(checkpoint=one, client_id=other, params=params)
    (kept,) = add(storage, job)
    assert storage.jobs.get(job.id) == kept
    assert (kept.checkpoint, kept.client_id, kept.params) == (one, other, params)
    (found,) = storage.models.save([model(f"{one}/{other}.pt", root=f"/{other}")])
    assert storage.models.get(found.id) == found == evolve(found, path=f"{one}/{other}.pt")
    assert storage.models.in_folder(found.root, found.folder) == [found]
