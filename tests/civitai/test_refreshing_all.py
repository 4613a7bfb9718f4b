"""All models at once: hundreds with each request, none of which stops the others."""

from __future__ import annotations

import pytest
from tests.civitai.library import (
    Library,
    a_file,
    a_picture,
    at_civitai,
    lora,
    sha256_of,
)

from stablequeue_core.civitai.library.refreshing import RefreshReport
from stablequeue_core.errors import CivitaiUnavailable
from stablequeue_core.testing.civitai_simulator import (
    Fault,
    SimulatedModel,
    SimulatedVersion,
)

DAY = 86400.0
IDS = "POST /model-versions/by-hash/ids"
VERSIONS = "POST /model-versions/by-hash"
MODELS = "GET /models"


def shelf(library: Library, count: int) -> None:
    """So many LoRAs that Civitai knows, each of a model of its own."""
    for number in range(1, count + 1):
        name = f"lora_{number:03}.safetensors"
        library.put(name)
        library.civitai.world.add(at_civitai(number, a_file(name, id=number)))
    library.queue.models.scan(hashes=True)


def version_ids(library: Library) -> list[int | None]:
    return [model.card.version_id for model in library.models]


def test_many_models_take_three_requests_for_each_hundred(library: Library) -> None:
    shelf(library, 103)
    report = library.refresher.refresh_all(library.models)
    assert report == RefreshReport(refreshed=103)
    assert version_ids(library) == list(range(1, 104))
    assert sorted(library.asked) == sorted([IDS, *([VERSIONS, MODELS] * 2)])


def test_the_catalogue_has_all_of_them_without_a_scan(library: Library) -> None:
    shelf(library, 3)
    scans = sum(event.kind == "models.scan_started" for event in library.queue.events())
    library.refresher.refresh_all(library.models)
    assert all("civitai_api" in model.card.sources for model in library.models)
    assert scans == sum(event.kind == "models.scan_started" for event in library.queue.events())
    assert library.queue.models.scan().changed == 0


def test_what_was_refreshed_within_a_day_is_left_out_unless_it_is_wanted_again(
    library: Library,
) -> None:
    shelf(library, 3)
    library.refresher.refresh_all(library.models)
    assert library.refresher.refresh_all(library.models) == RefreshReport(skipped=3)
    assert library.refresher.refresh_all(library.models, again=True).refreshed == 3
    library.clock.advance(DAY)
    assert library.refresher.refresh_all(library.models).refreshed == 3


def test_a_run_that_was_interrupted_goes_on_where_it_was(library: Library) -> None:
    shelf(library, 10)
    told: list[int] = []
    first = library.refresher.refresh_all(
        library.models,
        tell=lambda done, total, current: told.append(done),
        stopping=lambda: bool(told) and told[-1] >= 4,
    )
    assert 4 <= first.refreshed < 10
    assert first.left == 10 - first.refreshed
    second = library.refresher.refresh_all(library.models)
    assert (second.skipped, second.refreshed) == (first.refreshed, first.left)
    assert version_ids(library) == list(range(1, 11))


def test_a_run_that_is_broken_off_by_its_user_goes_on_where_it_was(library: Library) -> None:
    shelf(library, 10)

    def tell(done: int, total: int, current: str | None) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.refresher.refresh_all(library.models, tell=tell)
    report = library.refresher.refresh_all(library.models)
    assert report.skipped >= 4
    assert report.skipped + report.refreshed == 10


def test_it_tells_how_far_it_is(library: Library) -> None:
    shelf(library, 3)
    told: list[tuple[int, int, str | None]] = []
    library.refresher.refresh_all(library.models, tell=lambda *each: told.append(each))
    assert told[0] == (0, 3, None)
    assert [done for done, _, _ in told] == [0, 1, 2, 3]
    assert {current for _, _, current in told[1:]} == {model.filename for model in library.models}


def test_what_becomes_of_each_is_counted(library: Library) -> None:
    shelf(library, 2)
    library.put("unknown.safetensors")
    library.put("locked.safetensors")
    library.civitai.world.add(at_civitai(9, a_file("locked.safetensors")))
    library.write("locked.civitai.info", b"[]")
    gone = library.put("gone.safetensors")
    library.queue.models.scan(hashes=True)
    library.put("new.safetensors")
    library.queue.models.scan()
    gone.unlink()
    library.queue.models.scan()
    models = [
        each if each.filename != "new.safetensors" else library.without_hash(each)
        for each in library.models
    ]
    report = library.refresher.refresh_all(models)
    assert (report.refreshed, report.unknown, report.unhashed, report.failed) == (2, 1, 1, 1)
    (problem,) = report.problems
    assert (problem.model, problem.code) == ("locked.safetensors", "sidecar_not_written")
    assert "locked.civitai.info" in problem.message


def test_one_models_failure_never_stops_the_rest(library: Library) -> None:
    shelf(library, 5)
    (library.folder / "lora_003.civitai.info").mkdir()
    changed = library.models
    (library.folder / "lora_004.safetensors").write_bytes(lora("replaced"))
    report = library.refresher.refresh_all(changed)
    assert (report.refreshed, report.failed) == (3, 2)
    assert {each.code for each in report.problems} == {"sidecar_not_written", "file_changed"}


def test_pictures_that_cannot_be_had_are_told_and_the_model_counts_as_refreshed(
    library: Library,
) -> None:
    library.put("a.safetensors")
    library.civitai.world.add(at_civitai(1, a_file("a.safetensors"), pictures=[a_picture(1)]))
    library.queue.models.scan(hashes=True)
    library.civitai.faults.next("cdn", Fault.LOGIN_PAGE)
    report = library.refresher.refresh_all(library.models)
    assert report.refreshed == 1
    assert [(each.model, each.code) for each in report.problems] == [
        ("a.safetensors", "incomplete")
    ]


