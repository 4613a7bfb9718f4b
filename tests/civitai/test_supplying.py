"""A job names a model that is nowhere: which file at Civitai it means, and how that is called."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.civitai.shops import Shop, a_file, lora_bytes, model_of

from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.downloads.wanted import WantedModel
from stablequeue_core.errors import (
    CivitaiUnavailable,
    EarlyAccess,
    ModelFileExists,
    ModelNotSupplied,
    TransferAborted,
)
from stablequeue_core.models import Model
from stablequeue_core.testing.civitai_simulator import Fault

INK_AIR = "urn:air:sdxl:lora:civitai:600102@700303"
HARBOR_AIR = "urn:air:sdxl:checkpoint:civitai:600101@700201"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


def ordered(shop: Shop, name: str, source: str | None = None, kind: str = "LoRA") -> Download:
    return shop.orderer.order(WantedModel(kind=kind, name=name, source=source))


def refusal(shop: Shop, name: str, source: str | None = None, kind: str = "LoRA") -> str:
    with pytest.raises(ModelNotSupplied) as refused:
        ordered(shop, name, source, kind)
    assert refused.value.details["wanted"] == [name]
    assert shop.queue.downloads.list().total == 0
    return refused.value.message


def sha256(shop: Shop, file_id: int) -> str:
    file = shop.civitai.world.file(file_id)
    assert file is not None
    return file.hashes["SHA256"].lower()


def begun(shop: Shop) -> None:
    """The first download's turn has come."""
    now, event = shop.clock.now(), shop.queue.events()[0]
    assert shop.storage.downloads.claim(now=now, begin=lambda d: (d.begin(now=now), event))


def lost(shop: Shop, path: str, content: bytes, version_id: int | None = None) -> Model:
    """A LoRA that was here once, and is not now."""
    if version_id is not None:
        told = (shop.folders["lora"] / path).with_suffix(".civitai.info")
        told.parent.mkdir(parents=True, exist_ok=True)
        told.write_text(json.dumps({"id": version_id, "modelId": 600102}))
    model = shop.put("lora", path, content)
    shop.lose(model)
    return model


# Which file it is


@pytest.mark.parametrize(
    "source",
    [INK_AIR, "700303", "https://civitai.com/models/600102?modelVersionId=700303"],
)
def test_the_source_that_the_job_gives_decides(shop: Shop, source: str) -> None:
    assert ordered(shop, "inkWash_v3", source).version_id == 700303


def test_a_source_may_be_a_models_page(shop: Shop) -> None:
    assert ordered(shop, "ink", "https://civitai.com/models/600102").version_id == 700303


@pytest.mark.parametrize(
    "name",
    [INK_AIR, "civitai:600102@700303", "https://civitai.com/models/600102?modelVersionId=700303"],
)
def test_a_name_may_say_it_itself(shop: Shop, name: str) -> None:
    download = ordered(shop, name)
    assert (download.version_id, download.path) == (700303, "inkWash_v3.safetensors")


def test_a_hash_behind_the_name_says_it_and_the_file_is_called_as_the_job_does(
    shop: Shop,
) -> None:
    digest = sha256(shop, 900101)[:10]
    download = ordered(shop, f"Sea/harbor.safetensors [{digest}]", kind="checkpoint")
    assert (download.file_id, download.path) == (900101, "Sea/harbor.safetensors")


@pytest.mark.parametrize("digits", [10, 64])
def test_a_bare_hash_says_it_and_is_no_name(shop: Shop, digits: int) -> None:
    download = ordered(shop, sha256(shop, 900101)[:digits].upper(), kind="checkpoint")
    assert (download.file_id, download.path) == (900101, "harborMixXL_v20.safetensors")


def test_a_hash_chooses_among_the_files_of_a_version(shop: Shop) -> None:
    files = a_file(71, "full.safetensors"), a_file(72, "pruned.safetensors", pruning="pruned")
    shop.civitai.world.add(model_of(70, *files))
    assert ordered(shop, f"fox [{sha256(shop, 71)[:10]}]").file_id == 71
    assert ordered(shop, f"fox2 [{sha256(shop, 72)[:10]}]").file_id == 72
    assert ordered(shop, f"fox3 [{sha256(shop, 71)[:10]}]", "70").file_id == 71


def test_a_hash_that_civitai_does_not_know_says_so(shop: Shop) -> None:
    assert "no file with the hash 0123456789" in refusal(shop, "fox [0123456789]")


