"""How a picture on Civitai was made, as parameters of a job: from its page, or from its file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from attrs import frozen

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.images.mentions import by_number, each_once
from stablequeue_core.civitai.images.naming_here import named_for_here
from stablequeue_core.civitai.images.resource_finding import ResourceFinder
from stablequeue_core.civitai.images.resources import Resource
from stablequeue_core.civitai.images.told import Told, accepted, read_meta, read_text
from stablequeue_core.civitai.records import CivitaiImage
from stablequeue_core.errors import (
    CivitaiGarbled,
    CivitaiNotFound,
    CivitaiRefused,
    InvalidInfotext,
)
from stablequeue_core.generation import read_infotext
from stablequeue_core.images.metadata import infotext_in_bytes
from stablequeue_core.models import ModelRoot, ModelStore
from stablequeue_core.transport import Abort

LARGEST_PICTURE = 64 * 1024 * 1024
"""Bytes of a file that is fetched for its text; no picture of a size that servers make has more."""


@frozen(kw_only=True)
class ImageResource:
    """A model that a picture was made with.

    Attributes:
        type: ``checkpoint``, ``lora``, ``vae``, ``embedding`` …; of what we have no word for,
            Civitai's own in lower case.
        name: of the model at Civitai; else as the picture has it.
        model_id, version_id: Civitai's; None: not known.
        weight: of a LoRA; None: the picture does not say.
        is_local: whether a file of it is in one of our folders, as its hash or its version shows;
            a name proves nothing.
        local_path: of that file, below its folder, with forward slashes.
        file_size: in bytes; None: not known.
        download_url: None: nobody knows where it is, or it cannot be downloaded.
        air: its resource name at Civitai.
    """

    type: str
    name: str
    model_id: int | None = None
    version_id: int | None = None
    weight: float | None = None
    is_local: bool = False
    local_path: str | None = None
    file_size: int | None = None
    download_url: str | None = None
    air: str | None = None


@frozen(kw_only=True)
class ImageInfo:
    """How a picture was made.

    Attributes:
        image_id: at Civitai.
        params: as ``submit`` and ``POST /generate`` take them. Models that are here are called by
            their names here, and ``model_sources`` says where the others can be had.
        resources: the models; those that the picture itself names come first.
        left_out: what no parameter can say; without it, the picture may look different.
        source: who tells: Civitai (``meta``), or the text inside the file (``file``).
    """

    image_id: int
    params: Mapping[str, Any]
    resources: tuple[ImageResource, ...] = ()
    left_out: tuple[str, ...] = ()
    source: Literal["meta", "file"] = "meta"


class ImageReader:
    """Reads how pictures on Civitai were made. Safe to use from several threads.

    Args:
        client: asks Civitai.
        models: the model files here.
        roots: their folders; none means that all that is known counts.
    """

    def __init__(
        self, client: CivitaiClient, models: ModelStore, roots: Collection[ModelRoot] = ()
    ) -> None:
        self._client = client
        self._finder = ResourceFinder(client, models, roots)

    def read(self, image_id: int, *, abort: Abort | None = None) -> ImageInfo:
        """How this picture was made.

        What Civitai tells comes first; where its uploader hides that, the text inside the original
        file does. That some of its models cannot be looked up fails nothing.

        Raises:
            CivitaiNotFound: there is no such picture, or it is hidden from us.
            InvalidInfotext: neither Civitai nor the file tells how it was made, or it is a film.
            CivitaiError: Civitai cannot be asked now.
            TransferAborted: the abort was pulled.
        """
        patience = abort or Abort()
        image = self._client.image(image_id, abort=patience)
        if image.is_film:
            raise InvalidInfotext(
                f"Image {image_id} at Civitai is a film; a job makes pictures that stand still."
            )
        told, source = self._told(image, patience)
        added = each_once(by_number(image.version_ids))
        resources = self._finder.find(told.models, added, patience)
        recipe = accepted(named_for_here(told.recipe, resources))
        return ImageInfo(
            image_id=image.id,
            params=recipe.params,
            resources=tuple(_shown(resource) for resource in resources),
            left_out=recipe.left_out,
            source=source,
        )

    def _told(self, image: CivitaiImage, abort: Abort) -> tuple[Told, Literal["meta", "file"]]:
        if image.meta is not None:
            try:
                return read_meta(image.meta, base_model=image.base_model), "meta"
            except InvalidInfotext as error:
                hidden = error.message
        else:
            hidden = "Its uploader does not tell how it was made."
        try:
            return read_text(read_infotext(self._text_in_file(image, abort))), "file"
        except InvalidInfotext as error:
            raise InvalidInfotext(
                f"Nobody tells how image {image.id} at Civitai was made. {hidden} {error.message}"
            ) from error

    def _text_in_file(self, image: CivitaiImage, abort: Abort) -> str:
        try:
            data = self._client.picture(image.url, largest=LARGEST_PICTURE, abort=abort)
        except (CivitaiGarbled, CivitaiNotFound, CivitaiRefused) as error:
            raise InvalidInfotext(f"Its file cannot be had: {error.message}") from error
        return infotext_in_bytes(data, "Its file")


def _shown(resource: Resource) -> ImageResource:
    local, file = resource.local, resource.file
    told = resource.version.model_name if resource.version else ""
    size = file.size if file else None
    return ImageResource(
        type=str(resource.type),
        name=told or resource.mention.name or (local.display_name if local else "") or "unknown",
        model_id=resource.model_id,
        version_id=resource.version_id,
        weight=resource.mention.weight,
        is_local=local is not None,
        local_path=local.path if local else None,
        file_size=local.size if size is None and local else size,
        download_url=resource.download_url,
        air=resource.air,
    )
