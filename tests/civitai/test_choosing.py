"""Which version, which of its files, and what it is for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stablequeue_core.civitai.choosing import (
    chosen_file,
    chosen_version,
    file_with_digest,
    file_with_id,
    has_hash,
    kind_of,
)
from stablequeue_core.civitai.links import parse_link
from stablequeue_core.civitai.records import CivitaiFile, CivitaiModel, CivitaiVersion
from stablequeue_core.models import Hashes, ModelKind

NOW = datetime(2026, 8, 1, tzinfo=UTC)
SHA256 = "9f90c59f3a" + "0" * 54


def a_file(file_id: int, **more: Any) -> CivitaiFile:
    return CivitaiFile(id=file_id, name=f"{file_id}.safetensors", **more)


def a_version(*files: CivitaiFile, version_id: int = 70, **more: Any) -> CivitaiVersion:
    return CivitaiVersion(id=version_id, files=files, **{"model_type": "Checkpoint"} | more)


def chosen(*files: CivitaiFile, kind: ModelKind | None = None, **choice: str) -> int | None:
    file = chosen_file(a_version(*files), kind, choice)
    return None if file is None else file.id


@pytest.mark.parametrize("other", ["Config", "Archive", "Workflow", "Training Data"])
def test_a_primary_file_that_is_no_model_never_wins(other: str) -> None:
    assert chosen(a_file(1, type=other, is_primary=True), a_file(2)) == 2
    assert chosen(a_file(1, type=other, is_primary=True)) is None


def test_the_primary_file_wins_over_better_ones() -> None:
    better = a_file(1, format="SafeTensor", is_pruned=True, precision="fp16")
    assert chosen(better, a_file(2, is_primary=True)) == 2


def test_without_a_primary_one_civitais_own_order_decides() -> None:
    """As old answers come."""
    pickle = a_file(1, format="PickleTensor", is_pruned=True, precision="fp16")
    full = a_file(2, format="SafeTensor")
    pruned = a_file(3, format="SafeTensor", is_pruned=True)
    half = a_file(4, format="SafeTensor", is_pruned=True, precision="fp16")
    assert chosen(pickle, full) == 2
    assert chosen(pickle, full, pruned) == 3
    assert chosen(pickle, full, pruned, half) == 4
    assert chosen(a_file(5), a_file(6)) == 5  # the first of equals


def test_a_vae_beside_the_model_is_had_by_its_kind_only() -> None:
    model, vae = a_file(1), a_file(2, type="VAE", is_primary=True)
    assert chosen(model, vae) == 1
    assert chosen(model, vae, kind=ModelKind.CHECKPOINT) == 1
    assert chosen(model, vae, kind=ModelKind.VAE) == 2


def test_the_users_word_counts_where_civitai_knows_no_such_file() -> None:
    version = a_version(a_file(1), a_file(2, type="VAE"), model_type="Other")
    file = chosen_file(version, ModelKind.LORA)
    assert file is not None
    assert file.id == 1


def test_a_version_without_files_has_none() -> None:
    assert chosen() is None


def test_the_address_of_a_download_chooses() -> None:
    link = parse_link("https://civitai.com/api/download/models/70?type=VAE&format=SafeTensor")
    files = (
        a_file(1, format="SafeTensor"),
        a_file(2, type="VAE", format="PickleTensor"),
        a_file(3, type="VAE", format="SafeTensor"),
    )
    assert chosen_file(a_version(*files), None, dict(link.choice)) is files[2]
    assert chosen_file(a_version(*files[:2]), None, dict(link.choice)) is None


@pytest.mark.parametrize(("choice", "file_id"), [("full", 1), ("pruned", 2)])
def test_it_may_choose_by_size_and_precision(choice: str, file_id: int) -> None:
    files = (a_file(1, precision="fp32"), a_file(2, is_pruned=True, precision="fp32"))
    assert chosen(*files, size=choice, fp="fp32") == file_id
    assert chosen(*files, size=choice, fp="fp16") is None


@pytest.mark.parametrize(
    ("model_type", "file_type", "kind"),
    [
        ("Checkpoint", "Model", ModelKind.CHECKPOINT),
        ("Checkpoint", "Pruned Model", ModelKind.CHECKPOINT),
        ("Checkpoint", "VAE", ModelKind.VAE),
        ("Checkpoint", "Text Encoder", ModelKind.VAE),
        ("Checkpoint", "Config", None),
        ("LORA", "Model", ModelKind.LORA),
        ("LoCon", "Model", ModelKind.LORA),
        ("DoRA", "Model", ModelKind.LORA),
        ("TextualInversion", "Model", ModelKind.EMBEDDING),
        ("Upscaler", "Model", ModelKind.UPSCALER),
        ("Controlnet", "Model", ModelKind.CONTROLNET),
        ("Workflows", "Archive", None),
        ("Poses", "Model", None),
        ("Wildcards", "Model", None),
        ("", "Model", None),
    ],
)
def test_a_file_is_for_what_civitai_says(
    model_type: str, file_type: str, kind: ModelKind | None
) -> None:
    version = a_version(model_type=model_type)
    assert kind_of(version, a_file(1, type=file_type)) is kind


def test_a_file_is_found_by_its_number_in_its_own_version_only() -> None:
    version = a_version(a_file(1), a_file(2))
    found = file_with_id(version, 2)
    assert found is not None
    assert found.id == 2
    assert file_with_id(version, 3) is None


def test_a_file_is_found_by_its_hashes() -> None:
    version = a_version(a_file(1), a_file(2, hashes=Hashes(sha256=SHA256)))
    found = file_with_digest(version, "9F90C59F3A")
    assert found is not None
    assert found.id == 2
    assert file_with_digest(version, "0" * 10) is None


def test_eight_digits_prove_nothing() -> None:
    hashes = Hashes(sha256=SHA256, autov1=SHA256[:8], autov3="b9c80b5adeca")
    assert not has_hash(hashes, SHA256[:8])
    assert has_hash(hashes, SHA256)
    assert has_hash(hashes, SHA256[:10])
    assert has_hash(hashes, "B9C80B5ADECA")


def newest(*versions: CivitaiVersion) -> int | None:
    version = chosen_version(CivitaiModel(id=7, versions=versions), NOW)
    return None if version is None else version.id


CLOSED: list[dict[str, Any]] = [
    {"early_access_until": NOW + timedelta(days=1)},
    {"is_sold": True},
    {"is_archived": True},
    {"is_for_download": False},
]


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_a_models_page_means_the_newest_version_that_can_be_had(closed: dict[str, Any]) -> None:
    shut = a_version(a_file(1), version_id=73, **closed)
    assert newest(shut, a_version(a_file(2), version_id=72), a_version(version_id=71)) == 72


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_where_all_are_closed_the_newest_is_tried_so_that_its_refusal_tells_why(
    closed: dict[str, Any],
) -> None:
    both = [a_version(a_file(1), version_id=number, **closed) for number in (73, 72)]
    assert newest(*both) == 73


def test_an_early_access_that_is_over_closes_nothing() -> None:
    over = a_version(a_file(1), version_id=73, early_access_until=NOW - timedelta(seconds=1))
    assert newest(over, a_version(a_file(2), version_id=72)) == 73


def test_a_version_without_files_is_the_last_resort() -> None:
    assert newest(a_version(version_id=73), a_version(a_file(1), version_id=72)) == 72
    assert newest(a_version(version_id=73)) == 73
    assert newest() is None
