"""How a picture on Civitai was made: asked of a simulated one, with the names of our own files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from PIL import Image

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.images.image_info import ImageInfo, ImageReader, ImageResource
from stablequeue_core.errors import (
    CivitaiNotFound,
    CivitaiUnavailable,
    InvalidInfotext,
    TransferAborted,
)
from stablequeue_core.generation import ParamLimits, parse_params
from stablequeue_core.models import Hashes, Model, ModelCard, ModelKind, ModelRoot
from stablequeue_core.settings import Settings
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.civitai_simulator import (
    CivitaiSimulator,
    Fault,
    Place,
    SimulatedCivitai,
    SimulatedFile,
    SimulatedImage,
    SimulatedModel,
    SimulatedPicture,
    SimulatedVersion,
    generated_model,
)
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.forge_simulator.pictures import encode_jpeg, encode_png
from stablequeue_core.transport import Abort

HARBOR, INK = 700201, 700303
HARBOR_AIR = "urn:air:sdxl:checkpoint:civitai:600101@700201"
INK_AIR = "urn:air:sdxl:lora:civitai:600102@700303"
DOWNLOADS = "https://civitai.com/api/download/models"
PIXELS = Image.new("RGB", (8, 8), "navy")
NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Reading:
    """A simulated Civitai, and a reader that knows some files."""

    def __init__(self) -> None:
        self.civitai = SimulatedCivitai.with_sample_models()
        self.client = CivitaiClient(
            CivitaiSimulator(self.civitai), Settings(), clock=FakeClock(NOW)
        )
        self.models = MemoryStorage().models
        self.reader = ImageReader(self.client, self.models)

    def read(self, image_id: int) -> ImageInfo:
        info = self.reader.read(image_id)
        parse_params(info.params, ParamLimits())
        return info

    def post(self, content: bytes = b"", **more: Any) -> int:
        """Somebody posts a picture; its number."""
        picture = SimulatedPicture(id=52000, content=content or encode_jpeg(PIXELS, "", 80))
        self.civitai.world.add(SimulatedImage(picture=picture, **more))
        return picture.id

    def params_of(self, **meta: Any) -> dict[str, Any]:
        """What a posted picture with this meta is made with."""
        return dict(self.read(self.post(meta={"prompt": "a fox", "steps": 9, **meta})).params)

    def hashes_of(self, version_id: int) -> Hashes:
        """Those of the first file of a version."""
        listing = self.civitai.world.listing(version_id)
        assert listing is not None
        told = {kind: digest.lower() for kind, digest in listing.version.files[0].hashes.items()}
        return Hashes(sha256=told["SHA256"], autov3=told["AutoV3"])

    def have(self, kind: ModelKind, path: str, **more: Any) -> Model:
        """One of our own files."""
        model = Model(
            kind=kind, root="/models", path=path, size=4096, mtime_ns=1, created_at=NOW, **more
        )
        (kept,) = self.models.save([model])
        return kept


@pytest.fixture
def reading() -> Iterator[Reading]:
    world = Reading()
    yield world
    assert not world.civitai.leaks
    world.client.close()


class TestWhoTells:
    def test_civitai_does(self, reading: Reading) -> None:
        info = reading.read(51001)
        assert (info.image_id, info.source, info.left_out) == (51001, "meta", ())
        assert info.params["positive_prompt"] == "a lighthouse on a cliff, <lora:inkWash_v3:0.8>"
        assert (info.params["width"], info.params["height"]) == (832, 1216)

    def test_flat_and_wrapped_meta_are_the_same(self, reading: Reading) -> None:
        image = reading.civitai.world.image(51001)
        assert image is not None
        flat = reading.read(51001)
        reading.civitai.world.add(evolve(image, meta={"id": 51001, "meta": image.meta}))
        assert reading.read(51001) == flat

    def test_the_file_does_where_its_maker_hides_it(self, reading: Reading) -> None:
        told, hidden = reading.read(51001), reading.read(51004)
        assert hidden.source == "file"
        assert hidden.params == told.params
        assert hidden.resources == told.resources

    def test_the_original_is_fetched_for_it_and_without_the_key(self, reading: Reading) -> None:
        reading.read(51004)
        (seen,) = [one for one in reading.civitai.requests if one.place is Place.CDN]
        assert "/original=true/" in seen.path
        assert "authorization" not in seen.headers

    def test_the_file_does_where_meta_has_no_prompt(self, reading: Reading) -> None:
        text = "a fox\nSteps: 9, Sampler: Euler, Seed: 5"
        number = reading.post(encode_png(PIXELS, text), meta={"comfy": "{}"})
        assert reading.read(number).source == "file"

    def test_a_jpeg_without_anything_makes_no_job(self, reading: Reading) -> None:
        with pytest.raises(InvalidInfotext, match="Nobody tells how image 51006"):
            reading.read(51006)

    def test_neither_does_what_is_no_picture(self, reading: Reading) -> None:
        number = reading.post(b"\0\0\0\x18ftypisom")
        with pytest.raises(InvalidInfotext, match="Its file is no PNG, JPEG, WebP or GIF"):
            reading.read(number)

    def test_a_film_is_refused_in_a_sentence_and_not_fetched(self, reading: Reading) -> None:
        with pytest.raises(InvalidInfotext, match="Image 51003 at Civitai is a film"):
            reading.read(51003)
        assert not [one for one in reading.civitai.requests if one.place is Place.CDN]

    def test_a_file_that_is_gone_tells_nothing(self, reading: Reading) -> None:
        number = reading.post()
        reading.civitai.faults.next("cdn", Fault.LOGIN_PAGE, times=9)
        with pytest.raises(InvalidInfotext, match="Its file cannot be had"):
            reading.read(number)

    def test_a_file_without_end_is_not_read(self, reading: Reading) -> None:
        picture = SimulatedPicture(id=53000, content=generated_model(65 * 2**20))
        reading.civitai.world.add(SimulatedImage(picture=picture))
        with pytest.raises(InvalidInfotext, match="more than 67108864 bytes"):
            reading.read(53000)

    def test_a_deleted_image_is_not_found_although_its_neighbour_is_answered(
        self, reading: Reading
    ) -> None:
        reading.civitai.world.remove_image(51001)
        with pytest.raises(CivitaiNotFound, match="51001"):
            reading.read(51001)

    def test_an_image_that_is_not_for_everybody_is_read_as_well(self, reading: Reading) -> None:
        assert reading.read(51005).params["seed"] == 1234567890


class TestItsModels:
    def test_by_hash(self, reading: Reading) -> None:
        assert reading.read(51001).resources == (
            ImageResource(
                type="checkpoint",
                name="Harbor Mix XL",
                model_id=600101,
                version_id=HARBOR,
                file_size=9863520,
                download_url=f"{DOWNLOADS}/{HARBOR}",
                air=HARBOR_AIR,
            ),
            ImageResource(
                type="lora",
                name="Ink Wash Style",
                model_id=600102,
                version_id=INK,
                weight=0.8,
                file_size=172948,
                download_url=f"{DOWNLOADS}/{INK}",
                air=INK_AIR,
            ),
        )

    def test_by_the_numbers_of_civitais_own_generator(self, reading: Reading) -> None:
        assert reading.read(51002).resources == reading.read(51001).resources

    def test_by_resource_name(self, reading: Reading) -> None:
        meta = {"prompt": "a fox", "additionalResources": [{"name": INK_AIR, "strength": 0.8}]}
        (found,) = reading.read(reading.post(meta=meta)).resources
        assert (found.type, found.version_id, found.weight) == ("lora", INK, 0.8)

    def test_by_the_numbers_of_its_page(self, reading: Reading) -> None:
        number = reading.post(meta={"prompt": "a fox"}, version_ids=(HARBOR, INK))
        found = reading.read(number).resources
        assert [one.version_id for one in found] == [HARBOR, INK]

    def test_each_is_there_once_by_whatever_it_is_told(self, reading: Reading) -> None:
        """By number here, by hash there, and once more on its page."""
        digest = reading.hashes_of(INK).autov3
        meta = {
            "prompt": "a fox <lora:inkWash_v3:0.5>",
            "civitaiResources": [{"type": "lora", "modelVersionId": INK}],
            "hashes": {"lora:inkWash_v3": digest},
        }
        (found,) = reading.read(reading.post(meta=meta, version_ids=[INK])).resources
        assert (found.version_id, found.weight) == (INK, 0.5)

    def test_a_name_that_is_that_of_a_file_of_its_pages_model_is_that_model(
        self, reading: Reading
    ) -> None:
        meta = {"prompt": "a fox <lora:inkwash_v3:0.5>"}
        (found,) = reading.read(reading.post(meta=meta, version_ids=[INK])).resources
        assert (found.version_id, found.weight) == (INK, 0.5)

    def test_a_vae_that_comes_with_a_checkpoint_is_a_model_of_its_own(
        self, reading: Reading
    ) -> None:
        """Its hash leads to the version of the checkpoint, of which it is the second file."""
        listing = reading.civitai.world.listing(HARBOR)
        assert listing is not None
        mix, vae = (file.hashes["AutoV2"].lower() for file in listing.version.files)
        params = reading.params_of(**{"Model hash": mix, "VAE": "x.pt", "VAE hash": vae})
        assert params["model_sources"] == {
            mix: HARBOR_AIR,
            "x.pt": f"{DOWNLOADS}/{HARBOR}?fileId=900102",
        }
        assert [one.type for one in reading.read(52000).resources] == ["checkpoint", "vae"]

    def test_a_name_alone_is_only_told(self, reading: Reading) -> None:
        reading.have(ModelKind.LORA, "ink.safetensors")
        meta = {"prompt": "a fox <lora:ink:0.5>"}
        info = reading.read(reading.post(meta=meta))
        assert info.resources == (ImageResource(type="lora", name="ink", weight=0.5),)
        assert "model_sources" not in info.params

    def test_eight_digits_of_another_kind_of_hash_prove_nothing(self, reading: Reading) -> None:
        file = SimulatedFile(
            id=1, name="x.safetensors", content=b"x", told_hashes={"CRC32": "3C489728"}
        )
        version = SimulatedVersion(id=2, files=[file])
        reading.civitai.world.add(SimulatedModel(id=3, name="X", versions=[version]))
        meta = {"prompt": "a fox", "Model": "y", "Model hash": "3c489728"}
        (found,) = reading.read(reading.post(meta=meta)).resources
        assert (found.name, found.version_id) == ("y", None)

    def test_one_that_civitai_does_not_know_fails_nothing(self, reading: Reading) -> None:
        listed = [
            {"type": "checkpoint", "modelVersionId": 999},
            {"type": "lora", "modelVersionId": INK},
        ]
        meta = {"prompt": "a fox", "civitaiResources": listed}
        unknown, ink = reading.read(reading.post(meta=meta)).resources
        assert (unknown.name, unknown.type, unknown.version_id) == ("unknown", "checkpoint", 999)
        assert ink.name == "Ink Wash Style"

    def test_a_civitai_that_breaks_meanwhile_is_left_in_peace(self, reading: Reading) -> None:
        reading.civitai.faults.next("/api/v1/model-versions", Fault.EDGE_ERROR, times=100)
        info = reading.read(51001)
        assert [one.name for one in info.resources] == ["harborMixXL_v20", "inkWash_v3"]
        digest = reading.hashes_of(INK).autov3
        assert not reading.civitai.counts[f"GET /api/v1/model-versions/by-hash/{digest}"]

    def test_a_civitai_that_cannot_be_asked_at_all_is_an_error(self, reading: Reading) -> None:
        reading.civitai.faults.next("/api/v1/images", Fault.EDGE_ERROR, times=100)
        with pytest.raises(CivitaiUnavailable):
            reading.read(51001)

    def test_who_gives_up_gets_nothing(self, reading: Reading) -> None:
        abort = Abort()
        abort.pull()
        with pytest.raises(TransferAborted):
            reading.reader.read(51001, abort=abort)

    def test_a_model_for_use_at_civitai_only_cannot_be_downloaded(self, reading: Reading) -> None:
        number = reading.post(meta={"prompt": "a fox"}, version_ids=[700601])
        (found,) = reading.read(number).resources
        assert (found.name, found.download_url) == ("Glass Sea", None)


class TestTheFilesHere:
    def test_one_with_the_pictures_hash_is_local_under_any_name(self, reading: Reading) -> None:
        hashes = Hashes(autov3=reading.hashes_of(INK).autov3)
        reading.have(ModelKind.LORA, "styles/renamed.safetensors", hashes=hashes)
        info = reading.read(51001)
        ink = info.resources[1]
        assert (ink.is_local, ink.local_path) == (True, "styles/renamed.safetensors")
        assert info.params["positive_prompt"] == "a lighthouse on a cliff, <lora:renamed:0.8>"
        assert set(info.params["model_sources"].values()) == {HARBOR_AIR}

    def test_one_with_a_hash_that_civitai_tells_of_the_version_is_local(
        self, reading: Reading
    ) -> None:
        hashes = Hashes(sha256=reading.hashes_of(HARBOR).sha256)
        reading.have(ModelKind.CHECKPOINT, "Pony/mix.safetensors", hashes=hashes)
        info = reading.read(51002)
        assert info.resources[0].local_path == "Pony/mix.safetensors"
        assert info.params["checkpoint_name"] == f"Pony/mix.safetensors [{hashes.autov2}]"
        assert info.params["model_sources"] == {"inkWash_v3": INK_AIR}

    def test_one_that_is_of_the_version_as_its_card_says_is_local(self, reading: Reading) -> None:
        reading.have(ModelKind.CHECKPOINT, "mix.safetensors", card=ModelCard(version_id=HARBOR))
        info = reading.read(51002)
        assert info.resources[0].is_local
        assert info.params["checkpoint_name"] == "mix.safetensors"

    def test_it_is_local_though_civitai_cannot_say_what_it_is(self, reading: Reading) -> None:
        hashes = Hashes(autov3=reading.hashes_of(INK).autov3)
        reading.have(ModelKind.LORA, "renamed.safetensors", hashes=hashes)
        reading.civitai.faults.next("/api/v1/model-versions", Fault.EDGE_ERROR, times=100)
        ink = reading.read(51001).resources[1]
        assert (ink.is_local, ink.file_size, ink.air) == (True, 4096, None)

    @pytest.mark.parametrize(
        "changed",
        [
            {"missing": True},
            {"kind": ModelKind.LORA},
            {"card": ModelCard(version_id=1)},
        ],
    )
    def test_one_that_is_gone_or_of_another_kind_or_version_is_not(
        self, reading: Reading, changed: dict[str, Any]
    ) -> None:
        kind = changed.pop("kind", ModelKind.CHECKPOINT)
        card = {"card": ModelCard(version_id=HARBOR)}
        reading.have(kind, "harborMixXL_v20.safetensors", **(card | changed))
        assert not reading.read(51001).resources[0].is_local

    def test_one_of_a_folder_that_is_not_ours_any_more_is_not(self, reading: Reading) -> None:
        reading.have(ModelKind.CHECKPOINT, "mix.safetensors", card=ModelCard(version_id=HARBOR))
        roots = [ModelRoot(ModelKind.CHECKPOINT, Path("/elsewhere"))]
        reader = ImageReader(reading.client, reading.models, roots)
        assert not reader.read(51001).resources[0].is_local

    def test_what_the_header_of_a_checkpoint_says_of_itself_is_hearsay(
        self, reading: Reading
    ) -> None:
        told = reading.hashes_of(HARBOR).sha256
        reading.have(ModelKind.CHECKPOINT, "liar.safetensors", hashes=Hashes(told=told))
        assert not reading.read(51001).resources[0].is_local

    def test_a_vae_gets_the_name_that_it_has_here(self, reading: Reading) -> None:
        digest = "735e4c3a44" + "0" * 54
        reading.have(ModelKind.VAE, "old/vae-mse.safetensors", hashes=Hashes(sha256=digest))
        said = {"VAE": "vae-ft-mse.pt", "VAE hash": "735e4c3a44", "Clip skip": 2}
        assert reading.params_of(**said)["override_settings"] == {
            "forge_additional_modules": ["vae-mse.safetensors"],
            "CLIP_stop_at_last_layers": 2,
        }


class TestWhatIsNotHere:
    def test_a_checkpoint_with_its_hash_keeps_its_name_and_says_where_it_can_be_had(
        self, reading: Reading
    ) -> None:
        """On any server, that is this file or none."""
        name = f"harborMixXL_v20 [{reading.hashes_of(HARBOR).autov2}]"
        params = reading.read(51001).params
        assert params["checkpoint_name"] == name
        assert params["model_sources"] == {name: HARBOR_AIR, "inkWash_v3": INK_AIR}

    def test_one_that_is_only_a_number_is_called_by_its_resource_name(
        self, reading: Reading
    ) -> None:
        params = reading.read(51002).params
        assert params["checkpoint_name"] == HARBOR_AIR
        assert params["model_sources"][HARBOR_AIR] == HARBOR_AIR

    def test_one_that_nobody_knows_keeps_its_name(self, reading: Reading) -> None:
        params = reading.params_of(Model={"name": "nobodys"})
        assert params["checkpoint_name"] == "nobodys"
        assert "model_sources" not in params

    def test_the_only_checkpoint_of_the_page_is_meant_where_the_picture_names_none(
        self, reading: Reading
    ) -> None:
        meta = {"prompt": "a fox", "steps": 9}
        number = reading.post(meta=meta, version_ids=[INK, HARBOR])
        assert reading.read(number).params["checkpoint_name"] == HARBOR_AIR

    def test_of_a_version_with_several_files_the_hashed_one_is_meant(
        self, reading: Reading
    ) -> None:
        files = [
            SimulatedFile(id=11, name="x.safetensors", content=b"pruned", pruning="pruned"),
            SimulatedFile(id=12, name="x_full.safetensors", content=b"full"),
        ]
        version = SimulatedVersion(id=2, files=files)
        reading.civitai.world.add(SimulatedModel(id=3, name="X", versions=[version]))
        for file, source in zip(
            files,
            ["urn:air:sdxl:checkpoint:civitai:3@2", f"{DOWNLOADS}/2?fileId=12"],
            strict=True,
        ):
            digest = file.hashes["AutoV2"].lower()
            sources = reading.params_of(**{"Model": "x", "Model hash": digest})["model_sources"]
            assert sources == {f"x [{digest}]": source}

    def test_loras_of_civitais_generator_are_put_into_the_prompt(self, reading: Reading) -> None:
        assert reading.read(51002).params["positive_prompt"] == (
            "a red bicycle <lora:inkWash_v3:0.8>"
        )

    @pytest.mark.parametrize(
        ("listed", "tag"),
        [
            ({}, "<lora:inkWash_v3:1>"),
            ({"weight": "-0.25"}, "<lora:inkWash_v3:-0.25>"),
            ({"weight": 1e308}, "<lora:inkWash_v3:1>"),
        ],
    )
    def test_their_weight_is_one_that_a_lora_can_have(
        self, reading: Reading, listed: dict[str, Any], tag: str
    ) -> None:
        one = {"type": "lora", "modelVersionId": INK, **listed}
        assert reading.params_of(civitaiResources=[one])["positive_prompt"] == f"a fox {tag}"

    def test_two_weights_are_both_said(self, reading: Reading) -> None:
        one = {"name": INK_AIR, "strength": 0.7, "strengthClip": 0.5}
        prompt = reading.params_of(additionalResources=[one])["positive_prompt"]
        assert prompt == "a fox <lora:inkWash_v3:0.5:0.7>"

    def test_what_only_the_page_adds_is_told_but_not_used(self, reading: Reading) -> None:
        meta = {"prompt": "a fox", "civitaiResources": [{"modelVersionId": HARBOR}]}
        info = reading.read(reading.post(meta=meta, version_ids=[HARBOR, INK]))
        assert info.params["positive_prompt"] == "a fox"
        assert [one.version_id for one in info.resources] == [HARBOR, INK]

    def test_a_name_that_no_prompt_can_say_is_left_out(self, reading: Reading) -> None:
        reading.have(
            ModelKind.LORA, "a=b=c.safetensors", hashes=Hashes(sha256=reading.hashes_of(INK).sha256)
        )
        listed = [{"type": "lora", "modelVersionId": INK, "modelName": "Ink"}]
        info = reading.read(reading.post(meta={"prompt": "a fox", "civitaiResources": listed}))
        assert (info.params["positive_prompt"], info.left_out) == ("a fox", ("lora Ink",))

    def test_what_no_parameter_can_name_is_left_out(self, reading: Reading) -> None:
        listed = [
            {"type": "hypernet", "name": "old thing"},
            {"type": "embed", "name": "EasyNeg"},
            {"type": "embed", "name": "said"},
        ]
        info = reading.read(reading.post(meta={"prompt": "a Said fox", "resources": listed}))
        assert info.left_out == ("hypernetwork old thing", "embedding EasyNeg")