def test_eight_digits_are_of_several_files_and_say_nothing(shop: Shop) -> None:
    """The old hash collides: hundreds of checkpoints share one."""
    assert "a name alone" in refusal(shop, f"fox [{sha256(shop, 900101)[:8]}]", kind="checkpoint")
    assert "a name alone" in refusal(shop, "20240101")
    assert not shop.asked


def test_a_name_alone_says_nothing_though_civitai_has_a_file_of_that_name(shop: Shop) -> None:
    told = refusal(shop, "inkWash_v3")
    assert "a name alone may be anybody's" in told
    assert "model_sources" in told
    assert not shop.asked


@pytest.mark.parametrize(
    "name",
    ["https://civitai.com/models/600102", "https://example.org/models/1?modelVersionId=700303"],
)
def test_a_name_that_names_no_one_version_says_nothing(shop: Shop, name: str) -> None:
    refusal(shop, name)
    assert not shop.asked


def test_a_source_elsewhere_is_refused_and_nobody_is_asked(shop: Shop) -> None:
    assert "does not name" in refusal(shop, "fox", "https://example.org/fox.safetensors")
    assert not shop.civitai.requests


def test_a_source_of_another_kind_is_refused_before_gigabytes_are_fetched(shop: Shop) -> None:
    told = refusal(shop, "inkWash_v3", HARBOR_AIR)
    assert "wants a LoRA" in told
    assert "is a Checkpoint" in told


def test_a_vae_is_had_from_the_checkpoint_that_it_comes_with(shop: Shop) -> None:
    download = ordered(shop, "sdxl_vae.safetensors", HARBOR_AIR, kind="module")
    assert (download.file_id, download.kind) == (900102, "vae")


def test_what_civitai_refuses_is_told_as_it_is(shop: Shop) -> None:
    shop.civitai.faults.next("api", Fault.BUSY, times=None)
    with pytest.raises(CivitaiUnavailable):
        ordered(shop, "ink", INK_AIR)


# What was here once


def test_what_was_here_once_is_found_by_its_hash(shop: Shop) -> None:
    lost(shop, "styles/ink.safetensors", shop.content(900303))
    download = ordered(shop, "ink")
    assert (download.version_id, download.path) == (700303, "ink.safetensors")


def test_or_by_the_version_that_it_was(shop: Shop) -> None:
    lost(shop, "ink.safetensors", lora_bytes(b"edited header"), version_id=700303)
    assert ordered(shop, "ink.safetensors").version_id == 700303


def test_two_files_that_were_called_so_mean_neither(shop: Shop) -> None:
    lost(shop, "a/ink.safetensors", shop.content(900303))
    lost(shop, "b/ink.safetensors", shop.content(900701))
    assert "a name alone" in refusal(shop, "ink")
    assert ordered(shop, "a/ink").version_id == 700303


def test_a_file_of_that_name_in_another_folder_was_another_file(shop: Shop) -> None:
    lost(shop, "a/ink.safetensors", shop.content(900303))
    assert "a name alone" in refusal(shop, "b/ink")


def test_what_was_a_checkpoint_once_is_no_lora(shop: Shop) -> None:
    shop.lose(shop.put("checkpoint", "harbor.safetensors", shop.content(900101)))
    assert "a name alone" in refusal(shop, "harbor")


# What is here, or under way


def test_a_file_of_that_name_that_is_here_is_not_fetched(shop: Shop) -> None:
    shop.put("lora", "styles/mine.safetensors", lora_bytes(b"mine"))
    with pytest.raises(ModelFileExists) as exists:
        ordered(shop, "mine")
    assert exists.value.details == {"path": "styles/mine.safetensors", "is_same": True}
    assert not shop.asked


@pytest.mark.parametrize("source", [INK_AIR, "https://civitai.com/models/600102"])
def test_the_very_file_is_here_under_another_name(shop: Shop, source: str) -> None:
    shop.put("lora", "mine.safetensors", shop.content(900303))
    with pytest.raises(ModelFileExists) as exists:
        ordered(shop, "ink", source)
    assert exists.value.details == {"path": "mine.safetensors", "is_same": True}


def test_by_its_hash_it_is_found_here_without_asking_anybody(shop: Shop) -> None:
    shop.put("lora", "mine.safetensors", shop.content(900303))
    with pytest.raises(ModelFileExists):
        ordered(shop, f"ink [{sha256(shop, 900303)[:10]}]")
    assert not shop.asked


