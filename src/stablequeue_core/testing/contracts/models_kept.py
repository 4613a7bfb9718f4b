"""The promises about keeping models: one for each file, under an id that stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from stablequeue_core.errors import ModelNotFound
from stablequeue_core.models import ModelQuery
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.model_samples import FIELDS, FULL, NAMES
from stablequeue_core.testing.contracts.samples import ROOT, model, models_event, save


class KeepingModelsContract(StorageCase):
    """The promises of ``save``, ``get``, ``remove`` and ``record``, as tests."""

    @pytest.mark.parametrize("what", FIELDS)
    def test_a_model_comes_back_as_it_was(self, storage: Storage, what: str) -> None:
        """With an id now."""
        new = model(**FIELDS[what])
        (kept,) = save(storage, new)
        assert kept.id > 0
        assert kept == evolve(new, id=kept.id) == storage.models.get(kept.id)
        page = storage.models.list(ModelQuery(missing=True, limit=None))
        assert page.models == (kept,)

    @pytest.mark.parametrize("what", NAMES)
    def test_a_name_comes_back_as_it_was(self, storage: Storage, what: str) -> None:
        """Names of folders too, whatever people and systems call them."""
        (kept,) = save(storage, model(NAMES[what], root=f"/{NAMES[what]}"))
        found = storage.models.get(kept.id)
        assert (found.root, found.path) == (f"/{NAMES[what]}", NAMES[what])
        assert save(storage, evolve(found, id=0)) == [kept]
        assert storage.models.of_filename(found.filename) == [kept]
        assert storage.models.of_stem(found.stem) == [kept]
        assert storage.models.in_folder(found.root, found.folder) == [kept]
        assert storage.models.lose(found.root, [found.path]) == 1

    def test_names_that_look_alike_are_two_files(self, storage: Storage) -> None:
        """Where the system has both; so are those that differ by case."""
        names = [NAMES["composed"], NAMES["decomposed"], "Räv.safetensors"]
        kept = save(storage, *map(model, names))
        assert len({one.id for one in kept}) == 3
        assert {storage.models.get(one.id).path for one in kept} == set(names)

    def test_models_are_kept_in_the_order_of_the_call(self, storage: Storage) -> None:
        """Any number of them; none is well, too."""
        paths = [f"{number % 7}/{number}.safetensors" for number in range(2000)]
        kept = save(storage, *map(model, paths))
        assert [one.path for one in kept] == paths
        assert len({one.id for one in kept}) == 2000
        assert save(storage) == []
        again = save(storage, *(evolve(one, missing=True) for one in reversed(kept)))
        assert [one.id for one in again] == [one.id for one in reversed(kept)]

    def test_what_the_caller_does_with_his_dictionary_is_his_affair(self, storage: Storage) -> None:
        """What is kept stays as it was."""
        details: dict[str, str | int | float] = {"rank": 32}
        (kept,) = save(storage, model(details=details))
        details["rank"] = 64
        assert storage.models.get(kept.id).details == {"rank": 32}

    def test_a_changed_model_replaces_the_old_one(self, storage: Storage) -> None:
        """Whether it says its id or not."""
        (kept,) = save(storage, model(**FULL))
        larger = model(size=1, kind=kept.kind)
        assert save(storage, larger) == [evolve(larger, id=kept.id)]
        assert storage.models.get(kept.id) == evolve(larger, id=kept.id)
        assert save(storage, kept) == [kept]
        assert storage.models.get(kept.id) == kept
        assert storage.models.list(ModelQuery(missing=True)).total == 1

    @pytest.mark.parametrize(
        "place", [{"path": "y/z.safetensors"}, {"root": "/elsewhere"}, {"path": "X.safetensors"}]
    )
    def test_a_moved_model_keeps_its_id(self, storage: Storage, place: dict[str, Any]) -> None:
        """Its old place is free for another."""
        (kept,) = save(storage, model())
        moved = evolve(kept, **place)
        assert save(storage, moved) == [moved]
        assert storage.models.get(kept.id) == moved
        assert storage.models.in_folder(kept.root, kept.folder) in ([], [moved])
        (new,) = save(storage, model())
        assert new.id != kept.id

    def test_a_moved_model_takes_the_place_of_another(self, storage: Storage) -> None:
        """Which is gone: its file was written over."""
        one, two = save(storage, model("1.safetensors"), model("2.safetensors"))
        moved = evolve(one, path=two.path)
        assert save(storage, moved) == [moved]
        with pytest.raises(ModelNotFound):
            storage.models.get(two.id)
        assert storage.models.list(ModelQuery()).models == (moved,)

    def test_models_may_change_places(self, storage: Storage) -> None:
        """In one call, two with each other or all in a row: each keeps its id."""
        kept = save(storage, *(model(f"{number}.safetensors") for number in range(4)))
        for turn in (1, 2, -1):
            paths = [one.path for one in kept]
            moved = [
                evolve(one, path=path)
                for one, path in zip(kept, paths[turn:] + paths[:turn], strict=True)
            ]
            assert save(storage, *moved) == moved
            assert sorted(storage.models.list(ModelQuery()).models, key=lambda m: m.id) == moved
            kept = moved

    def test_a_model_that_was_forgotten_meanwhile_is_kept_like_a_new_one(
        self, storage: Storage
    ) -> None:
        """Else one that is slow to save would bring an id back, or find no place."""
        (old,) = save(storage, model())
        storage.models.remove([old.id])
        (again,) = save(storage, old)
        assert again == evolve(old, id=again.id) == storage.models.get(again.id)
        assert save(storage, evolve(old, missing=True)) == [evolve(again, missing=True)]

    def test_the_later_of_two_in_one_place_counts(self, storage: Storage) -> None:
        """And there is one only."""
        one, two = save(storage, model(size=1), model(size=2))
        assert one.id == two.id
        assert storage.models.list(ModelQuery()).models == (two,)

    def test_an_unknown_model_is_not_found(self, storage: Storage) -> None:
        """Whatever number it is asked by."""
        for model_id in (0, 1, -1, 2**63, 2**70):
            with pytest.raises(ModelNotFound):
                storage.models.get(model_id)

    def test_removed_models_are_gone(self, storage: Storage) -> None:
        """Ids that nobody has do no harm, and none is given again."""
        kept = save(storage, *(model(f"{number}.safetensors") for number in range(2000)))
        first, *others = kept
        storage.models.remove([one.id for one in others] + [0, 2**70, others[0].id])
        assert storage.models.list(ModelQuery()).models == (first,)
        (new,) = save(storage, model("1999.safetensors"))
        assert new.id > max(one.id for one in kept)
        storage.models.remove([])

    def test_one_call_rings_the_bell_once(self, storage: Storage) -> None:
        """However many models it keeps; one that changes nothing does not ring."""
        heard = storage.changes.rings
        kept = save(storage, *(model(f"{number}.safetensors") for number in range(50)))
        assert storage.changes.rings == heard + 1
        storage.models.lose(ROOT)
        storage.models.remove([one.id for one in kept])
        assert storage.changes.rings == heard + 3
        save(storage)
        storage.models.lose(ROOT)
        storage.models.remove([one.id for one in kept])
        assert storage.changes.rings == heard + 3

    def test_an_event_about_the_models_is_written(self, storage: Storage) -> None:
        """Into the log that tells of everything."""
        storage.models.record(models_event())
        (heard,) = storage.events.read()
        assert evolve(heard, sequence=None) == models_event()

    def test_threads_may_save_and_list_at_once(self, storage: Storage) -> None:
        """The same files, even: each is kept once, under one id."""
        files = [model(f"{number}.safetensors") for number in range(40)]

        def save_and_list(turn: int) -> list[int]:
            kept = save(storage, *files[turn:], *files[:turn])
            page = storage.models.list(ModelQuery(limit=None))
            assert page.total == len(page.models) == len(files)
            return sorted(one.id for one in kept)

        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(save_and_list, range(16)))
        assert all(each == ids[0] for each in ids)
        assert len(set(ids[0])) == len(files)

    def test_what_another_process_has_saved_is_seen(self, storage: Storage, tmp_path: Path) -> None:
        """Under the same id."""
        if not self.shared_by_processes:
            pytest.skip("this storage belongs to one process")
        with self.opener(tmp_path)() as other:
            (kept,) = save(other, model())
            assert storage.models.get(kept.id) == kept
            assert save(storage, model()) == [kept]
            moved = evolve(kept, path="y.safetensors")
            save(storage, moved)
            assert other.models.list(ModelQuery()).models == (moved,)
