"""The dialects: from the JSON of a tool's sidecar to what it says. Opens no file."""

from __future__ import annotations

import json

from attrs import evolve

from stablequeue_core.models.files.sidecars.civitai_objects import (
    base_model,
    downloads,
    favorited,
    model_card,
    rating,
    version_card,
    version_files,
    version_of,
)
from stablequeue_core.models.files.sidecars.fields import Fields
from stablequeue_core.models.files.sidecars.our_mark import Mark
from stablequeue_core.models.files.sidecars.testimony import Dialect, FileClaim, Subject, Testimony
from stablequeue_core.models.model import EMPTY_CARD, ModelCard

_NANOSECONDS = 10**9
_BROWSER_PLUS_KEYS = ("modelId", "modelVersionId", "sha256")
_CIVITAI_SOURCES = ("0", "civitai")
"""StabilityMatrix c255230 ``ConnectedModelSource``: a number or, to be safe, its name."""


def forge_json(own: Fields) -> Testimony:
    """``<stem>.json`` of Forge and A1111: what the user typed in.

    Keys as in Forge dfdcbab6 ``ui_extra_networks_user_metadata.py``, its LoRA and its checkpoint
    editor. A preferred weight of 0 means the default there.
    """
    of_checkpoint = (own.text("sd_version_str") or "").removeprefix("SdVersion.")
    card = ModelCard(
        description=own.description("description"),
        notes=own.prose("notes"),
        base_model=base_model(own.text("sd version")) or base_model(of_checkpoint),
        trigger_words=own.words("activation text"),
        negative_text=own.prose("negative text"),
        preferred_weight=own.number("preferred weight") or None,
    )
    return Testimony(dialect=Dialect.FORGE_JSON, card=card)


def civitai_api(info: Fields, mark: Mark, subject: Subject) -> Testimony:
    """``<stem>.civitai.info`` of our own: a version object, and for which file we fetched it.

    Hashes at Civitai may be wrong, and a user may know better, so that our own note of the file
    counts, as long as it is that file.

    Args:
        info: the version object.
        mark: our notes in it.
        subject: the file.
    """
    listed = version_files(info)
    ours = FileClaim(sha256=mark.sha256, size=mark.size)
    is_ours = mark.sha256 == subject.sha256
    if subject.sha256 is None:
        is_ours = mark.size == subject.size
    is_listed = any(claim.sha256 == mark.sha256 for claim in listed)
    return Testimony(
        dialect=Dialect.CIVITAI_API,
        card=version_card(info),
        files=(ours,) if is_ours else (ours, *listed),
        is_surmise=is_ours and not (is_listed or mark.pinned),
    )


def civitai_info(info: Fields) -> Testimony:
    """``<stem>.civitai.info`` of Civitai Helper: a version object; ``{}`` when none was found."""
    return Testimony(
        dialect=Dialect.CIVITAI_INFO, card=version_card(info), files=version_files(info)
    )


def lora_manager(metadata: Fields) -> Testimony:
    """``<stem>.metadata.json`` of ComfyUI-Lora-Manager: its own shape, a version object inside."""
    version = metadata.inner("civitai")
    inner = version_card(version)
    own_name = metadata.text("model_name")
    digest = metadata.sha256("sha256")
    size, modified = metadata.count("size"), metadata.number("modified")
    own_base_model = base_model(metadata.text("base_model"))
    card = evolve(
        inner,
        # Where it knows no name, it takes the file's.
        name=own_name if own_name != metadata.text("file_name") else inner.name,
        description=metadata.description("modelDescription") or inner.description,
        notes=metadata.prose("notes"),
        base_model=own_base_model or inner.base_model,
        tags=metadata.words("tags") or inner.tags,
        trigger_words=inner.trigger_words or metadata.words("trainedWords"),
        preferred_weight=_usage_tips(metadata).number("strength") or None,
    )
    return Testimony(
        dialect=Dialect.LORA_MANAGER,
        card=card,
        files=(FileClaim(sha256=digest, size=size),) if digest else version_files(version),
        seen_ns=None if modified is None else int(modified * _NANOSECONDS),
        has_own_base_model=own_base_model not in (None, inner.base_model),
    )