def test_another_file_of_the_version_is_not_the_one_that_is_wanted(shop: Shop) -> None:
    files = a_file(71, "full.safetensors"), a_file(72, "pruned.safetensors", pruning="pruned")
    shop.civitai.world.add(model_of(70, *files))
    shop.put("lora", "pruned.safetensors", shop.content(72))
    assert ordered(shop, f"fox [{sha256(shop, 71)[:10]}]").file_id == 71


def test_a_file_that_has_vanished_since_the_last_scan_is_fetched_again(shop: Shop) -> None:
    shop.put("lora", "mine.safetensors", shop.content(900303)).file.unlink()
    assert ordered(shop, "ink", INK_AIR).path == "ink.safetensors"


def test_the_file_that_is_under_way_is_joined_without_asking_anybody(shop: Shop) -> None:
    first = shop.order(700303)
    asked = len(shop.asked)
    assert ordered(shop, "ink", INK_AIR).id == first.id
    assert ordered(shop, f"fox [{sha256(shop, 900303)[:10]}]").id == first.id
    assert len(shop.asked) == asked
    assert ordered(shop, "ink", "https://civitai.com/models/600102").id == first.id
    assert shop.queue.downloads.list().total == 1


def test_a_paused_one_too(shop: Shop) -> None:
    first = shop.queue.downloads.pause(shop.order(700303).id)
    joined = ordered(shop, "ink", INK_AIR)
    assert (joined.id, joined.status) == (first.id, DownloadStatus.PAUSED)


def test_one_whose_file_is_in_place_but_is_still_seen_to_is_joined(shop: Shop) -> None:
    first = shop.order(700303)
    begun(shop)
    shop.put("lora", "inkWash_v3.safetensors", shop.content(900303))
    assert ordered(shop, "inkWash_v3", INK_AIR).id == first.id


def test_another_file_of_the_same_version_is_no_such_download(shop: Shop) -> None:
    checkpoint = shop.order(700201)
    vae = ordered(shop, "sdxl_vae.safetensors", HARBOR_AIR, kind="module")
    assert vae.id != checkpoint.id


def test_one_that_has_ended_is_not_joined(shop: Shop) -> None:
    first = shop.queue.downloads.cancel(shop.order(700303).id)
    assert ordered(shop, "inkWash_v3", INK_AIR).id != first.id


# By which name it comes


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("ink", "ink.safetensors"),
        ("ink.v2", "ink.v2.safetensors"),
        ("ink.safetensors", "ink.safetensors"),
        ("ink.ckpt", "ink.safetensors"),
        ("styles/ink", "styles/ink.safetensors"),
        ("styles\\ink.safetensors", "styles/ink.safetensors"),
        ("./styles//ink", "styles/ink.safetensors"),
        ("/home/me/Lora/ink.safetensors", "ink.safetensors"),
        ("C:\\forge\\models\\Lora\\ink.safetensors", "ink.safetensors"),
        ("../../ink", "ink.safetensors"),
        ("styles/CON", "inkWash_v3.safetensors"),
        ("ink:0.8", "inkWash_v3.safetensors"),
        ("x" * 300, "inkWash_v3.safetensors"),
        (" ", "inkWash_v3.safetensors"),
    ],
    ids=lambda text: text[:30],
)
def test_the_file_gets_the_jobs_own_name_where_that_is_sound(
    shop: Shop, name: str, path: str
) -> None:
    download = ordered(shop, name, INK_AIR)
    assert download.path == path
    assert download.file.is_relative_to(shop.folders["lora"])


def test_another_file_that_has_this_name_already_is_left_alone(shop: Shop) -> None:
    shop.put("lora", "ink.safetensors", lora_bytes(b"mine"))
    with pytest.raises(ModelFileExists) as exists:
        ordered(shop, "ink", INK_AIR)
    assert exists.value.details["is_same"] is False


def test_giving_up_while_civitai_is_asked_is_no_refusal(shop: Shop) -> None:
    shop.client.close()
    with pytest.raises(TransferAborted):
        ordered(shop, "ink", INK_AIR)


def test_a_version_in_early_access_is_ordered_and_refused_when_it_is_fetched(shop: Shop) -> None:
    download = ordered(shop, "ink", "700304")
    shop.queue.downloads.start()
    failed = shop.queue.downloads.wait(download.id, timeout=10)
    assert failed.failure is not None
    assert failed.failure.code == EarlyAccess.code
