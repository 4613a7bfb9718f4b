"""The API's shapes of what Civitai tells: the fields of the API document in its order, then ours.

No absolute path of this machine is in any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stablequeue_core.serialization import to_iso

if TYPE_CHECKING:
    from stablequeue_core.civitai.images.image_info import ImageInfo, ImageResource
    from stablequeue_core.civitai.library.refreshing import Refreshed

_KIBIBYTE = 1024
"""What Civitai counts sizes in."""


def image_info_body(info: ImageInfo) -> dict[str, Any]:
    """How a picture was made, as parameters of a job, and which models it took."""
    return {
        "success": True,
        "generationParams": dict(info.params),
        "resources": [_resource_body(resource) for resource in info.resources],
        "imageId": info.image_id,
        "source": info.source,
        "leftOut": list(info.left_out),
    }


def refreshed_body(refreshed: Refreshed) -> dict[str, Any]:
    """A model of which Civitai was asked what it is."""
    return {
        "filename": refreshed.model.filename,
        "civitai_id": refreshed.model_id,
        "modelVersionId": refreshed.version_id,
        "previews": list(refreshed.previews),
        "update_timestamp": to_iso(refreshed.updated_at),
        "found_by": refreshed.found_by.value,
        "reason": refreshed.reason,
        "problems": list(refreshed.problems),
    }


def _resource_body(resource: ImageResource) -> dict[str, Any]:
    size = resource.file_size
    return {
        "type": resource.type,
        "name": resource.name,
        "civitaiModelId": resource.model_id,
        "civitaiModelVersionId": resource.version_id,
        "weight": resource.weight,
        "isLocal": resource.is_local,
        "downloadUrl": resource.download_url,
        "fileSizeKB": None if size is None else size / _KIBIBYTE,
        "localPath": resource.local_path,
        "air": resource.air,
    }
