"""Which version, which of its files, and what it is for. Decides; asks nobody."""

from __future__ import annotations

from collections.abc import Mapping

from stablequeue_core.civitai.records import CivitaiFile, CivitaiModel, CivitaiVersion
from stablequeue_core.models import ModelKind

KIND_OF_TYPE: Mapping[str, ModelKind] = {
    "checkpoint": ModelKind.CHECKPOINT,
    "unet": ModelKind.CHECKPOINT,
    "lora": ModelKind.LORA,
    "locon": ModelKind.LORA,
    "dora": ModelKind.LORA,
    "vae": ModelKind.VAE,
    "textencoder": ModelKind.VAE,
    "textualinversion": ModelKind.EMBEDDING,
    "upscaler": ModelKind.UPSCALER,
    "controlnet": ModelKind.CONTROLNET,
}
"""Where each type of Civitai's goes, in lower case; text encoders lie beside VAEs, as in Forge."""

_KIND_OF_FILE: Mapping[str, ModelKind] = {
    "VAE": ModelKind.VAE,
    "Text Encoder": ModelKind.VAE,
    "ControlNet": ModelKind.CONTROLNET,
    "Upscaler": ModelKind.UPSCALER,
}
"""Files that are something else than the model that they come with."""

_OF_THE_MODEL = frozenset({"Model", "Pruned Model", "Diffusion Model", "UNet"})
_NO_MODEL = frozenset({"Archive", "Config", "Training Data", "Workflow"})


def kind_of(version: CivitaiVersion, file: CivitaiFile) -> ModelKind | None:
    """What a file is for; None for what no folder of ours is for (a workflow, poses …)."""
    if file.type in _NO_MODEL:
        return None
    return _KIND_OF_FILE.get(file.type) or KIND_OF_TYPE.get(version.model_type.lower())


def chosen_version(model: CivitaiModel) -> CivitaiVersion | None:
    """The version that the address of a model alone means: the newest that can be had.

    Flags may be out of date in either direction, so where all are closed the newest is tried all
    the same: its own refusal says why.
    """
    with_files = [version for version in model.versions if version.files]
    open_ones = [v for v in with_files if v.is_for_download and not _is_closed(v)]
    return next(iter((*open_ones, *with_files, *model.versions)), None)


def chosen_file(
    version: CivitaiVersion, kind: ModelKind | None, choice: Mapping[str, str] | None = None
) -> CivitaiFile | None:
    """The file of a version that somebody wants who does not choose; None: it has none such.

    ``primary`` can be a config, an archive or a workflow, and is missing in older answers. So a
    file of the model itself comes first, then Civitai's own order: safetensors, pruned, fp16 (its
    ``getPrimaryFile``: format 100, size 10, precision 1).

    Args:
        version: at Civitai.
        kind: only a file that is for this; None for any model.
        choice: only a file of which the address of a download told this: ``type``, ``format``,
            ``size`` and ``fp``, with Civitai's words.
    """
    wanted = dict(choice or {})
    files = [
        file
        for file in version.files
        if file.type not in _NO_MODEL and wanted.items() <= _told_apart_by(file).items()
    ]
    if kind is not None:
        files = [file for file in files if kind_of(version, file) is kind] or (
            # The user's word against Civitai's, where that has no file of such a type.
            [file for file in files if file.type in _OF_THE_MODEL]
        )
    return max(files, key=_merit, default=None)


def file_with_id(version: CivitaiVersion, file_id: int) -> CivitaiFile | None:
    """The file with this id; None: it is of another version."""
    return next((file for file in version.files if file.id == file_id), None)


def _told_apart_by(file: CivitaiFile) -> Mapping[str, str | None]:
    return {
        "type": file.type,
        "format": file.format,
        "size": "pruned" if file.is_pruned else "full",
        "fp": file.precision,
    }


def _is_closed(version: CivitaiVersion) -> bool:
    return version.is_sold or version.is_archived or version.early_access_until is not None


def _merit(file: CivitaiFile) -> tuple[bool, ...]:
    return (
        file.type in _OF_THE_MODEL,
        file.is_primary is True,
        file.format == "SafeTensor",
        file.is_pruned,
        file.precision == "fp16",
    )
