"""What lies beside a model: descriptions and pictures, read and written."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image
from tests.models.catalog.conftest import Library, rewrite

from stablequeue_core.errors import ModelNotFound, PreviewNotFound, SidecarNotWritten
from stablequeue_core.models import Confidence, HashSource
from stablequeue_core.testing.model_files import sdxl_lora, vector_b


def draw(path: Path, size: tuple[int, int] = (64, 48)) -> Path:
    Image.new("RGB", size, "teal").save(path, "PNG")
    return path


def test_what_people_wrote_beside_a_model_is_on_its_card(library: Library) -> None:
    file = library.lora("ink.safetensors")
    file.with_suffix(".json").write_text(
        json.dumps({"description": "Soft ink.", "activation text": "inkwash, sumi-e"})
    )
    library.queue.models.scan()
    (model,) = library.models()
    assert model.card.description == "Soft ink."
    assert model.card.trigger_words == ("inkwash", "sumi-e")
    assert library.names(text="sumi-e") == ["ink.safetensors"]


def test_a_file_beside_a_model_that_changes_is_read_anew(library: Library) -> None:
    file = library.lora("ink.safetensors")
    library.queue.models.scan(hashes=True)
    before = library.models()[0]
    sidecar = file.with_suffix(".json")
    sidecar.write_text('{"notes": "one"}')
    assert library.queue.models.scan().changed == 1
    rewrite(sidecar, b'{"notes": "two"}')
    library.queue.models.scan()
    (now,) = library.models()
    assert now.card.notes == "two"
    assert (now.id, now.hashes) == (before.id, before.hashes)
    sidecar.unlink()
    library.queue.models.scan()
    assert library.models()[0].card.notes is None


def test_a_broken_file_beside_a_model_is_reported_and_goes_away_with_it(library: Library) -> None:
    file = library.lora("ink.safetensors")
    sidecar = file.with_suffix(".json")
    sidecar.write_text("{broken")
    library.queue.models.scan()
    (problem,) = library.models()[0].problems
    assert problem.file == "ink.json"
    assert "ink.json" in problem.message
    sidecar.unlink()
    library.queue.models.scan()
    assert library.models()[0].problems == ()


def test_the_base_model_that_civitai_names_beats_the_guess(library: Library) -> None:
    file = library.lora("ink.safetensors")
    file.with_suffix(".civitai.info").write_text(
        json.dumps({"id": 700303, "modelId": 600102, "baseModel": "Pony"})
    )
    library.queue.models.scan()
    (model,) = library.models()
    assert (model.base_model.name, model.card.version_id) == ("Pony", 700303)
    assert model.base_model.confidence is Confidence.STATED
    assert library.names(base_model="pony") == ["ink.safetensors"]


def test_what_a_sidecar_said_goes_with_it(library: Library) -> None:
    """Then the file by itself is believed again."""
    file = library.lora("ink.safetensors")
    library.queue.models.scan()
    before = library.models()[0].base_model
    sidecar = file.with_suffix(".civitai.info")
    sidecar.write_text(json.dumps({"id": 1, "modelId": 2, "baseModel": "Pony"}))
    library.queue.models.scan()
    assert library.models()[0].base_model.name == "Pony"
    sidecar.unlink()
    library.queue.models.scan()
    assert library.models()[0].base_model == before


def test_a_hint_goes_with_the_name_that_gave_it(library: Library) -> None:
    file = library.checkpoint("pony_mix.safetensors")
    os.utime(file, ns=(1_700_000_000_123_456_700, 1_700_000_000_123_456_700))
    library.queue.models.scan(hashes=True)
    (before,) = library.models()
    assert before.base_model.name == "Pony"
    file.rename(file.with_name("plain.safetensors"))
    assert library.queue.models.scan().moved == 1
    (now,) = library.models()
    assert (now.id, now.hashes, now.base_model.name) == (before.id, before.hashes, None)


def test_a_hash_that_somebody_trustworthy_has_computed_is_taken(library: Library) -> None:
    """Lora Manager writes down the size and the time of the file that it has hashed."""
    data = vector_b()
    file = library.loras / "b.safetensors"
    file.write_bytes(data)
    seen = file.stat()
    file.with_suffix(".metadata.json").write_text(
        json.dumps({"sha256": "ab" * 32, "size": seen.st_size, "modified": seen.st_mtime + 0.5})
    )
    library.queue.models.scan(hashes=True)
    (model,) = library.models()
    assert (model.hashes.sha256, model.hashes.source) == ("ab" * 32, HashSource.SIDECAR)


def test_ids_for_another_file_are_given_up_once_the_file_is_hashed(library: Library) -> None:
    """A sidecar that was copied along with a name speaks of somebody else's file."""
    file = library.lora("ink.safetensors")
    file.with_suffix(".cm-info.json").write_text(
        json.dumps(
            {"ModelId": 1, "VersionId": 2, "BaseModel": "Pony", "Hashes": {"SHA256": "AB" * 32}}
        )
    )
    library.queue.models.scan(hashes=True)
    (model,) = library.models()
    assert model.hashes.source is HashSource.COMPUTED
    assert model.card.version_id is None
    assert model.base_model.name is None


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_linked_description_from_outside_is_never_read(library: Library) -> None:
    """Neither at the scan, nor when the sidecars are read again because the file was hashed."""
    outside = library.data / "outside.info"
    outside.write_text(json.dumps({"id": 1, "modelId": 2, "model": {"name": "From outside"}}))
    file = library.lora("ink.safetensors")
    file.with_suffix(".civitai.info").symlink_to(outside)
    file.with_suffix(".cm-info.json").write_text(json.dumps({"ModelId": 3, "VersionId": 4}))
    library.queue.models.scan(hashes=True)
    (model,) = library.models()
    assert model.hashes.sha256
    assert (model.card.name, model.card.version_id) == (None, 4)


