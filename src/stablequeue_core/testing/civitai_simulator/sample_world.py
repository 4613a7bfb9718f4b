"""A few models, pictures and accounts to begin with; their files are small, but real."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from stablequeue_core.testing.civitai_simulator.accounts import SimulatedAccount
from stablequeue_core.testing.civitai_simulator.files import SimulatedFile
from stablequeue_core.testing.civitai_simulator.models import (
    DAY,
    SimulatedModel,
    SimulatedVersion,
)
from stablequeue_core.testing.civitai_simulator.pictures import SimulatedImage, SimulatedPicture
from stablequeue_core.testing.civitai_simulator.world import CivitaiWorld
from stablequeue_core.testing.forge_simulator.pictures import (
    encode_jpeg,
    encode_png,
    fingerprint,
    paint,
)
from stablequeue_core.testing.model_files import sdxl_checkpoint, sdxl_lora, vae

GOOD_KEY = "sample-key-of-an-active-account"
BANNED_KEY = "sample-key-of-a-banned-account"
RICH_KEY = "sample-key-of-an-account-that-bought-everything"

OPENS = datetime(2099, 12, 1, tzinfo=UTC)
"""When the version in early access opens for everybody."""

FILM_BYTES = b"\0\0\0\x18ftypisom\0\0\2\0isommp42" + b"\0\0\0\x10mdat" + b"filmfilm"
"""Enough of an MP4 to be recognised as one."""

_LATER = DAY + timedelta(days=9)
_PIXELS = (104, 152)
_PARAMETERS = (
    "a lighthouse on a cliff, <lora:inkWash_v3:0.8>\n"
    "Negative prompt: blurry, lowres\n"
    "Steps: 24, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 1234567890, Size: 832x1216, "
    "Model hash: {checkpoint}, Model: harborMixXL_v20, Clip skip: 2, "
    'Lora hashes: "inkWash_v3: {lora}", Version: f2.0.1v1.10.1-previous-665-gae278f79'
)


def add_samples(world: CivitaiWorld) -> None:
    """Put the samples into ``world``.

    ======  ========  ==================================================================
    model   version   what it is
    ======  ========  ==================================================================
    600101  700201    Harbor Mix XL, a checkpoint; its second file is a VAE
    600102  700303    Ink Wash Style, a LoRA that a film shows first
    600102  700304    ... its newest version, in early access
    600103  700401    Old Harbor: archived
    600104  700501    Gilded Frame: only for those who pay
    600105  700601    Glass Sea: to be used at Civitai only
    600106  700701    Paper Boats ...
    600106  700702    ... whose second version is the very same file
    600107  700801    Night Harbor, which only the second host knows
    ======  ========  ==================================================================

    The image 51001 was made with the checkpoint and the LoRA, and names them by their hashes;
    51002 names them by their ids; 51003 is a film; 51004 keeps secret how it was made, but its
    PNG tells; 51005 is not for everybody; 51006 tells nothing at all. Each address ends with
    ``.jpeg`` although most of the pictures are PNG.

    Keys: :data:`GOOD_KEY`, :data:`BANNED_KEY`, and :data:`RICH_KEY`, whose account has bought
    what is to be paid for.
    """
    world.add(*_accounts(), *_models(), *_images())


def _accounts() -> tuple[SimulatedAccount, ...]:
    return (
        SimulatedAccount(key=GOOD_KEY),
        SimulatedAccount(key=BANNED_KEY, id=424243, username="gone", status="banned"),
        SimulatedAccount(key=RICH_KEY, id=424244, username="rich", bought={700304, 700501}),
    )


@cache
def _models() -> tuple[SimulatedModel, ...]:
    return (
        SimulatedModel(
            id=600101,
            name="Harbor Mix XL",
            description="<p>A merge for <strong>seaside</strong> scenes.</p>",
            tags=("base model", "landscape"),
            nsfw_level=5,
            versions=(_harbor_mix(),),
        ),
        SimulatedModel(
            id=600102,
            name="Ink Wash Style",
            type="LORA",
            tags=("style",),
            downloads=None,
            versions=(
                _lora_version(700304, "v4 early", "inkWash_v4", 4, early_access_until=OPENS),
                _lora_version(
                    700303,
                    "v3",
                    "inkWash_v3",
                    3,
                    trained_words=("inkwash style", "sumi-e"),
                    pictures=(_film(50010), _still(50011)),
                ),
            ),
        ),
        _lora(600103, "Old Harbor", _lora_version(700401, "v1", "old", 5), mode="Archived"),
        _lora(600104, "Gilded Frame", _lora_version(700501, "v1", "gilded", 6, is_sold=True)),
        _lora(
            600105,
            "Glass Sea",
            _lora_version(700601, "v1", "glassSea", 7, usage_control="Generation"),
        ),
        SimulatedModel(
            id=600106,
            name="Paper Boats",
            type="LORA",
            versions=(
                _lora_version(
                    700702, "v1 again", "paperBoats_again", 8, published_at=DAY + timedelta(days=9)
                ),
                _lora_version(700701, "v1", "paperBoats", 8, published_at=DAY),
            ),
        ),
        _lora(600107, "Night Harbor", _lora_version(700801, "v1", "night", 9), only_at_second=True),
    )


def _harbor_mix() -> SimulatedVersion:
    return SimulatedVersion(
        id=700201,
        name="v2.0",
        description="<p>Second release.</p>",
        files=(
            SimulatedFile(
                id=900101,
                name="harborMixXL_v20.safetensors",
                content=sdxl_checkpoint().content(b"harbor"),
                pruning="pruned",
                precision="fp16",
            ),
            SimulatedFile(
                id=900102,
                name="sdxl_vae.safetensors",
                content=vae().content(b"vae"),
                type="VAE",
                is_found_by_kind=False,
            ),
        ),
        pictures=(_still(50001), _film(50002), _still(50003, nsfw_level=4)),
    )


def _lora(model_id: int, name: str, version: SimulatedVersion, **more: Any) -> SimulatedModel:
    return SimulatedModel(id=model_id, name=name, type="LORA", versions=(version,), **more)


def _lora_version(
    version_id: int, name: str, file_name: str, number: int, **more: Any
) -> SimulatedVersion:
    """A version with one file; files of the same ``number`` are the same."""
    file = SimulatedFile(
        id=version_id + 200_000,
        name=f"{file_name}.safetensors",
        content=sdxl_lora(output_name="sample").content(b"lora" + bytes([number])),
    )
    usual: dict[str, Any] = {"pictures": (_still(version_id - 650_000),)}
    return SimulatedVersion(id=version_id, name=name, files=(file,), **(usual | more))


@cache
def _images() -> tuple[SimulatedImage, ...]:
    harbor, ink = (model.versions[-1].files[0] for model in _models()[:2])
    checkpoint, lora = harbor.hashes["AutoV2"].lower(), ink.hashes["AutoV3"].lower()
    text = _PARAMETERS.format(checkpoint=checkpoint, lora=lora)
    by_hash = _meta_by_hash(checkpoint, lora)
    return (
        _posted(_png(51001, text), meta=by_hash),
        _posted(_png(51002, text, nsfw_level=2), meta=_META_BY_ID),
        _posted(_film(51003)),
        _posted(_png(51004, text), meta=by_hash, is_hidden=True),
        _posted(_png(51005, text, nsfw_level=8), meta=by_hash),
        SimulatedImage(picture=_still(51006)),
    )


def _posted(picture: SimulatedPicture, **more: Any) -> SimulatedImage:
    """A picture that Civitai believes to be made with the checkpoint and the LoRA."""
    return SimulatedImage(
        picture=picture, version_ids=(700201, 700303), base_model="Illustrious", **more
    )


def _still(picture_id: int, **more: Any) -> SimulatedPicture:
    painted = paint(fingerprint(picture_id), *_PIXELS)
    return SimulatedPicture(id=picture_id, content=encode_jpeg(painted, "", 80), **more)


def _png(picture_id: int, parameters: str, **more: Any) -> SimulatedPicture:
    painted = paint(fingerprint(picture_id), *_PIXELS)
    return SimulatedPicture(id=picture_id, content=encode_png(painted, parameters), **more)


def _film(picture_id: int) -> SimulatedPicture:
    return SimulatedPicture(id=picture_id, content=FILM_BYTES, is_film=True)


def _meta_by_hash(checkpoint: str, lora: str) -> Mapping[str, Any]:
    return {
        "Size": "832x1216",
        "seed": 1234567890,
        "Model": "harborMixXL_v20",
        "steps": 24,
        "hashes": {"model": checkpoint, "lora:inkWash_v3": lora},
        "prompt": "a lighthouse on a cliff, <lora:inkWash_v3:0.8>",
        "Version": "f2.0.1v1.10.1-previous-665-gae278f79",
        "sampler": "DPM++ 2M Karras",
        "cfgScale": 6.5,
        "clipSkip": 2,
        "resources": [
            {"hash": lora, "name": "inkWash_v3", "type": "lora", "weight": 0.8},
            {"hash": checkpoint, "name": "harborMixXL_v20", "type": "model"},
        ],
        "Model hash": checkpoint,
        "negativePrompt": "blurry, lowres",
    }


_META_BY_ID: Mapping[str, Any] = {
    "seed": 88,
    "steps": 25,
    "prompt": "a red bicycle",
    "sampler": "Undefined",
    "cfgScale": 3.5,
    "clipSkip": 2,
    "width": 832,
    "height": 1216,
    "workflow": "txt2img",
    "resources": [],
    "civitaiResources": [
        {"type": "checkpoint", "modelVersionId": 700201},
        {"type": "lora", "weight": 0.8, "modelVersionId": 700303},
    ],
    "negativePrompt": "car",
    "Created Date": "2026-03-05T1822:10.0000000Z",
    "extra": {"remixOfId": 50001},
}
