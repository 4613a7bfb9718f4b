"""Forge renders an unknown checkpoint with whatever is loaded: names must be right, and proved."""

from __future__ import annotations

import pytest
from tests.backends.forge.desk import PONY, SDXL, Desk, answering, editing_info, overrides

from stablequeue_core.errors import AmbiguousName, NotOnServer, WrongResult
from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    Fault,
    ForgeDisk,
    SimulatedForge,
)

TITLE = f"{PONY} [9f90c59f3a]"


def test_a_title_with_its_hash_is_understood_before_the_server_has_hashed_the_file(
    desk: Desk,
) -> None:
    """The server itself does not know that title yet, and would silently take another model."""
    generation = desk.run(checkpoint_name=TITLE)

    assert desk.painted_with == PONY
    assert desk.sent["override_settings"]["sd_model_checkpoint"] == PONY
    assert generation.proof["checkpoint"]["got"] == "cyberrealisticPony_v8 [9f90c59f3a]"


def test_both_titles_are_understood_after_the_first_load(desk: Desk) -> None:
    desk.run(checkpoint_name=PONY)
    desk.run(checkpoint_name=SDXL)

    desk.run(checkpoint_name=TITLE)
    assert desk.painted_with == PONY
    desk.run(checkpoint_name=SDXL)
    desk.run(checkpoint_name=PONY)
    assert desk.painted_with == PONY


@pytest.mark.parametrize("separator", ["/", "\\"])
@pytest.mark.parametrize(
    "wanted", [PONY, PONY.replace("/", "\\"), PONY.removesuffix(".safetensors")]
)
def test_either_separator_names_the_file_on_either_system(separator: str, wanted: str) -> None:
    """A Windows server lists backslashes and knows nothing else; a POSIX one the reverse."""
    desk = Desk(SimulatedForge.with_sample_models(separator=separator))

    desk.run(checkpoint_name=wanted)

    assert desk.painted_with == PONY.replace("/", separator)
    assert desk.sent["override_settings"]["sd_model_checkpoint"] == desk.painted_with


@pytest.mark.parametrize(
    "wanted",
    [
        "cyberrealisticPony_v8",
        "cyberrealisticPony_v8.safetensors",
        "Pony_cyberrealisticPony_v8",
        "pony/CYBERREALISTICPONY_v8.safetensors",
        "/home/user/forge/models/Stable-diffusion/Pony/cyberrealisticPony_v8.safetensors",
        r"D:\sd\models\Stable-diffusion\Pony\cyberrealisticPony_v8.safetensors",
    ],
)
def test_every_spelling_that_fits_one_file_only_is_understood(desk: Desk, wanted: str) -> None:
    generation = desk.run(checkpoint_name=wanted)

    assert desk.painted_with == PONY
    assert generation.proof["checkpoint"]["asked"] == TITLE


def test_a_hash_names_a_file_that_the_server_has_hashed(desk: Desk) -> None:
    with pytest.raises(NotOnServer):
        desk.run(checkpoint_name="9f90c59f3a")
    desk.run(checkpoint_name=PONY)
    desk.run(checkpoint_name=SDXL)

    desk.run(checkpoint_name="9F90C59F3A")

    assert desk.painted_with == PONY


def test_the_checkpoint_may_stand_in_the_override_settings(desk: Desk) -> None:
    desk.run(**overrides(sd_model_checkpoint=PONY.replace("/", "\\")))
    assert desk.painted_with == PONY


def test_an_unknown_checkpoint_is_refused_unsent_with_the_nearest_first(desk: Desk) -> None:
    with pytest.raises(NotOnServer) as caught:
        desk.run(checkpoint_name="Pony/cyberrealisticPony_v7.safetensors")

    error = caught.value
    assert error.code == "unknown_checkpoint"
    assert error.details["available"][0] == PONY
    assert len(error.details["available"]) == 4
    assert PONY in error.message
    assert desk.jobs_sent == 0


def test_a_right_name_with_a_wrong_hash_is_refused_unsent(desk: Desk) -> None:
    desk.run(checkpoint_name=PONY)

    with pytest.raises(NotOnServer):
        desk.run(checkpoint_name=f"{PONY} [aaaaaaaaaa]")

    assert desk.jobs_sent == 1


