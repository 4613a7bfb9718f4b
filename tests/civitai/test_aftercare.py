"""A file is in its place: it is described, catalogued and shown to the servers, come what may."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.civitai.library import painted
from tests.civitai.shops import Shop, a_file, model_of

from stablequeue_core.civitai.library.refreshing import Refresher
from stablequeue_core.civitai.orders.aftercare import Aftercare
from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.errors import QueueClosed, StorageError, TransferAborted
from stablequeue_core.models import Hashes, Model
from stablequeue_core.models.files.hashing import FileHasher
from stablequeue_core.testing.civitai_simulator import Fault, SimulatedPicture


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


class Village:
    """Aftercare of one file that was just fetched, any step of which may fail.

    Attributes:
        download: whose file is in its place.
        told: the models that servers were told of.
    """

    def __init__(self, shop: Shop, tmp_path: Path) -> None:
        self.shop = shop
        self.told: list[Model] = []
        self.servers: Mapping[str, bool] = {"Laptop": True}
        self.telling: Callable[[], object] = lambda: None
        self.taking_in: Callable[[], object] = lambda: None
        shop.queue.models.scan()
        self.download = shop.queue.downloads.get(shop.order(700303).id)
        self.download.file.write_bytes(shop.content(900303))
        refresher = Refresher(
            shop.client,
            shop.queue.models,
            shop.storage.identities,
            shop.queue.settings,
            locks=tmp_path / "data" / "locks",
            clock=shop.clock,
        )
        self.aftercare = Aftercare(refresher, self._take_in, self._tell)

    def cared_for(self) -> tuple[tuple[str, ...], Mapping[str, bool]]:
        return self.aftercare(self.download)

    @property
    def files(self) -> list[str]:
        return sorted(each.name for each in self.shop.folders["lora"].iterdir())

    def _take_in(self, root: str, path: str, hashes: Hashes) -> Model | None:
        self.taking_in()
        return self.shop.queue.models.take_in(root, path, hashes)

    def _tell(self, model: Model) -> Mapping[str, bool]:
        self.telling()
        self.told.append(model)
        return self.servers


@pytest.fixture
def village(shop: Shop, tmp_path: Path) -> Village:
    return Village(shop, tmp_path)


def failing(error: Exception) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


ALL_FILES = [
    "inkWash_v3.civitai.info",
    "inkWash_v3.jpg",
    "inkWash_v3.json",
    "inkWash_v3.safetensors",
]


def test_all_goes_well(village: Village) -> None:
    assert village.cared_for() == ((), {"Laptop": True})
    assert village.files == ALL_FILES
    (told,) = village.told
    known = village.shop.queue.models.get("inkWash_v3")
    assert told == known
    assert known.card.name == "Ink Wash Style"
    assert known.card.trigger_words == ("inkwash style", "sumi-e")
    assert known.card.version_id == 700303


@pytest.mark.parametrize("fault", [Fault.EDGE_ERROR, Fault.LOGIN_PAGE, Fault.TRUNCATED])
def test_pictures_that_cannot_be_had_are_a_note(village: Village, fault: Fault) -> None:
    village.shop.civitai.faults.next("cdn", fault, times=None)
    notes, servers = village.cared_for()
    assert notes
    assert all(note.startswith("A picture") and note.endswith(".") for note in notes)
    assert servers == {"Laptop": True}
    assert village.files == ["inkWash_v3.civitai.info", "inkWash_v3.json", "inkWash_v3.safetensors"]


def test_a_description_that_cannot_be_written_keeps_nothing_else_back(village: Village) -> None:
    (village.shop.folders["lora"] / "inkWash_v3.civitai.info").mkdir()
    (note,), servers = village.cared_for()
    assert note.startswith("Its description could not be written: ")
    assert servers == {"Laptop": True}
    assert village.shop.queue.models.get("inkWash_v3").hashes.sha256


def test_a_catalogue_that_fails_keeps_nothing_else_back(village: Village) -> None:
    village.taking_in = failing(StorageError("The disk is full."))
    (note,), servers = village.cared_for()
    assert note == "It could not be put into the catalogue: The disk is full."
    assert servers == {"Laptop": True}
    (told,) = village.told
    assert (told.path, told.hashes) == ("inkWash_v3.safetensors", village.download.hashes)
    assert village.files == ALL_FILES


def test_servers_that_cannot_be_told_keep_nothing_else_back(village: Village) -> None:
    village.telling = failing(StorageError("The disk is full."))
    (note,), servers = village.cared_for()
    assert note == "The servers could not be told of it: The disk is full."
    assert servers == {}
    assert village.files == ALL_FILES


def test_a_defect_of_ours_is_a_note_and_is_logged(
    village: Village, caplog: pytest.LogCaptureFixture
) -> None:
    village.taking_in = failing(ZeroDivisionError("at /home/me/secret"))
    with caplog.at_level(logging.ERROR):
        (note,), servers = village.cared_for()
    assert note == (
        "It could not be put into the catalogue: StableQueue itself failed (ZeroDivisionError)."
    )
    assert servers == {"Laptop": True}
    assert "ZeroDivisionError" in caplog.text


def test_a_file_that_has_vanished_meanwhile_is_told_in_notes(village: Village) -> None:
    village.download.file.unlink()
    notes, servers = village.cared_for()
    assert servers == {}
    assert notes[-1] == "The servers could not be told of it: No such file or directory."
    assert not any(str(village.shop.folders["lora"]) in note for note in notes)


@pytest.mark.parametrize("closing", [TransferAborted(), QueueClosed()])
def test_what_is_broken_off_because_we_close_is_no_note(
    village: Village, closing: Exception
) -> None:
    """Else it would never be made up for."""
    village.taking_in = failing(closing)
    with pytest.raises(type(closing)):
        village.cared_for()


# Through the public face


def test_a_download_ends_as_a_model_like_any_other(shop: Shop) -> None:
    shop.queue.models.scan()
    done = shop.fetched(700303)
    assert (done.status, done.notes) == (DownloadStatus.COMPLETED, ())
    model = shop.queue.models.get("inkWash_v3", kind="lora")
    assert model.hashes.sha256 == done.hashes.sha256
    assert model.hashes.autov3 == done.hashes.autov3
    assert model.previews == ("inkWash_v3.jpg",)
    assert model.base_model.label
    assert done.servers == {}


def test_it_is_not_read_a_second_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hash was computed while it came; gigabytes must not be read once more for it."""
    read: list[object] = []
    run = FileHasher.run

    def noting(self: FileHasher, *said: object, **more: object) -> object:
        read.append(self)
        return run(self, *said, **more)  # type: ignore[arg-type]

    shop.queue.models.scan(hashes=True)
    monkeypatch.setattr(FileHasher, "run", noting)
    done = shop.fetched(700303)
    shop.queue.models.scan(hashes=True)
    shop.queue.civitai.refresh("inkWash_v3", kind="lora")
    assert done.status is DownloadStatus.COMPLETED
    assert read == []


