"""Whether a server has a checkpoint: the values behind the answer of the debugging route."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from tests.models.strategies import any_text, relative_paths

from stablequeue_core.errors import StableQueueError
from stablequeue_core.models import CheckpointNames, KnownFile, PathStyle, normalized
from stablequeue_core.models.naming.verification import Verification, verify
from stablequeue_core.servers import Inventory, ListedCheckpoint

TITLE = r"Pony\cyberrealisticPony_v8.safetensors [9f90c59f3a]"
TITLES = (TITLE, r"a\x.safetensors", r"b\x.safetensors")
WINDOWS = Inventory(
    checkpoints=tuple(
        ListedCheckpoint(
            title=title,
            model_name=title.partition(".")[0].replace("\\", "_"),
            shorthash="9f90c59f3a" if title == TITLE else None,
        )
        for title in TITLES
    ),
    separator="\\",
)


def test_a_checkpoint_that_is_there_is_shown_in_the_servers_words() -> None:
    assert verify("Pony/cyberrealisticPony_v8.safetensors", "Laptop", WINDOWS) == Verification(
        original_path="Pony/cyberrealisticPony_v8.safetensors",
        normalized_path=r"Pony\cyberrealisticPony_v8.safetensors",
        matched_model=TITLE,
        reason="same path",
        candidates=(TITLE,),
        available_models=TITLES,
    )


def test_two_that_fit_are_listed_and_none_is_matched() -> None:
    found = verify("./x.safetensors", "Laptop", WINDOWS)
    assert (found.success, found.matched_model) == (False, None)
    assert found.candidates == TITLES[1:]
    assert found.normalized_path == "x.safetensors"
    assert found.reason.startswith("Checkpoint './x.safetensors' fits 2 files on server 'Laptop'")


def test_what_is_not_there_gets_titles_that_are_like_it() -> None:
    found = verify(" /Pony//cyberrealisticPony_v7.safetensors", "Laptop", WINDOWS)
    assert not found.success
    assert found.candidates[0] == TITLE
    assert found.normalized_path == r"Pony\cyberrealisticPony_v7.safetensors"
    assert "has no checkpoint" in found.reason


def test_a_server_without_checkpoints_says_so() -> None:
    found = verify("x", "Laptop", Inventory())
    assert (found.success, found.candidates, found.available_models) == (False, (), ())
    assert found.reason.endswith("It has no checkpoint at all.")


def test_what_the_catalogue_knows_counts() -> None:
    class Catalogue:
        def of_hash(self, digest: str) -> Sequence[KnownFile]:
            return ()

        def of_version(self, version_id: int) -> Sequence[KnownFile]:
            return [KnownFile("b/x.safetensors", "0" * 64)] if version_id == 5 else []

    found = verify("civitai:1@5", "Laptop", WINDOWS, Catalogue())
    assert found.matched_model == r"b\x.safetensors"
    assert found.reason == "Civitai version 5 is b/x.safetensors here: same path"


@pytest.mark.parametrize("separator", ["/", "\\"])
@given(wanted=any_text | relative_paths)
def test_it_says_what_resolving_the_name_would_do(separator: str, wanted: str) -> None:
    listed = tuple(
        ListedCheckpoint(title=f"a{separator}{stem}.ckpt", model_name=f"a_{stem}")
        for stem in ("x", "É", "y")
    )
    found = verify(wanted, "Laptop", Inventory(checkpoints=listed, separator=separator))
    refusal, resolution = None, None
    try:
        resolution = CheckpointNames("Laptop", listed).resolve(wanted)
    except StableQueueError as error:
        refusal = error.message
    if resolution is None:
        assert (found.matched_model, found.reason) == (None, refusal)
        assert found.normalized_path == normalized(wanted, PathStyle.of(separator))
        assert set(found.candidates) <= set(found.available_models)
    else:
        assert found.matched_model == resolution.checkpoint.title
        assert found.normalized_path == resolution.checkpoint.name