def test_a_wrong_hash_of_a_file_that_was_never_hashed_is_found_out_by_the_first_load(
    desk: Desk,
) -> None:
    with pytest.raises(WrongResult) as caught:
        desk.run(checkpoint_name=f"{PONY} [aaaaaaaaaa]")
    assert caught.value.code == "wrong_model"


def test_a_stem_that_two_folders_share_is_refused_unsent() -> None:
    """The server would take whichever it registered last."""
    disk = ForgeDisk([CheckpointFile(path="a/x.safetensors"), CheckpointFile(path="x.safetensors")])
    desk = Desk(SimulatedForge(disk))

    with pytest.raises(AmbiguousName) as caught:
        desk.run(checkpoint_name="x")

    assert caught.value.details["candidates"] == ["a/x.safetensors", "x.safetensors"]
    assert desk.jobs_sent == 0
    desk.run(checkpoint_name="x.safetensors")
    assert desk.painted_with == "x.safetensors"


def test_a_model_name_that_two_files_share_is_refused_unsent() -> None:
    disk = ForgeDisk(
        [CheckpointFile(path="a/b.safetensors"), CheckpointFile(path="a_b.safetensors")]
    )
    desk = Desk(SimulatedForge(disk))

    with pytest.raises(AmbiguousName):
        desk.run(checkpoint_name="a_b")

    assert desk.jobs_sent == 0


def test_without_hashing_the_name_is_the_proof() -> None:
    desk = Desk(SimulatedForge.with_sample_models(no_hashing=True))

    generation = desk.run(checkpoint_name=PONY)

    assert generation.proof["checkpoint"] == {"asked": PONY, "got": "cyberrealisticPony_v8"}


def test_a_picture_of_another_model_is_never_passed_on(desk: Desk) -> None:
    desk.run(checkpoint_name=SDXL)
    desk.forge.faults.next("txt2img", Fault.WRONG_MODEL)

    with pytest.raises(WrongResult) as caught:
        desk.run(checkpoint_name=PONY)

    assert caught.value.code == "wrong_model"
    assert caught.value.details["got"].startswith("sd_xl_base_1.0")


def test_a_list_that_lies_is_found_out_by_the_picture() -> None:
    """The file is listed, but gone from the server's table: it renders with what is loaded."""
    listed = [{"title": "ghost.safetensors", "model_name": "ghost", "hash": None, "sha256": None}]
    desk = Desk(transport=answering("/sd-models", listed))

    with pytest.raises(WrongResult, match=r"instead of ghost\.safetensors"):
        desk.run(checkpoint_name="ghost")


def test_a_namesake_in_another_folder_is_found_out_by_its_hash() -> None:
    disk = ForgeDisk(
        [CheckpointFile(path="a/x.safetensors"), CheckpointFile(path="b/x.safetensors")]
    )
    other = CheckpointFile(path="b/x.safetensors").sha256[:10]
    desk = Desk(SimulatedForge(disk), transport=editing_info(sd_model_hash=other))

    with pytest.raises(WrongResult) as caught:
        desk.run(checkpoint_name="a/x.safetensors")

    assert caught.value.code == "wrong_model"


def test_a_job_without_a_checkpoint_tells_which_one_it_got(desk: Desk) -> None:
    proof = desk.run().proof["checkpoint"]
    assert proof["asked"] is None
    assert proof["got"].startswith("sd_xl_base_1.0 [")


def test_a_refiner_is_resolved_like_a_checkpoint(desk: Desk) -> None:
    """The server searches refiners by a part of the title: a near miss would be taken silently."""
    prepared = desk.prepare(refiner_model="Pony_ponyDiffusionV6XL", refiner_switch_at=0.6)

    assert prepared.payload["refiner_checkpoint"] == "Pony/ponyDiffusionV6XL.safetensors"
    assert prepared.payload["refiner_switch_at"] == 0.6
    with pytest.raises(NotOnServer):
        desk.prepare(refiner_model="ponyDiffusion")


def test_a_file_that_is_new_on_the_disk_is_found_after_a_refresh(desk: Desk) -> None:
    desk.forge.disk.add(CheckpointFile(path="new.safetensors"))
    with pytest.raises(NotOnServer):
        desk.run(checkpoint_name="new")

    desk.backend.refresh()

    desk.run(checkpoint_name="new")
    assert desk.painted_with == "new.safetensors"
