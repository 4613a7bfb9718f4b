"""What can be wrong with a picture."""

from __future__ import annotations

from stablequeue_core.errors.base import NotFound, StableQueueError


class ImageNotFound(NotFound):
    """No picture has this name."""

    code = "image_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"Image {name!r} not found.", {"name": name})


class ImageStoreError(StableQueueError):
    """A picture could not be written."""

    code = "image_store_error"


class DiskFull(ImageStoreError):
    """There is no room left for the picture."""

    code = "disk_full"

    def __init__(self) -> None:
        super().__init__(
            "The picture could not be saved: the disk is full. Free some space, then retry the job."
        )
