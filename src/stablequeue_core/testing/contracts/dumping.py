"""The promises about copying a whole storage to another one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from stablequeue_core.downloads import DownloadQuery
from stablequeue_core.errors import StorageNotEmpty
from stablequeue_core.events import EventKind
from stablequeue_core.jobs import IdempotencyKey, JobQuery, event_of
from stablequeue_core.models import ModelQuery
from stablequeue_core.servers import Cost
from stablequeue_core.storage import Chunk, ChunkKind, Storage
from stablequeue_core.storage.chunks import CHUNK_VALUES
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.download_samples import added, elaborate, fetched, queued
from stablequeue_core.testing.contracts.identities import FULL
from stablequeue_core.testing.contracts.samples import (
    LATER,
    ROOT,
    add,
    cancelled,
    changed,
    claimed,
    completed,
    deleted,
    given_back,
    in_line,
    laptop,
    model,
    pending,
    queue_event,
    save,
    server_event,
)

KEY = IdempotencyKey(key="order", digest="d")
Dump = list[tuple[ChunkKind, list[object]]]


class DumpingContract(StorageCase):
    """The promises of ``dump`` and ``restore``, as tests."""

    def test_everything_is_restored(self, storage: Storage, tmp_path: Path) -> None:
        """From this storage into memory, and from memory into another one like this."""
        _fill(storage)
        with MemoryStorage() as memory:
            memory.restore(storage.dump())
            _check_alike(memory, storage)
            folder = tmp_path / "other"
            folder.mkdir()
            with self.opener(folder)() as other:
                other.restore(memory.dump())
                _check_alike(other, storage)

    def test_kinds_come_in_their_order_and_in_pieces(self, storage: Storage) -> None:
        """Of bounded size; a kind of which there is nothing may be left out."""
        _fill(storage)
        storage.jobs.add([pending() for _ in range(CHUNK_VALUES)])
        chunks = list(storage.dump())
        assert all(0 < len(chunk.values) <= CHUNK_VALUES for chunk in chunks)
        kinds = [kind for kind, _ in groupby(chunk.kind for chunk in chunks)]
        assert kinds == [kind for kind in ChunkKind if kind in kinds]

    def test_life_goes_on_in_the_copy(self, storage: Storage) -> None:
        """Numbers, revisions, ids and events go on where they were; keys still lead to jobs."""
        _fill(storage)
        with MemoryStorage() as source:
            source.restore(storage.dump())
            before = storage.jobs.list(JobQuery())
            highest = max(job.number for job in before.jobs)
            for copy in (source, storage):
                (known,) = [job for job in before.jobs if job.id == "keyed"]
                assert copy.jobs.add([pending()], KEY) == [known]
                (new,) = add(copy, pending())
                assert new.number > highest
                assert copy.events.read()[-1].job_id == new.id
                assert copy.events.read()[-1].sequence == copy.events.last()
                (found,) = save(copy, model("new.pt"))
                assert found.id > 3, "an id is not given twice"
                assert claimed(copy, server="Tower").id == "front"

    def test_a_dump_is_of_one_moment(self, storage: Storage) -> None:
        """What changes while it is read is not in it."""
        kept = add(storage, *(pending() for _ in range(3)))
        chunks = storage.dump()
        first = next(chunks)
        deleted(storage, kept[0])
        add(storage, pending())
        found = {chunk.kind: list(chunk.values) for chunk in (first, *chunks)}
        assert found[ChunkKind.JOBS] == kept
        assert len(found[ChunkKind.EVENTS]) == 3

    def test_a_storage_that_remembers_something_is_not_written_over(self, storage: Storage) -> None:
        """Whatever it is."""
        with MemoryStorage() as source:
            add(source, pending())
            storage.servers.add(laptop(), server_event())
            with pytest.raises(StorageNotEmpty):
                storage.restore(source.dump())
        assert storage.jobs.list(JobQuery()).total == 0
        assert storage.events.last() == 1

    def test_a_copy_that_breaks_off_leaves_nothing_behind(self, storage: Storage) -> None:
        """It can be tried again."""

        def broken(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
            for chunk in chunks:
                if chunk.kind is ChunkKind.EVENTS:
                    raise OSError("the other disk is gone")
                yield chunk

        with MemoryStorage() as source:
            _fill(source)
            with pytest.raises(OSError, match="disk"):
                storage.restore(broken(source.dump()))
            assert storage.jobs.list(JobQuery()).total == 0
            assert list(storage.servers.list()) == []
            assert storage.events.last() == 0
            storage.restore(source.dump())
            _check_alike(storage, source)

    def test_an_empty_storage_makes_an_empty_copy(self, storage: Storage) -> None:
        """Which can be used."""
        with MemoryStorage() as source:
            storage.restore(source.dump())
            _check_alike(storage, source)
        (job,) = add(storage, pending())
        assert claimed(storage).id == job.id

    def test_whoever_waits_hears_of_a_copy(self, storage: Storage) -> None:
        """There is work, all at once."""
        heard = storage.work.rings, storage.changes.rings
        with MemoryStorage() as source:
            add(source, pending())
            storage.restore(source.dump())
        assert storage.work.rings > heard[0]
        assert storage.changes.rings > heard[1]


def _fill(storage: Storage) -> None:
    """Something of everything."""
    for alias in ("Tower", "Laptop"):
        storage.servers.add(
            laptop(alias=alias, username="me", password="geh:eim", tags=("studio", "å")),
            server_event(),
        )
    add(storage, pending(), pending(1), pending(2))
    done = changed(storage, claimed(storage), completed)
    deleted(storage, changed(storage, storage.jobs.open_on("Laptop")[0], cancelled))
    changed(storage, claimed(storage), lambda job: given_back(job, not_before=LATER))
    storage.jobs.add([pending(3, id="keyed", target="auto", client_id="Ann", effort=2.5)], KEY)
    storage.jobs.add([pending(4, client_id="Ann"), pending(5, client_id="Bob")], fair=True)
    (front, whole, _) = add(
        storage,
        pending(6, id="front", target="Tower", params={"räv": [1, 2.0, None]}),
        pending(7, id="whole", parts=("part",), held=True),
        pending(8, id="part", part_of="whole"),
    )
    storage.jobs.move_to_front(front, event_of(EventKind.JOB_MOVED, front))
    changed(storage, whole, cancelled)
    storage.events.trim(before=done.updated_at, limit=2)
    *_, gone = save(storage, model(), model("räv/y.pt", details={"a": [1]}), model("z.pt"))
    storage.models.remove([gone.id])
    storage.models.keep_fingerprints(ROOT, {"": "as it was"})
    storage.identities.save([FULL])
    added(storage, elaborate(not_before=None))
    fetched(storage)
    added(storage, queued())
    storage.costs.save(Cost(server="Laptop", family="SDXL", pace=0.25, samples=4))
    storage.jobs.set_paused(True, queue_event())


def _check_alike(copy: Storage, original: Storage) -> None:
    assert _dumped(copy) == _dumped(original)
    for ask in (
        lambda kept: kept.jobs.list(JobQuery(limit=100)),
        lambda kept: kept.jobs.counts(),
        lambda kept: kept.jobs.processing(),
        lambda kept: in_line(kept, "Laptop", "Tower", "auto"),
        lambda kept: kept.jobs.next_due(["Laptop"]),
        lambda kept: kept.jobs.paused(),
        lambda kept: kept.models.list(ModelQuery()),
        lambda kept: kept.downloads.list(DownloadQuery()),
        lambda kept: kept.events.read(),
        lambda kept: kept.events.last(),
    ):
        assert ask(copy) == ask(original)


def _dumped(storage: Storage) -> Dump:
    """All values by kind; those that have no order in any."""
    chunks = list(storage.dump())
    values: dict[ChunkKind, list[object]] = {}
    for chunk in chunks:
        values.setdefault(chunk.kind, []).extend(chunk.values)
    for kind in (ChunkKind.KEYS, ChunkKind.FOLDERS, ChunkKind.IDENTITIES, ChunkKind.COSTS):
        values.get(kind, []).sort(key=repr)
    return list(values.items())