def test_copies_of_one_file_are_each_written_and_each_by_its_own_name(library: Library) -> None:
    file = lora("shared")
    library.put("first.safetensors", file)
    library.put("deep/second.safetensors", file)
    library.civitai.world.add(
        at_civitai(5, a_file("first.safetensors", file)),
        at_civitai(6, a_file("second.safetensors", file)),
    )
    library.queue.models.scan(hashes=True)
    assert library.refresher.refresh_all(library.models).refreshed == 2
    assert {model.filename: model.card.version_id for model in library.models} == {
        "first.safetensors": 5,
        "second.safetensors": 6,
    }


def test_a_copy_that_appeared_since_is_written_though_the_other_was_lately(
    library: Library,
) -> None:
    shelf(library, 1)
    library.refresher.refresh_all(library.models)
    library.put("copy.safetensors", lora("lora_001.safetensors"))
    library.queue.models.scan(hashes=True)
    report = library.refresher.refresh_all(library.models)
    assert (report.refreshed, report.skipped) == (1, 1)


def test_a_model_that_the_list_leaves_out_is_asked_for_by_itself(library: Library) -> None:
    shelf(library, 2)
    library.civitai.faults.next("/api/v1/models", Fault.GARBAGE)
    report = library.refresher.refresh_all(library.models)
    assert report.refreshed == 2
    assert [model.card.creator for model in library.models] == ["harbor_tester"] * 2


def test_where_the_bulk_route_fails_versions_are_asked_for_one_by_one(library: Library) -> None:
    shelf(library, 3)
    library.civitai.faults.next("/api/v1/model-versions/by-hash", Fault.LOGIN_PAGE, skip=1)
    report = library.refresher.refresh_all(library.models)
    assert report.refreshed == 3
    assert sum(each.startswith("GET /model-versions/") for each in library.asked) == 3


def test_versions_of_one_model_are_asked_for_with_it_once(library: Library) -> None:
    versions = []
    for number in (1, 2, 3):
        name = f"v{number}.safetensors"
        library.put(name)
        versions.append(SimulatedVersion(id=number, files=[a_file(name, id=number)]))
    model = SimulatedModel(id=77, name="Ink", type="LORA", versions=versions)
    library.civitai.world.add(model)
    library.queue.models.scan(hashes=True)
    assert library.refresher.refresh_all(library.models).refreshed == 3
    assert library.asked.count(MODELS) == 1


def test_when_civitai_is_down_what_was_done_so_far_stays(library: Library) -> None:
    shelf(library, 101)
    library.civitai.faults.next(
        "/api/v1/model-versions/by-hash", Fault.EDGE_ERROR, skip=2, times=None
    )
    with pytest.raises(CivitaiUnavailable):
        library.refresher.refresh_all(library.models)
    assert version_ids(library)[:100] == list(range(1, 101))
    library.civitai.faults.clear()
    report = library.refresher.refresh_all(library.models)
    assert (report.skipped, report.refreshed) == (100, 1)


def test_a_retagged_file_is_found_in_a_run_too_and_asked_for_only_once(library: Library) -> None:
    library.put("ink.safetensors", lora("ink.safetensors", header="edited"))
    library.put("mine.safetensors")
    library.civitai.world.add(at_civitai(5, a_file("ink.safetensors")))
    library.queue.models.scan(hashes=True)
    report = library.refresher.refresh_all(library.models)
    assert (report.refreshed, report.unknown) == (1, 1)
    asked = len(library.asked)
    assert library.refresher.refresh_all(library.models).unknown == 1
    assert len(library.asked) == asked


def test_a_file_that_is_only_known_by_its_id_is_refreshed_by_that(library: Library) -> None:
    library.put("ink.safetensors")
    library.write("ink.civitai.json", {"modelVersionId": 5})
    library.civitai.world.add(
        at_civitai(5, a_file("ink.safetensors", told_hashes={"SHA256": "AB" * 32}))
    )
    library.queue.models.scan(hashes=True)
    assert library.refresher.refresh_all(library.models).refreshed == 1
    assert library.refresher.refresh_all(library.models).skipped == 1
    (model,) = library.models
    assert (model.card.version_id, model.card.base_model_confirmed) == (5, False)


def test_a_folder_that_became_a_link_to_elsewhere_is_not_written_into(library: Library) -> None:
    library.put("deep/ink.safetensors")
    library.civitai.world.add(at_civitai(5, a_file("deep/ink.safetensors")))
    library.queue.models.scan(hashes=True)
    models = library.models
    outside = library.folder.parent / "outside"
    (library.folder / "deep").rename(outside)
    try:
        (library.folder / "deep").symlink_to(outside, target_is_directory=True)
    except OSError:
        pytest.skip("links need a privilege here")
    assert library.refresher.refresh_all(models).failed == 1
    assert sorted(each.name for each in outside.iterdir()) == ["ink.safetensors"]


def test_nothing_at_all_is_no_trouble(library: Library) -> None:
    assert library.refresher.refresh_all([]) == RefreshReport()
    assert library.asked == []


def test_an_empty_file_is_unknown_and_not_asked_for(library: Library) -> None:
    library.put("empty.safetensors", b"")
    library.queue.models.scan(hashes=True)
    assert library.models[0].hashes.sha256 == sha256_of(b"")
    assert library.refresher.refresh_all(library.models).unknown == 1
    assert library.asked == []
