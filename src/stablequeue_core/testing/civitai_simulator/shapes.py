"""Models, versions and files as Civitai's JSON has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from stablequeue_core.testing.civitai_simulator.exchange import Origins
from stablequeue_core.testing.civitai_simulator.files import SimulatedFile
from stablequeue_core.testing.civitai_simulator.models import SimulatedModel, SimulatedVersion
from stablequeue_core.testing.civitai_simulator.picture_shapes import (
    picture_shape,
    version_picture_shape,
)
from stablequeue_core.testing.civitai_simulator.pictures import PICTURES_FOLDER, SimulatedPicture
from stablequeue_core.testing.civitai_simulator.times import moment
from stablequeue_core.testing.civitai_simulator.world import Listing

_NO_PICTURE = "0b6d2f10-1111-4a6b-9c3d-000000000001"
_VERSION_PICTURES = 10
_MODEL_PICTURES = 20


def version_shape(listing: Listing, home: str, origins: Origins) -> dict[str, Any]:
    """A version by itself, as by-id and by-hash answers have it.

    Args:
        listing: which.
        home: the origin that is written into the addresses of downloads.
        origins: where the pictures are.
    """
    model, version = listing.model, listing.version
    shape = {
        "id": version.id,
        "modelId": model.id,
        "name": version.name,
        "nsfwLevel": version.nsfw_level,
        "createdAt": moment(version.created_at),
        "updatedAt": moment(version.updated_at),
        "status": version.status,
        "publishedAt": moment(version.published_at),
        "trainedWords": list(version.trained_words),
        "trainingStatus": None,
        "trainingDetails": None,
        "baseModel": version.base_model,
        "baseModelType": "Standard",
        "description": version.description,
        "uploadType": "Created",
        "usageControl": version.usage_control,
        "licensingFee": None,
        "paidAccess": _paid_access(version),
        "air": model.air(version),
        "stats": {"downloadCount": version.downloads, "thumbsUpCount": version.thumbs_up},
        "model": {
            "name": model.name,
            "type": model.type,
            "nsfw": model.is_nsfw,
            "poi": False,
            **_mode(model),
        },
        "files": [
            {**_file(file), "primary": is_primary, "downloadUrl": url}
            for file, is_primary, url in _offered(listing, home)
        ],
        "images": [
            version_picture_shape(picture, origins)
            for picture in _shown(listing, _VERSION_PICTURES)
        ],
    }
    return shape | _download(listing, home)


def model_shape(
    model: SimulatedModel, home: str, origins: Origins, *, in_list: bool
) -> dict[str, Any]:
    """A model with its versions, as ``/models`` and ``/models/:id`` have it.

    Args:
        model: which.
        home: the origin that is written into the addresses of downloads.
        origins: where the pictures are.
        in_list: whether it is one of many; the two forms differ in small things.
    """
    creator = {
        "username": model.creator,
        "image": f"{origins.cdn}/{PICTURES_FOLDER}/{_NO_PICTURE}/width=96/{model.creator}.jpeg",
    }
    return {
        "id": model.id,
        "name": model.name,
        "description": model.description,
        "allowNoCredit": True,
        "allowCommercialUse": "{Image,RentCivit}",
        "allowDerivatives": True,
        "allowDifferentLicense": True,
        "type": model.type,
        "minor": False,
        "sfwOnly": False,
        "poi": False,
        "nsfw": model.is_nsfw,
        "nsfwLevel": model.nsfw_level,
        "availability": "Public",
        "userId": 424242,
        "baseModels": model.base_models,
        "cosmetic": None,
        "supportsGeneration": True,
        **_mode(model),
        "stats": {
            "downloadCount": model.downloads,
            "thumbsUpCount": 512,
            "thumbsDownCount": 3,
            "commentCount": 17,
            "tippedAmountCount": 1200,
        },
        **({"creator": creator} if model.creator is not None else {}),
        **({"tags": list(model.tags)} if model.tags or in_list else {}),
        "modelVersions": [
            _nested(Listing(model, version), index, home, origins, in_list=in_list)
            for index, version in enumerate(model.versions)
            if version.is_listed
        ],
    }


def _nested(
    listing: Listing, index: int, home: str, origins: Origins, *, in_list: bool
) -> dict[str, Any]:
    version = listing.version
    by_id = {
        "createdAt": moment(version.created_at),
        "status": version.status,
        "covered": True,
    }
    in_lists = {"supportsGeneration": True} if in_list else {}
    shape = {
        "id": version.id,
        "index": index,
        "name": version.name,
        "baseModel": version.base_model,
        "baseModelType": "Standard",
        **({} if in_list else by_id),
        "publishedAt": moment(version.published_at),
        "flags": 0,
        "availability": "EarlyAccess" if version.early_access_until else "Public",
        "nsfwLevel": version.nsfw_level,
        "description": version.description,
        "trainedWords": list(version.trained_words),
        "vaeId": None,
        "files": [
            {**_file(file), "downloadUrl": url, **({"primary": True} if is_primary else {})}
            for file, is_primary, url in _offered(listing, home)
        ],
        "paidAccess": _paid_access(version),
        "stats": {
            "downloadCount": version.downloads,
            "thumbsUpCount": version.thumbs_up,
            "thumbsDownCount": 1,
        },
        "images": [
            ({"id": picture.id} if in_list else {}) | picture_shape(picture, origins)
            for picture in _shown(listing, _MODEL_PICTURES)
        ],
        **_download(listing, home),
        **in_lists,
    }
    if in_list:
        return shape
    return {key: value for key, value in shape.items() if value not in (None, [])}


def _offered(listing: Listing, home: str) -> list[tuple[SimulatedFile, bool, str]]:
    """Each file, whether it is the primary one, and where the API says that it can be had."""
    primary = listing.version.primary
    offered = []
    for file in listing.files:
        url = f"{home}/api/download/models/{listing.version.id}"
        kind = {
            "type": file.type,
            "format": file.format,
            "size": file.pruning,
            "fp": file.precision,
        }
        if file is not primary:
            url += "?" + urlencode({key: value for key, value in kind.items() if value})
        offered.append((file, file is primary, url))
    return offered


def _file(file: SimulatedFile) -> dict[str, Any]:
    size = file.content.size if file.told_bytes is None else file.told_bytes
    told = {"format": file.format, "size": file.pruning, "fp": file.precision}
    scan = "Pending" if file.scanned_at is None else "Success"
    return {
        "id": file.id,
        "sizeKB": size / 1024,
        "name": file.name,
        "overrideName": None,
        "type": file.type,
        "pickleScanResult": scan,
        "pickleScanMessage": file.scan_message,
        "virusScanResult": scan,
        "virusScanMessage": None,
        "scannedAt": file.scanned_at,
        "metadata": {key: value for key, value in told.items() if value is not None},
        "hashes": dict(file.hashes),
    }


def _shown(listing: Listing, most: int) -> Sequence[SimulatedPicture]:
    return () if listing.model.mode == "TakenDown" else listing.version.pictures[:most]


def _paid_access(version: SimulatedVersion) -> Mapping[str, Any] | None:
    if version.is_sold:
        return {"permanent": True, "endsAt": None}
    if version.early_access_until is None:
        return None
    return {"permanent": False, "endsAt": moment(version.early_access_until)}


def _mode(model: SimulatedModel) -> dict[str, str]:
    return {} if model.mode is None else {"mode": model.mode}


def _download(listing: Listing, home: str) -> dict[str, str]:
    if listing.model.is_archived:
        return {}
    return {"downloadUrl": f"{home}/api/download/models/{listing.version.id}"}