def stability_matrix(info: Fields) -> Testimony:
    """``<stem>.cm-info.json`` of StabilityMatrix; its models may come from elsewhere, too."""
    stats = (info.inner("Stats"),)
    source = info.text("Source") or str(info.count("Source") or 0)
    is_civitais = source.lower() in _CIVITAI_SOURCES
    digest = info.inner("Hashes").sha256("SHA256")
    card = ModelCard(
        name=info.text("UserTitle", "ModelName"),
        version=info.text("VersionName"),
        description=info.description("ModelDescription", "VersionDescription"),
        base_model=base_model(info.text("BaseModel")),
        creator=info.text("AuthorUsername"),
        tags=info.words("Tags"),
        trigger_words=info.words("TrainedWords"),
        nsfw=info.flag("Nsfw"),
        model_id=info.identifier("ModelId") if is_civitais else None,
        version_id=info.identifier("VersionId") if is_civitais else None,
        downloads=downloads(stats),
        favorited=favorited(stats),
        rating=rating(stats),
    )
    return Testimony(
        dialect=Dialect.STABILITY_MATRIX,
        card=card,
        files=(FileClaim(sha256=digest),) if digest else (),
    )


def browser_plus(own: Fields, model: Fields, subject: Subject) -> Testimony:
    """What sd-civitai-browser-plus adds to Forge's JSON, and its ``<stem>.api_info.json``.

    Args:
        own: Forge's JSON, which holds ids and a SHA-256.
        model: the other file, which is a whole model object with all of its versions.
        subject: the file, to find its version among those.
    """
    if not own.has_any(*_BROWSER_PLUS_KEYS) and not model.has_any("id", "modelVersions"):
        return Testimony(dialect=Dialect.BROWSER_PLUS, card=EMPTY_CARD)
    model_id, version_id = own.identifier("modelId"), own.identifier("modelVersionId")
    digest = own.sha256("sha256")
    if model_id is not None and model.identifier("id") not in (None, model_id):
        model = Fields(None)  # left over from another model
    version = version_of(model, subject, version_id) or Fields(None)
    card = model_card(model, version)
    if card.version_id is None:
        card = evolve(card, model_id=model_id or card.model_id, version_id=version_id)
    versions = (version,) if card.version_id else model.each("modelVersions")
    claims = [claim for each in versions for claim in version_files(each)]
    if digest:
        claims.append(FileClaim(sha256=digest))
    return Testimony(dialect=Dialect.BROWSER_PLUS, card=card, files=tuple(claims))


def stablequeue_download(info: Fields) -> Testimony:
    """``<stem>.civitai.json``, which earlier versions of StableQueue left beside a download.

    Their ``hash_autov2`` is the hash of the first MiB only, so it is not read.
    """
    digest = info.sha256("hash_sha256")
    card = ModelCard(
        name=info.text("name"),
        description=info.description("description"),
        base_model=base_model(info.text("baseModel")),
        trigger_words=info.words("trainedWords"),
        model_id=info.identifier("modelId"),
        version_id=info.identifier("modelVersionId", "civitaiVersionId"),
    )
    return Testimony(
        dialect=Dialect.STABLEQUEUE_DOWNLOAD,
        card=card,
        files=(FileClaim(sha256=digest),) if digest else (),
    )


def swarmui(header: Fields) -> Testimony:
    """``<stem>.swarm.json`` of SwarmUI: a header's ``modelspec`` fields in a file of their own.

    Its ``modelspec.hash_sha256`` is that of the tensors, not of the file, so it is not read.
    """
    architecture = header.text("modelspec.architecture", "modelspec.compat_class") or ""
    card = ModelCard(
        name=header.text("modelspec.title"),
        description=header.description("modelspec.description"),
        notes=header.prose("modelspec.usage_hint"),
        base_model=base_model(architecture.partition("/")[0]),
        creator=header.text("modelspec.author"),
        tags=header.words("modelspec.tags"),
        trigger_words=header.words("modelspec.trigger_phrase"),
    )
    return Testimony(dialect=Dialect.SWARMUI, card=card)


def _usage_tips(metadata: Fields) -> Fields:
    """A JSON object in a text."""
    try:
        return Fields(json.loads(metadata.text("usage_tips") or "{}"))
    except (ValueError, RecursionError):
        return Fields(None)
