"""Models over HTTP: the lists, and one model by any of its names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from tests.worlds import ACORN, CHECKPOINTS, LORAS, PONY, WATERCOLOR, World, picture

from stablequeue_core.testing.model_files import (
    embedding,
    sd15_checkpoint,
    sdxl_lora,
)
from stablequeue_flask import create_app, init_app

LISTED = [
    "filename",
    "relativePath",
    "created",
    "modified",
    "size",
    "type",
    "baseModel",
    "preview_url",
    "civitai_url",
    "civitai_id",
    "description",
    "tags",
]
TOLD = [
    "filename",
    "relativePath",
    "created",
    "modified",
    "size",
    "type",
    "baseModel",
    "civitai_id",
    "model_version_id",
    "civitai_name",
    "description",
    "preview_images",
    "tags",
    "downloads",
    "favorited",
    "rating",
    "trigger_words",
    "metadata_source",
]
"""The fields of the API document, in its order; ours come behind them."""

RESOURCE = [
    "filename",
    "relativePath",
    "name",
    "size",
    "modified",
    "previewAvailable",
    "civitaiModelId",
    "civitaiModelVersionId",
    "baseModel",
]


def listed(gallery: Any, query: str = "") -> list[str]:
    """The file names in a list."""
    answer = gallery.get(f"/api/v1/models{query}")
    assert answer.status_code == 200, answer.json
    assert answer.json["count"] == len(answer.json["models"])
    return [model["filename"] for model in answer.json["models"]]


def info(gallery: Any, name: str, query: str = "") -> Any:
    answer = gallery.get(f"/api/v1/models/{name}/info{query}")
    assert answer.status_code == 200, answer.json
    return answer.json["model"]


def test_the_list_has_the_documented_fields_in_their_order(gallery: Any) -> None:
    body = gallery.get("/api/v1/models").json
    assert list(body)[:3] == ["success", "count", "models"]
    assert body["success"] is True
    for model in body["models"]:
        assert list(model)[: len(LISTED)] == LISTED


def test_a_model_is_listed_as_the_document_shows_it(gallery: Any, shelf: World) -> None:
    (model,) = gallery.get("/api/v1/models?q=acorn").json["models"]
    file = shelf.queue.models.get(ACORN).file
    assert {name: model[name] for name in LISTED} == {
        "filename": "acornIsSpinningFLUX_aisf11H8stpChinfx.safetensors",
        "relativePath": "/",
        "created": model["created"],
        "modified": model["modified"],
        "size": file.stat().st_size,
        "type": "checkpoint",
        "baseModel": "Flux.1 D",
        "preview_url": "/api/v1/models/acornIsSpinningFLUX_aisf11H8stpChinfx.safetensors/preview"
        "?type=checkpoint",
        "civitai_url": "https://civitai.com/models/343221",
        "civitai_id": 343221,
        "description": "A model fine-tuned for realistic portraits.",
        "tags": ["portrait", "realistic", "flux"],
    }
    for name in ("created", "modified"):
        assert len(model[name]) == len("2024-05-01T12:30:45.000Z")
        assert model[name].endswith("Z")


def test_what_nobody_knows_is_null_or_empty(gallery: Any) -> None:
    (model,) = gallery.get("/api/v1/models?q=half_copied").json["models"]
    for name in ("baseModel", "preview_url", "civitai_url", "civitai_id", "description"):
        assert model[name] is None
    assert model["tags"] == []


def test_a_broken_file_is_listed_with_its_problem(gallery: Any) -> None:
    (model,) = gallery.get("/api/v1/models?q=half_copied").json["models"]
    (problem,) = model["problems"]
    assert problem["code"] == "truncated"
    assert problem["message"]


def test_without_a_type_checkpoints_and_loras_are_listed(gallery: Any) -> None:
    both = {ACORN, Path(PONY).name, "half_copied.safetensors", Path(WATERCOLOR).name}
    assert set(listed(gallery)) == both
    assert set(listed(gallery, "?type=all")) == both | {"ae.safetensors"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?type=lora", [Path(WATERCOLOR).name]),
        ("?type=vae", ["ae.safetensors"]),
        ("?type=embedding", []),
        ("?type=checkpoint&q=PONY+cyber", [Path(PONY).name]),
        ("?baseModel=Flux.1+D", [ACORN]),
        ("?baseModel=flux.1%20d", [ACORN]),
        ("?baseModel=SDXL&type=checkpoint", [Path(PONY).name]),
        ("?baseModel=sdxl&type=lora", [Path(WATERCOLOR).name]),
        ("?q=portrait", [ACORN]),
        ("?q=portrait+cyber", []),
        ("?q=&baseModel=", None),
        ("?unknown=parameter", None),
    ],
)
def test_a_filter_leaves_what_fits(gallery: Any, query: str, names: list[str] | None) -> None:
    assert listed(gallery, query) == (listed(gallery) if names is None else names)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?type=model", "type"),
        ("?type=", "type"),
        ("?type=LORA", "type"),
        ("?limit=-1", "limit"),
        ("?limit=abc", "limit"),
        ("?offset=1.5", "offset"),
        ("?missing=perhaps", "missing"),
        (f"?q={'x' * 201}", "q"),
        (f"?baseModel={'x' * 201}", "baseModel"),
    ],
)
def test_a_parameter_that_can_not_be_used_is_named(gallery: Any, query: str, field: str) -> None:
    answer = gallery.get(f"/api/v1/models{query}")
    assert answer.status_code == 400
    assert [each["path"] for each in answer.json["details"]["fields"]] == [field]


def test_pages_lie_behind_each_other_and_tell_how_many_there_are(gallery: Any) -> None:
    everything = listed(gallery)
    pages = [gallery.get(f"/api/v1/models?limit=1&offset={place}").json for place in range(4)]
    assert [page["models"][0]["filename"] for page in pages] == everything
    assert {page["total"] for page in pages} == {4}
    assert {page["count"] for page in pages} == {1}
    assert gallery.get("/api/v1/models?limit=0").json["total"] == 4
    assert listed(gallery, "?offset=999999999999999999") == []


def test_without_a_limit_all_are_listed(gallery: Any, shelf: World) -> None:
    """The API document knows no pages."""
    for number in range(60):
        sdxl_lora().write(shelf.folder.parent / "models" / LORAS / f"{number}.safetensors")
    shelf.queue.models.scan()
    assert len(listed(gallery, "?type=lora")) == 61


def test_a_file_that_is_gone_is_listed_when_asked_for(gallery: Any, shelf: World) -> None:
    shelf.queue.models.get(WATERCOLOR).file.unlink()
    shelf.queue.models.scan()
    assert listed(gallery, "?type=lora") == []
    (model,) = gallery.get("/api/v1/models?type=lora&missing=true").json["models"]
    assert model["missing"] is True
    assert info(gallery, WATERCOLOR, "?type=lora")["missing"] is True


def test_the_folder_is_told_below_its_root_with_forward_slashes(gallery: Any, shelf: World) -> None:
    folder = shelf.folder.parent / "models" / CHECKPOINTS
    sd15_checkpoint().write(folder / "SD 1.5" / "old" / "x.safetensors")
    shelf.queue.models.scan()
    folders = {
        m["filename"]: m["relativePath"] for m in gallery.get("/api/v1/models").json["models"]
    }
    assert folders[ACORN] == "/"
    assert folders[Path(PONY).name] == "Pony"
    assert folders["x.safetensors"] == "SD 1.5/old"


def test_the_details_have_the_documented_fields_in_their_order(gallery: Any) -> None:
    for name, query in ((ACORN, ""), ("half_copied.safetensors", ""), (WATERCOLOR, "?type=lora")):
        assert list(info(gallery, name, query))[: len(TOLD)] == TOLD


def test_the_details_are_those_that_the_document_shows(gallery: Any, shelf: World) -> None:
    model = info(gallery, ACORN, "?type=checkpoint")
    preview = f"/api/v1/models/{ACORN}/preview?type=checkpoint"
    assert {name: model[name] for name in TOLD} == {
        "filename": ACORN,
        "relativePath": "/",
        "created": model["created"],
        "modified": model["modified"],
        "size": shelf.queue.models.get(ACORN).size,
        "type": "checkpoint",
        "baseModel": "Flux.1 D",
        "civitai_id": 343221,
        "model_version_id": 123456,
        "civitai_name": "Acorn Is Spinning FLUX",
        "description": model["description"],
        "preview_images": [f"{preview}&index=0", f"{preview}&index=1"],
        "tags": ["portrait", "realistic", "flux"],
        "downloads": 5421,
        "favorited": 342,
        "rating": 4.8,
        "trigger_words": ["acorn style", "acorn photograph"],
        "metadata_source": model["metadata_source"],
    }
    assert "fine-tuned for realistic portraits" in model["description"]


def test_the_details_say_who_has_said_so(gallery: Any) -> None:
    assert info(gallery, ACORN)["metadata_source"] == info(gallery, ACORN)["sidecars"][0]
    assert info(gallery, WATERCOLOR, "?type=lora")["metadata_source"] == "file_header"
    assert info(gallery, "half_copied.safetensors")["metadata_source"] == "none"


def test_the_details_tell_hashes_header_and_base_model(gallery: Any, shelf: World) -> None:
    model = info(gallery, WATERCOLOR, "?type=lora")
    hashes = shelf.queue.models.get(WATERCOLOR).hashes
    assert hashes.sha256 is not None
    assert model["hashes"] == {
        "sha256": hashes.sha256,
        "autov1": None,
        "autov2": hashes.sha256[:10],
        "autov3": hashes.autov3,
        "told_by_header": None,
        "source": "computed",
    }
    assert model["base_model"]["family"] == "sdxl"
    assert model["base_model"]["confidence"] in ("stated", "shape")
    assert model["format"] == "safetensors"
    assert model["header"]["rank"] == 16


def spellings(shelf: World) -> dict[str, str]:
    """Every way to name the Pony checkpoint in a path."""
    hashes = shelf.queue.models.get(PONY).hashes
    assert hashes.sha256
    assert hashes.autov2
    name = Path(PONY).name
    return {
        "file name": name,
        "path": PONY,
        "encoded slash": f"Pony%2F{name}",
        "encoded backslash": f"Pony%5C{name}",
        "SHA-256": hashes.sha256,
        "SHA-256 in capitals": hashes.sha256.upper(),
        "AutoV2": hashes.autov2,
    }


def test_a_model_is_found_by_every_name_that_means_it(gallery: Any, shelf: World) -> None:
    for way, name in spellings(shelf).items():
        assert info(gallery, name)["path"] == PONY, way
        assert gallery.get(f"/api/v1/models/{name}/preview").json["error"] == "preview_not_found"


@pytest.mark.parametrize(
    "name",
    [
        "nothing.safetensors",
        "Flux/cyberrealisticPony_v8.safetensors",
        "..%2fqueue%2fqueue.sqlite3",
        "../queue/queue.sqlite3",
        "%2e%2e/%2e%2e/queue/queue.sqlite3",
        "..%252f..%252fqueue.sqlite3",
        f"Pony/..%2f{ACORN}",
        f"Pony%2f..%2f{ACORN}",
        f"..%2f{CHECKPOINTS}%2f{ACORN}",
        f"Pony%5c..%5c{ACORN}",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "%5c%5cserver%5cshare%5cx.safetensors",
        "C:%5cWindows%5cwin.ini",
        f"C:{ACORN}",
        f"{ACORN}%00",
        f"{ACORN}%00.png",
        "%00",
        "%0a",
        "%ff%fe",
        "%F0%9F%A6%8A",
        "%20",
        ".",
        "..",
        "CON",
        "0",
        "deadbeef",
        "e3b0c44298",
        "a" * 5000,
        "/".join("a" * 1000),
    ],
)
@pytest.mark.parametrize("what", ["info", "preview", "availability"])
def test_nothing_else_can_be_reached(quiet_gallery: Any, name: str, what: str) -> None:
    with quiet_gallery.get(f"/api/v1/models/{name}/{what}", follow_redirects=True) as answer:
        assert answer.status_code == 404
        assert answer.json["error"] in ("model_not_found", "not_found")
        assert b"SQLite" not in answer.data


@pytest.mark.parametrize("what", ["info", "preview", "availability"])
def test_without_a_type_a_checkpoint_is_meant(gallery: Any, what: str) -> None:
    """And who has meant another one is told so."""
    answer = gallery.get(f"/api/v1/models/{WATERCOLOR}/{what}")
    assert answer.status_code == 404
    assert answer.json["error"] == "model_not_found"
    assert "type lora" in answer.json["message"]
    for kind in ("lora", "all"):
        with gallery.get(f"/api/v1/models/{WATERCOLOR}/{what}?type={kind}") as answer:
            assert answer.status_code == 200


def test_a_type_that_does_not_exist_is_refused(gallery: Any) -> None:
    for what in ("info", "preview", "availability"):
        answer = gallery.get(f"/api/v1/models/{ACORN}/{what}?type=hypernetwork")
        assert answer.status_code == 400
        assert answer.json["error"] == "invalid_request"


def test_a_name_that_fits_two_files_is_answered_with_both(gallery: Any, shelf: World) -> None:
    twin = shelf.folder.parent / "models" / CHECKPOINTS / "SDXL" / Path(PONY).name
    sd15_checkpoint().write(twin)
    shelf.queue.models.scan()
    answer = gallery.get(f"/api/v1/models/{Path(PONY).name}/info")
    assert answer.status_code == 409
    assert answer.json["error"] == "ambiguous_model"
    assert answer.json["details"]["candidates"] == [PONY, f"SDXL/{Path(PONY).name}"]
    assert info(gallery, PONY)["relativePath"] == "Pony"


def test_each_candidate_of_an_ambiguous_name_leads_to_one_file(gallery: Any, shelf: World) -> None:
    """Even if one lies in the root, where no folder tells it from the other."""
    checkpoints = shelf.folder.parent / "models" / CHECKPOINTS
    for folder in (checkpoints, checkpoints / "SDXL"):
        sd15_checkpoint().write(folder / "twin.safetensors")
    shelf.queue.models.scan()
    answer = gallery.get("/api/v1/models/twin.safetensors/info")
    assert answer.status_code == 409
    candidates = answer.json["details"]["candidates"]
    assert all(name in answer.json["message"] for name in candidates)
    found = [info(gallery, quote(name, safe=""))["relativePath"] for name in candidates]
    assert sorted(found) == ["/", "SDXL"]


def test_a_list_shows_the_beginning_of_a_description_as_it_is(gallery: Any, shelf: World) -> None:
    """It was made plain text when it was read; to do so again would spoil it."""
    sidecar = shelf.queue.models.get(ACORN).file.with_suffix(".metadata.json")
    told = json.loads(sidecar.read_text())
    told["modelDescription"] = "<p>Write &lt;b&gt; literally: a &amp;lt; b,<br>keep x</p>"
    sidecar.write_text(json.dumps(told))
    shelf.queue.models.scan()
    (model,) = gallery.get("/api/v1/models?q=acorn").json["models"]
    assert model["description"] == "Write <b> literally: a &lt; b, keep x"
    assert " ".join(info(gallery, ACORN)["description"].split()) == model["description"]


NAMES = (
    "a b.safetensors",
    "100% #1 ?x=1&y=2.safetensors",
    "日本語 🦊.safetensors",
    "Grüße.safetensors",
    "semi;colon,comma+plus.safetensors",
    "info/preview/preview.safetensors",
    "scan/status.safetensors",
)


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_model_is_called_its_preview_is_where_the_list_says(
    gallery: Any, shelf: World, name: str
) -> None:
    file = shelf.folder.parent / "models" / LORAS / name
    try:
        sdxl_lora().write(file)
    except OSError:
        pytest.skip("this system has no such names")
    picture(file.with_suffix(".png"), (8, 8))
    shelf.queue.models.scan()
    (model,) = [m for m in gallery.get("/api/v1/models").json["models"] if m["path"] == name]
    assert model["preview_url"].isascii()
    with gallery.get(model["preview_url"]) as answer:
        assert answer.status_code == 200
        assert answer.data == file.with_suffix(".png").read_bytes()
    assert info(gallery, quote(name), "?type=lora")["preview_url"] == model["preview_url"]


def test_of_two_models_with_one_name_each_has_its_own_preview(gallery: Any, shelf: World) -> None:
    """Even where the name in the root alone would fit both."""
    loras = shelf.folder.parent / "models" / LORAS
    for place, folder in enumerate((loras, loras / "old")):
        sdxl_lora().write(folder / "x.safetensors")
        picture(folder / "x.png", (8 + place, 8))
    shelf.queue.models.scan()
    models = gallery.get("/api/v1/models?q=x.safetensors&type=lora").json["models"]
    assert len(models) == 2
    for model in models:
        with gallery.get(model["preview_url"]) as answer:
            where = loras / model["relativePath"].strip("/")
            assert answer.data == (where / "x.png").read_bytes()


def test_two_files_with_one_path_below_two_roots_are_told_apart_by_their_ids(
    tmp_path: Path,
) -> None:
    roots = [tmp_path / "here", tmp_path / "there"]
    for place, root in enumerate(roots):
        sdxl_lora().write(root / "styles" / "x.safetensors")
        picture(root / "styles" / "x.png", (8 + place, 8))
    world = World(tmp_path / "queue", dispatch=False, loras=roots)
    world.queue.models.scan()
    client: Any = create_app(world.queue).test_client()
    assert client.get("/api/v1/models/styles/x.safetensors/info?type=lora").status_code == 409
    seen = set()
    for model in client.get("/api/v1/models").json["models"]:
        assert f"/models/id%3A{model['id']}/preview" in model["preview_url"]
        with client.get(model["preview_url"]) as answer:
            seen.add(answer.data)
    assert seen == {(root / "styles" / "x.png").read_bytes() for root in roots}
    world.close()


def test_a_long_description_is_whole_in_the_details_only(gallery: Any, shelf: World) -> None:
    shelf.queue.models.describe(PONY, description="<p>Soft light.</p>" * 1000)
    (listed_one,) = gallery.get("/api/v1/models?q=cyber").json["models"]
    assert listed_one["description"].startswith("Soft light. Soft light.")
    assert listed_one["description"].endswith("...")
    assert len(listed_one["description"]) < 400
    assert len(info(gallery, PONY)["description"]) > 10_000


def test_checkpoints_and_loras_are_bare_arrays_as_older_clients_read_them(gallery: Any) -> None:
    checkpoints = gallery.get("/api/v1/checkpoints").json
    acorn = next(each for each in checkpoints if each["filename"] == ACORN)
    assert list(acorn) == RESOURCE
    assert acorn == {
        "filename": ACORN,
        "relativePath": "/",
        "name": "Acorn Is Spinning FLUX",
        "size": acorn["size"],
        "modified": acorn["modified"],
        "previewAvailable": True,
        "civitaiModelId": 343221,
        "civitaiModelVersionId": 123456,
        "baseModel": "Flux.1 D",
    }
    assert len(checkpoints) == 3
    (watercolor,) = gallery.get("/api/v1/loras").json
    assert watercolor["filename"] == "watercolor_v2.safetensors"
    assert watercolor["relativePath"] == "styles"
    assert watercolor["previewAvailable"] is True
    assert watercolor["civitaiModelId"] is None


def test_no_answer_holds_a_path_of_this_machine(gallery: Any, shelf: World, tmp_path: Path) -> None:
    embedding().write(tmp_path / "models" / LORAS / "broken.safetensors").write_bytes(b"")
    (tmp_path / "models" / CHECKPOINTS).rename(tmp_path / "models" / "unmounted")
    shelf.queue.models.scan()
    for path in (
        "/models",
        "/models?type=all&missing=true",
        f"/models/{ACORN}/info",
        f"/models/{ACORN}/preview",
        f"/models/{ACORN}/availability",
        "/models/nothing/info",
        "/models/scan/status",
        "/checkpoints",
        "/loras",
        "/debug/models-cache",
        "/debug/verify-checkpoint?checkpoint_path=x&server_alias=Laptop",
    ):
        text = gallery.get(f"/api/v1{path}").get_data(as_text=True)
        assert tmp_path.name not in text, path
        assert str(tmp_path.parent) not in text, path


def test_without_any_folder_the_lists_are_empty(client: Any) -> None:
    assert client.get("/api/v1/models").json == {
        "success": True,
        "count": 0,
        "models": [],
        "total": 0,
    }
    assert client.get("/api/v1/checkpoints").json == []
    assert client.get("/api/v1/loras").json == []
    assert client.get("/api/v1/models/x/info").status_code == 404


def test_previews_are_where_the_application_is_mounted(shelf: World) -> None:
    app = Flask("gallery")
    init_app(app, shelf.queue, url_prefix="/pictures/api")
    client: Any = app.test_client()
    (model,) = client.get("/pictures/api/models?q=acorn", base_url="http://h/sub").json["models"]
    assert model["preview_url"] == f"/sub/pictures/api/models/{ACORN}/preview?type=checkpoint"


def test_a_checkpoint_with_the_name_of_another_is_asked_for_as_the_one_that_was_meant(
    shelf: World,
) -> None:
    """By its hash, where its path in the root would mean both."""
    folder = shelf.folder.parent / "models" / CHECKPOINTS
    sd15_checkpoint().write(folder / "twin.safetensors")
    sd15_checkpoint().write(folder / "old" / "twin.safetensors", fill=b"other numbers")
    shelf.queue.models.scan(hashes=True)
    client: Any = create_app(shelf.queue).test_client()
    for model in shelf.queue.models.find("twin").models:
        answer = client.get(f"/api/v1/models/{model.hashes.sha256}/availability")
        assert answer.json["relativePath"] == (model.folder or "/")


def test_who_has_a_model_is_told_server_by_server(shelf: World) -> None:
    shelf.queue.servers.add("Attic", "http://attic:1")
    client: Any = create_app(shelf.queue).test_client()
    answer = client.get(f"/api/v1/models/{PONY}/availability")
    assert answer.status_code == 200
    body = answer.json
    assert {name: body[name] for name in ("success", "filename", "relativePath", "type")} == {
        "success": True,
        "filename": Path(PONY).name,
        "relativePath": "Pony",
        "type": "checkpoint",
    }
    attic, laptop = sorted(body["servers"], key=lambda each: str(each["server"]))
    assert laptop["server"] == "Laptop"
    assert laptop["available"] is True
    assert laptop["listed_as"].startswith(PONY)
    assert laptop["reason"]
    assert attic["available"] is None
    assert attic["listed_as"] is None
    assert attic["reason"]
