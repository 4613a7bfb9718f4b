"""Which version, which of its files, and what it is for. Decides; asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from stablequeue_core.civitai.records import CivitaiFile, CivitaiModel, CivitaiVersion
from stablequeue_core.models import Hashes, ModelKind
from stablequeue_core.models.digests import AUTOV2_CHARS

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
    if not is_a_model(file):
        return None
    return _KIND_OF_FILE.get(file.type) or KIND_OF_TYPE.get(version.model_type.lower())


def chosen_version(model: CivitaiModel, now: datetime) -> CivitaiVersion | None:
    """The version that the address of a model alone means: the newest that can be had.

    Flags may be out of date in either direction, so where all are closed the newest is tried all
    the same: its own refusal says why.
    """
    with_files = [version for version in model.versions if version.files]
    open_ones = [v for v in with_files if v.is_for_download and not _is_closed(v, now)]
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
        kind: what the file shall be for, in the user's word against Civitai's where that has no
            file of such a type; None for any model.
        choice: only a file of which the address of a download told this: ``type``, ``format``,
            ``size`` and ``fp``, with Civitai's words.
    """
    wanted = dict(choice or {})
    files = [
        file
        for file in version.files
        if is_a_model(file) and wanted.items() <= _told_apart_by(file).items()
    ]
    if kind is not None:
        files = [file for file in files if kind_of(version, file) is kind] or [
            file for file in files if file.type in _OF_THE_MODEL
        ]
    return max(files, key=_merit, default=None)


def file_with_id(version: CivitaiVersion, file_id: int) -> CivitaiFile | None:
    """The file with this id; None: it is of another version."""
    return next((file for file in version.files if file.id == file_id), None)


def file_with_digest(version: CivitaiVersion, digest: str) -> CivitaiFile | None:
    """The file whose hash this is; None: the version has no such file any more."""
    return next((file for file in version.files if has_hash(file.hashes, digest)), None)


def is_a_model(file: CivitaiFile) -> bool:
    """Whether it is no config, archive, workflow or data to train with."""
    return file.type not in _NO_MODEL


def has_hash(hashes: Hashes, digest: str) -> bool:
    """Whether a digest is the SHA-256, the AutoV2 or the AutoV3 of a file; in any case."""
    digits = digest.lower()
    begins_so = hashes.sha256 is not None and hashes.sha256.startswith(digits)
    return len(digits) >= AUTOV2_CHARS and (begins_so or digits == hashes.autov3)


def _told_apart_by(file: CivitaiFile) -> Mapping[str, str | None]:
    return {
        "type": file.type,
        "format": file.format,
        "size": "pruned" if file.is_pruned else "full",
        "fp": file.precision,
    }


def _is_closed(version: CivitaiVersion, now: datetime) -> bool:
    opens = version.early_access_until
    return version.is_sold or version.is_archived or (opens is not None and opens > now)


def _merit(file: CivitaiFile) -> tuple[bool, ...]:
    return (
        file.type in _OF_THE_MODEL,
        file.is_primary is True,
        file.format == "SafeTensor",
        file.is_pruned,
        file.precision == "fp16",
    )
