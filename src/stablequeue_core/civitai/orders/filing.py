"""By which name a file from Civitai is kept here: theirs made safe, or one of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from stablequeue_core.civitai.records import CivitaiFile
from stablequeue_core.downloads.names import safe_filename
from stablequeue_core.models import ModelKind
from stablequeue_core.models.files.extensions import EXTENSIONS

_EXTENSION_OF_FORMAT: Mapping[str, str] = {"PickleTensor": ".ckpt", "GGUF": ".gguf"}
_SAFETENSORS = ".safetensors"


def filename_for(file: CivitaiFile, kind: ModelKind, *, stem: str | None, version_id: int) -> str:
    """The name of a file, with an extension that says what Civitai says that it holds.

    Args:
        file: at Civitai; its name is hostile until proved otherwise.
        kind: what it is for.
        stem: how it shall be called, without extension; None: as at Civitai.
        version_id: of its version, for a file of whose name nothing is left.

    Example:
        >>> file = CivitaiFile(id=1, name="../../Fox:v2.SafeTensors")
        >>> filename_for(file, ModelKind.LORA, stem=None, version_id=70)
        'Fox_v2.safetensors'
        >>> filename_for(file, ModelKind.LORA, stem="mine", version_id=70)
        'mine.safetensors'
    """
    extension = _EXTENSION_OF_FORMAT.get(file.format or "", _SAFETENSORS)
    if extension == ".ckpt" and extension not in EXTENSIONS[kind]:
        extension = ".pt"
    theirs = safe_filename(file.name, fallback=f"civitai_{version_id}{extension}")
    return theirs if stem is None else f"{stem}{PurePosixPath(theirs).suffix}"
