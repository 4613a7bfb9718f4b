"""From what somebody pastes to a download in the queue, or to a refusal before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.civitai.shops import Shop, a_file, lora_bytes, model_of

from stablequeue_core.downloads import DownloadStatus
from stablequeue_core.errors import (
    Archived,
    CivitaiNotFound,
    InvalidCivitaiLink,
    InvalidDownload,
    ModelFileExists,
    NoFolderForKind,
    StableQueueError,
)
from stablequeue_core.models import ModelKind
from stablequeue_core.testing.civitai_simulator import Fault, Place, SimulatedModel


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(
    "link",
    [
        700303,
        "700303",
        "https://civitai.com/models/600102?modelVersionId=700303",
        "https://civitai.com/models/600102/ink-wash-style?modelVersionId=700303",
        "https://civitai.red/models/600102?modelVersionId=700303",
        "civitai.com/models/600102?modelVersionId=700303",
        "https://civitai.com/api/download/models/700303",
        "https://civitai.com/api/download/models/700303?type=Model&format=SafeTensor",
        "urn:air:sdxl:lora:civitai:600102@700303",
        "civitai:600102@700303",
        "https://civitai.com/models/600102",
        "urn:air:sdxl:lora:civitai:600102",
    ],
)
def test_whatever_form_a_link_has_it_means_the_same_file(shop: Shop, link: int | str) -> None:
    download = shop.order(link)
    assert (download.version_id, download.file_id, download.model_id) == (700303, 900303, 600102)
    assert (download.kind, download.path) == (ModelKind.LORA, "inkWash_v3.safetensors")
    assert download.root == str(shop.folders["lora"])
    assert download.status is DownloadStatus.QUEUED


@pytest.mark.parametrize(
    "link",
    [
        "https://civitai.example/models/600102",
        "https://civitai.com.example/models/600102?modelVersionId=700303",
        "https://civitai.com@example.org/models/600102",
        "https://huggingface.co/models/600102",
        "http://127.0.0.1:7860/models/600102",
        "file:///models/600102",
        "inkWash_v3",
        "",
        "-1",
        0,
        -5,
        2**31,
        10**4000,
        "https://civitai.com/models/abc",
        "https://civitai.com/models/600102?modelVersionId=../me",
        "https://civitai.com/images/51001",
    ],
    ids=lambda link: str(link)[:60] if not isinstance(link, int) or link < 2**40 else "huge",
)
def test_a_link_that_means_nothing_at_civitai_is_refused_and_nobody_is_asked(
    shop: Shop, link: int | str
) -> None:
    with pytest.raises(InvalidCivitaiLink):
        shop.order(link)
    assert not shop.civitai.requests


def test_a_version_that_belongs_to_another_model_is_none_of_this(shop: Shop) -> None:
    with pytest.raises(CivitaiNotFound, match="version 700303 of model 600101"):
        shop.order("https://civitai.com/models/600101?modelVersionId=700303")


def test_what_civitai_has_told_is_kept_for_the_files_beside_the_model(shop: Shop) -> None:
    kept = shop.queue.downloads.get(shop.order(700303).id)
    assert kept.record["version"]["trainedWords"] == ["inkwash style", "sumi-e"]
    assert kept.record["model"]["tags"] == ["style"]
    assert (kept.title, kept.version) == ("Ink Wash Style", "v3")


def test_a_model_that_cannot_be_asked_for_harms_nothing(shop: Shop) -> None:
    shop.civitai.faults.next("/api/v1/models", Fault.LOGIN_PAGE, times=None)
    kept = shop.queue.downloads.get(shop.order(700303).id)
    assert list(kept.record) == ["version"]
    assert kept.title == "Ink Wash Style"


def test_a_file_may_be_chosen_by_its_number(shop: Shop) -> None:
    download = shop.order(700201, file_id=900102)
    assert (download.kind, download.filename) == (ModelKind.VAE, "sdxl_vae.safetensors")


def test_or_by_the_address_of_its_download(shop: Shop) -> None:
    link = "https://civitai.com/api/download/models/700201?type=VAE&format=SafeTensor"
    assert shop.order(link).file_id == 900102


def test_or_by_its_kind(shop: Shop) -> None:
    assert shop.order(700201, kind="vae").file_id == 900102
    assert shop.order(700201, kind=ModelKind.CHECKPOINT).file_id == 900101


def test_the_number_of_another_versions_file_is_not_found(shop: Shop) -> None:
    with pytest.raises(CivitaiNotFound, match="file 900303 in version 700201"):
        shop.order(700201, file_id=900303)


def test_an_address_that_chooses_what_is_not_there_is_not_found(shop: Shop) -> None:
    with pytest.raises(CivitaiNotFound, match="with type VAE, format GGUF"):
        shop.order("https://civitai.com/api/download/models/700201?type=VAE&format=GGUF")


def test_an_archived_model_says_so(shop: Shop) -> None:
    with pytest.raises(Archived):
        shop.order(700401)
    with pytest.raises(Archived):
        shop.order("https://civitai.com/models/600103")


def test_a_model_without_versions_is_not_found(shop: Shop) -> None:
    shop.civitai.world.add(SimulatedModel(id=7, name="Empty"))
    with pytest.raises(CivitaiNotFound, match="version of model 7"):
        shop.order("https://civitai.com/models/7")


def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    with pytest.raises(CivitaiNotFound, match="version 5"):
        shop.order(5)


@pytest.mark.parametrize("model_type", ["Workflows", "Poses", "Wildcards", "Hypernetwork"])
@pytest.mark.parametrize("file_type", ["Archive", "Model", "Workflow"])
def test_what_is_no_model_is_refused_by_name(shop: Shop, model_type: str, file_type: str) -> None:
    file = a_file(71, "all.zip", type=file_type)
    shop.civitai.world.add(model_of(70, file, model_type=model_type))
    with pytest.raises(InvalidDownload, match=f"'{model_type}' at Civitai is no kind of model"):
        shop.order(70)


def test_a_version_without_a_file_of_the_kind_says_so(shop: Shop) -> None:
    shop.civitai.world.add(model_of(70, a_file(71, "v.safetensors", type="VAE")))
    with pytest.raises(InvalidDownload, match="kind: version 70 at Civitai has no lora file"):
        shop.order(70, kind="lora")


def test_a_checkpoint_of_which_only_its_data_is_left_says_what_that_is(shop: Shop) -> None:
    shop.civitai.world.add(
        model_of(70, a_file(71, "all.zip", type="Training Data"), model_type="Checkpoint")
    )
    with pytest.raises(InvalidDownload, match="'Training Data' at Civitai is no kind of model"):
        shop.order(70)


def test_a_config_is_no_model_even_if_it_is_chosen(shop: Shop) -> None:
    files = a_file(71, "fox.safetensors"), a_file(72, "fox.yaml", b"a: 1", type="Config")
    shop.civitai.world.add(model_of(70, *files, model_type="Checkpoint"))
    for kind in (None, "checkpoint"):
        with pytest.raises(InvalidDownload, match="'Config' at Civitai is no kind of model"):
            shop.order(70, file_id=72, kind=kind)


def test_a_kind_that_does_not_exist_is_refused_and_nobody_is_asked(shop: Shop) -> None:
    with pytest.raises(InvalidDownload, match="kind: 'hypernetwork' is no kind of model"):
        shop.order(700303, kind="hypernetwork")
    assert not shop.civitai.requests


@pytest.mark.parametrize(
    ("kind", "advice"),
    [(None, "--checkpoints DIR"), ("lora", "--loras DIR"), ("vae", "--model-dir vae=DIR")],
)
def test_without_a_folder_for_the_kind_there_is_no_place_for_it(
    tmp_path: Path, kind: str | None, advice: str
) -> None:
    shop = Shop(tmp_path, kinds=("upscaler",))
    with pytest.raises(NoFolderForKind, match=advice):
        shop.order(700201, kind=kind)
    assert shop.queue.downloads.list().total == 0
    shop.close()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("..\\..\\evil.safetensors", "evil.safetensors"),
        ("../../../etc/passwd.safetensors", "etc_passwd.safetensors"),
        ("a/b.safetensors", "a_b.safetensors"),
        ("CON.safetensors", "_CON.safetensors"),
        ("CON", "_CON.safetensors"),
        ("x" * 300 + ".safetensors", "x" * 228 + ".safetensors"),
        ("fox.exe", "fox_exe.safetensors"),
        ("..", "civitai_70.safetensors"),
        ("", "civitai_70.safetensors"),
        ("fox.SAFETENSORS", "fox.safetensors"),
        ("fox\u202esrotcesetas.safetensors", "foxsrotcesetas.safetensors"),
    ],
    ids=lambda name: ascii(name)[:30],
)
def test_a_hostile_name_ends_as_a_safe_one(shop: Shop, theirs: str, ours: str) -> None:
    shop.civitai.world.add(model_of(70, a_file(71, theirs)))
    assert shop.order(70).path == ours


@pytest.mark.parametrize(
    ("file_format", "kind", "filename"),
    [
        ("PickleTensor", "Checkpoint", "fox.ckpt"),
        ("PickleTensor", "TextualInversion", "fox.pt"),
        ("GGUF", "Checkpoint", "fox.gguf"),
        (None, "Checkpoint", "fox.safetensors"),
    ],
)
def test_a_file_without_extension_gets_that_of_its_format(
    tmp_path: Path, file_format: str | None, kind: str, filename: str
) -> None:
    shop = Shop(tmp_path, kinds=("checkpoint", "embedding"))
    shop.civitai.world.add(model_of(70, a_file(71, "fox", format=file_format), model_type=kind))
    assert shop.order(70).filename == filename
    shop.close()


@pytest.mark.parametrize(
    ("wanted", "filename"),
    [
        ("mine", "mine.safetensors"),
        ("mine.safetensors", "mine.safetensors"),
        ("mine.SafeTensors", "mine.safetensors"),
        ("mine v2.1", "mine v2.1.safetensors"),
        ("mine.ckpt", "mine.safetensors"),
        ("schöner Fuchs", "schöner Fuchs.safetensors"),
    ],
)
def test_a_name_of_ones_own_gets_the_extension_of_the_file(
    shop: Shop, wanted: str, filename: str
) -> None:
    assert shop.order(700303, filename=wanted).filename == filename


@pytest.mark.parametrize(
    "said",
    [
        {"filename": "../x.safetensors"},
        {"filename": "a/b"},
        {"filename": "a\\b"},
        {"filename": "CON"},
        {"filename": "NUL.safetensors"},
        {"filename": "x" * 300},
        {"filename": ""},
        {"filename": ".hidden"},
        {"filename": "a:b"},
        {"subfolder": ".."},
        {"subfolder": "styles/../../x"},
        {"subfolder": "..\\x"},
        {"subfolder": "/etc"},
        {"subfolder": "C:\\models"},
        {"subfolder": "\\\\server\\share"},
        {"subfolder": "styles/CON"},
        {"subfolder": "a//b"},
        {"subfolder": "~/.ssh"},
    ],
    ids=str,
)
def test_a_name_or_folder_that_leads_elsewhere_is_refused_and_nobody_is_asked(
    shop: Shop, said: dict[str, Any]
) -> None:
    (field,) = said
    with pytest.raises(InvalidDownload) as refused:
        shop.order(700303, **said)
    assert [problem.path for problem in refused.value.problems] == [field]
    assert not shop.civitai.requests


def test_a_file_may_go_below_its_model_folder(shop: Shop) -> None:
    download = shop.order(700303, subfolder="styles\\ink/")
    assert download.path == "styles/ink/inkWash_v3.safetensors"
    assert download.file.is_relative_to(shop.folders["lora"])


def test_the_same_order_twice_is_one_download(shop: Shop) -> None:
    first = shop.order(700303)
    again = shop.order("https://civitai.com/models/600102?modelVersionId=700303", priority=5)
    assert again == first
    assert shop.queue.downloads.list().total == 1


def test_the_same_file_in_another_version_joins_too(shop: Shop) -> None:
    first = shop.order(700701, filename="boats")
    assert shop.order(700702, filename="Boats").id == first.id


def test_another_file_of_the_same_name_is_no_such_download(shop: Shop) -> None:
    """Many models at Civitai have a file of the same name; none must be taken for the other."""
    first = shop.order(700303, filename="style")
    with pytest.raises(ModelFileExists, match=f"fetched by download {first.id}") as refused:
        shop.order(700701, filename="style")
    assert refused.value.details["is_same"] is False
    assert shop.queue.downloads.list().total == 1


def test_the_same_file_that_is_there_already_is_not_fetched_again(shop: Shop) -> None:
    shop.put("lora", "inkWash_v3.safetensors", shop.content(900303))
    with pytest.raises(ModelFileExists) as refused:
        shop.order(700303)
    assert refused.value.details == {"path": "inkWash_v3.safetensors", "is_same": True}


def test_another_file_that_is_there_is_not_touched(shop: Shop) -> None:
    there = shop.put("lora", "inkWash_v3.safetensors", lora_bytes(b"mine"))
    with pytest.raises(ModelFileExists, match="Choose another filename") as refused:
        shop.order(700303)
    assert refused.value.details["is_same"] is False
    assert there.file.read_bytes() == lora_bytes(b"mine")
    assert shop.order(700303, subfolder="civitai").path == "civitai/inkWash_v3.safetensors"


@pytest.mark.parametrize("is_same", [True, False])
def test_a_file_whose_hash_nobody_knows_is_looked_at_when_its_turn_comes(
    shop: Shop, is_same: bool
) -> None:
    content = shop.content(900303) if is_same else lora_bytes(b"mine")
    shop.queue.models.scan()
    (shop.folders["lora"] / "inkWash_v3.safetensors").write_bytes(content)
    download = shop.fetched(700303)
    if is_same:
        assert download.status is DownloadStatus.COMPLETED
        assert not any(request.place is Place.STORAGE for request in shop.civitai.requests)
    else:
        assert download.failure is not None
        assert download.failure.code == "model_file_exists"


def test_a_file_that_was_replaced_since_the_last_scan_is_looked_at_again(shop: Shop) -> None:
    there = shop.put("lora", "inkWash_v3.safetensors", lora_bytes(b"mine"))
    there.file.write_bytes(shop.content(900303))
    assert shop.fetched(700303).status is DownloadStatus.COMPLETED


def test_a_file_that_is_in_place_but_not_seen_to_yet_is_still_that_download(shop: Shop) -> None:
    first = shop.order(700303)
    begun = shop.storage.downloads.claim(
        now=shop.clock.now(),
        begin=lambda queued: (queued.begin(now=shop.clock.now()), shop.queue.events()[0]),
    )
    assert begun is not None
    shop.put("lora", "inkWash_v3.safetensors", shop.content(900303))
    assert shop.order(700303).id == first.id


def test_what_civitai_refuses_leaves_nothing_behind(shop: Shop) -> None:
    shop.civitai.faults.next("api", Fault.CHALLENGE, times=None)
    with pytest.raises(StableQueueError):
        shop.order(700303)
    assert shop.queue.downloads.list().total == 0
    assert list(shop.folders["lora"].iterdir()) == []