def test_it_takes_back_the_place_of_the_file_that_was_lost(shop: Shop) -> None:
    before = shop.put("lora", "old/ink.safetensors", shop.content(900303))
    shop.lose(before)
    shop.fetched(700303)
    after = shop.queue.models.get("inkWash_v3", kind="lora")
    assert (after.id, after.path, after.missing) == (before.id, "inkWash_v3.safetensors", False)


def test_a_folder_below_the_model_folder_is_looked_into_too(shop: Shop) -> None:
    shop.queue.models.scan()
    done = shop.fetched(700303, subfolder="styles/ink", filename="mine")
    assert done.notes == ()
    assert shop.queue.models.get("mine").path == "styles/ink/mine.safetensors"
    assert (done.file.parent / "mine.jpg").is_file()


def test_a_picture_that_is_a_page_for_people_harms_nothing(shop: Shop) -> None:
    pictures = [SimulatedPicture(id=number, content=painted("teal")) for number in (51, 52)]
    shop.civitai.world.add(model_of(70, a_file(71, "fox.safetensors"), pictures=pictures))
    shop.civitai.faults.next("cdn", Fault.LOGIN_PAGE)
    done = shop.fetched(70)
    assert done.status is DownloadStatus.COMPLETED
    assert len(done.notes) == 1
    assert shop.queue.models.get("fox").previews == ("fox.jpg",)


def test_a_file_without_a_hash_at_civitai_is_described_by_its_own(shop: Shop) -> None:
    shop.civitai.world.add(model_of(70, a_file(71, "fox.safetensors", told_hashes={})))
    done: Download = shop.fetched(70)
    assert done.hashes.sha256 is not None
    assert shop.queue.models.get("fox").hashes.sha256 == done.hashes.sha256
    assert shop.queue.models.get("fox").card.version_id == 70