def test_previews_are_found_beside_the_model(library: Library) -> None:
    file = library.lora("ink.safetensors")
    other = library.lora("ink_1.safetensors")
    draw(file.with_suffix(".preview.png"))
    draw(file.with_name("ink_0.png"), (10, 10))
    draw(other.with_suffix(".png"))
    library.queue.models.scan()
    ink, ink_1 = library.models()
    assert ink.previews == ("ink.preview.png", "ink_0.png")
    assert ink_1.previews == ("ink_1.png",)
    preview = library.queue.models.preview(ink)
    assert (preview.media_type, preview.path) == ("image/png", file.with_suffix(".preview.png"))


def test_a_picture_in_the_header_is_the_preview_where_there_is_no_other(library: Library) -> None:
    """As Forge does with what addnet has written into a LoRA."""
    picture = draw(library.data / "cover.png").read_bytes()
    covers = json.dumps([base64.b64encode(picture).decode()])
    file = library.lora("ink.safetensors", sdxl_lora(metadata={"ssmd_cover_images": covers}))
    library.queue.models.scan()
    (model,) = library.models()
    assert (model.previews, model.preview_count) == ((), 1)
    for _ in range(2):
        preview = library.queue.models.preview(model)
        assert (preview.path.read_bytes(), preview.media_type) == (picture, "image/png")
    with pytest.raises(PreviewNotFound):
        library.queue.models.preview(model, 1)
    draw(file.with_suffix(".png"), (8, 8))
    library.queue.models.scan()
    assert library.models()[0].preview_count == 1
    assert library.queue.models.preview(library.models()[0]).path.name == "ink.png"


def test_a_header_that_only_claims_a_picture_has_none(library: Library) -> None:
    library.lora("ink.safetensors", sdxl_lora(metadata={"ssmd_cover_images": '["bm90aGluZw=="]'}))
    library.queue.models.scan()
    with pytest.raises(PreviewNotFound):
        library.queue.models.preview(library.models()[0])


def test_a_small_preview_is_made_once(library: Library) -> None:
    file = library.lora("ink.safetensors")
    draw(file.with_suffix(".png"), (1000, 500))
    library.queue.models.scan()
    (model,) = library.models()
    first = library.queue.models.preview(model, width=320)
    again = library.queue.models.preview(model, width=320)
    assert first == again
    with Image.open(first.path) as small:
        assert small.size == (320, 160)


def test_a_preview_that_is_not_there_is_told(library: Library) -> None:
    file = library.lora("ink.safetensors")
    draw(file.with_suffix(".png"))
    library.queue.models.scan()
    (model,) = library.models()
    for index in (1, -1, 10**9):
        with pytest.raises(PreviewNotFound):
            library.queue.models.preview(model, index)
    file.with_suffix(".png").write_text("<html>no picture</html>")
    with pytest.raises(PreviewNotFound):
        library.queue.models.preview(model)


def test_a_still_picture_goes_before_a_film_whatever_they_are_called(library: Library) -> None:
    """And what is neither is left out."""
    file = library.lora("ink.safetensors")
    file.with_suffix(".png").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")
    file.with_suffix(".preview.png").write_text("<html>no picture</html>")
    draw(file.with_suffix(".preview.jpg"))
    library.queue.models.scan()
    (model,) = library.models()
    shown = [library.queue.models.preview(model, index).path.name for index in (0, 1)]
    assert shown == ["ink.preview.jpg", "ink.png"]
    with pytest.raises(PreviewNotFound):
        library.queue.models.preview(model, 2)


def test_a_description_is_written_where_forge_reads_it(library: Library) -> None:
    """What Forge and others have written there stays."""
    file = library.lora("ink.safetensors")
    sidecar = file.with_suffix(".json")
    sidecar.write_text(json.dumps({"sd version": "SDXL", "notes": "old", "mine": [1]}))
    library.queue.models.scan()
    model = library.queue.models.describe(
        "ink", notes="", trigger_words=["inkwash", "sumi-e"], preferred_weight=0.8
    )
    assert model.card.trigger_words == ("inkwash", "sumi-e")
    assert json.loads(sidecar.read_text()) == {
        "sd version": "SDXL",
        "notes": "",
        "mine": [1],
        "activation text": "inkwash, sumi-e",
        "preferred weight": 0.8,
    }
    assert sorted(path.name for path in file.parent.iterdir()) == ["ink.json", "ink.safetensors"]


def test_a_broken_description_is_not_written_over(library: Library) -> None:
    file = library.lora("ink.safetensors")
    file.with_suffix(".json").write_text("{broken")
    library.queue.models.scan()
    with pytest.raises(SidecarNotWritten):
        library.queue.models.describe("ink", notes="x")
    assert file.with_suffix(".json").read_text() == "{broken"
    with pytest.raises(ModelNotFound):
        library.queue.models.describe("nobody", notes="x")


def test_what_is_no_description_is_not_written(library: Library) -> None:
    file = library.lora("ink.safetensors")
    library.queue.models.scan()
    for wrong in ({"preferred_weight": float("nan")}, {"trigger_words": "ink"}):
        with pytest.raises(ValueError, match="must be"):
            library.queue.models.describe("ink", **wrong)
    file.unlink()
    library.queue.models.scan()
    with pytest.raises(ModelNotFound, match="missing"):
        library.queue.models.describe("ink", notes="x")
    assert list(library.loras.iterdir()) == []
