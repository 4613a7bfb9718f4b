"""The models that a picture names, in each of the ways in which pictures do that. Pure.

Civitai's own generator gives numbers of versions, A1111 and Forge give names and hashes, ComfyUI
gives resource names; and one picture may name one model in all of these ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from attrs import frozen

from stablequeue_core.civitai.choosing import KIND_OF_TYPE
from stablequeue_core.generation import Infotext, LoraMention, loras_in, named_hashes
from stablequeue_core.generation.civitai_names import civitai_name
from stablequeue_core.models import ModelKind
from stablequeue_core.models.digests import is_hash_of_nothing
from stablequeue_core.models.files.sidecars.fields import Fields
from stablequeue_core.models.paths import filename_of

MOST_MENTIONS = 64
"""No picture needs so many models."""

_MOST_READ = 1000

_OTHER_WORDS: Mapping[str, str] = {
    "model": ModelKind.CHECKPOINT,
    "embed": ModelKind.EMBEDDING,
    "ti": ModelKind.EMBEDDING,
    "lycoris": ModelKind.LORA,
    "hypernet": "hypernetwork",
}
"""What pictures write where models on Civitai have a type."""

_AIR_TYPE = re.compile(r"(?:urn:)?(?:air:)?[^:]*:([^:]*):civitai:", re.IGNORECASE)
_EXTENSION = re.compile(r"\.(?:safetensors|sft|ckpt|pt|pth|bin|gguf)$", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-fA-F]{8,64}")
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,6}(?:\.[0-9]{0,20})?\s*")
_HEAVIEST = 100.0
_LOST_IN_NAMES = str.maketrans("", "", ":,")
"""A1111 leaves these out of names in its lists of hashes."""


@frozen(kw_only=True)
class Mention:
    """A model as a picture names it; None for what the picture does not say.

    Attributes:
        type: in our words: a kind of model file, or what else it is, in lower case.
        name: as the picture has it; without folder and extension, or with them.
        hash: 8 to 64 hex digits, in lower case.
        weight: of a LoRA; of its UNet where there are two.
        clip_weight: of its text encoder; None: the same.
    """

    type: str | None = None
    name: str | None = None
    hash: str | None = None
    version_id: int | None = None
    model_id: int | None = None
    weight: float | None = None
    clip_weight: float | None = None


def mentions_of(infotext: Infotext) -> list[Mention]:
    """The models that an infotext names, surest first; some of them perhaps twice."""
    settings = infotext.settings
    return [
        *by_version(list(infotext.civitai_resources)),
        Mention(
            type=ModelKind.CHECKPOINT,
            name=infotext.model,
            hash=_hash(infotext.model_hash),
        ),
        *(
            Mention(type=kind, name=name, hash=_hash(digest))
            for kind, key in (
                (ModelKind.LORA, "Lora hashes"),
                (ModelKind.EMBEDDING, "TI hashes"),
            )
            for name, digest in named_hashes(settings.get(key, ""))
        ),
        *(
            Mention(type=ModelKind.VAE, name=name, hash=_hash(settings.get("VAE hash")))
            for name in infotext.modules
        ),
        *_in_prompts(infotext),
    ]


def by_version(resources: object) -> Iterator[Mention]:
    """Those of ``civitaiResources``: the list of Civitai's own generator."""
    for resource in Fields({"": resources}).each(""):
        yield Mention(
            type=_type(resource.text("type")),
            name=resource.text("modelName"),
            version_id=resource.identifier("modelVersionId"),
            model_id=resource.identifier("modelId"),
            weight=_weight(resource, "weight"),
        )


def by_resource_name(resources: object) -> Iterator[Mention]:
    """Those of ``additionalResources``: a list of resource names, with two weights."""
    for resource in Fields({"": resources}).each(""):
        air = resource.text("name") or ""
        named = civitai_name(air)
        found = _AIR_TYPE.match(air)
        yield Mention(
            type=_type(found[1] if found else resource.text("type")),
            name=None if named else air or None,
            version_id=named.version_id if named else None,
            model_id=named.model_id if named else None,
            weight=_weight(resource, "strength"),
            clip_weight=_weight(resource, "strengthClip"),
        )


def by_hash(hashes: object, resources: object) -> Iterator[Mention]:
    """Those of ``hashes`` (``"lora:<name>": hash``) and of ``resources`` (with name and hash)."""
    for key, digest in hashes.items() if isinstance(hashes, dict) else ():
        kind, _, name = str(key).partition(":")
        yield Mention(type=_type(kind), name=_name(name), hash=_hash(digest))
    for resource in Fields({"": resources}).each(""):
        yield Mention(
            type=_type(resource.text("type")),
            name=resource.text("name"),
            hash=_hash(resource.text("hash")),
            weight=_weight(resource, "weight"),
        )


def by_number(version_ids: object) -> Iterator[Mention]:
    """Those of a list of versions, of which nothing else is told."""
    for version_id in version_ids if isinstance(version_ids, list | tuple) else ():
        yield Mention(version_id=Fields({"id": version_id}).identifier("id"))


def each_once(mentions: Iterable[Mention]) -> tuple[Mention, ...]:
    """The models, each with all that is said of it; of two different words, the first counts."""
    models: list[Mention] = []
    for mention in islice(mentions, _MOST_READ):
        if not (mention.version_id or mention.hash or mention.name):
            continue
        known = next((one for one in models if _is_same(one, mention)), None)
        if known is not None:
            models[models.index(known)] = _merged(known, mention)
        elif len(models) < MOST_MENTIONS:
            models.append(mention)
    return tuple(models)


def plain_name(name: str) -> str:
    r"""A model's name without folder, and without the extension of a model file.

    Example:
        >>> plain_name(r"styles\ink_v1.5.safetensors"), plain_name("ink_v1.5")
        ('ink_v1.5', 'ink_v1.5')
    """
    return _EXTENSION.sub("", filename_of(name.replace("\\", "/")))


def same_name(one: str, other: str) -> bool:
    """Whether two plain names are one but for case, and for what is lost in lists of hashes."""
    return _folded(one) == _folded(other)


def _in_prompts(infotext: Infotext) -> Iterator[Mention]:
    prompts = (infotext.positive_prompt, infotext.settings.get("Hires prompt", ""))
    loras: list[LoraMention] = [lora for prompt in prompts for lora in loras_in(prompt)]
    for lora in loras:
        clip = None if lora.te == lora.unet else lora.te
        yield Mention(
            type=ModelKind.LORA, name=_name(lora.name), weight=lora.unet, clip_weight=clip
        )


def _is_same(one: Mention, other: Mention) -> bool:
    if one.version_id and other.version_id:
        return one.version_id == other.version_id
    if one.hash and other.hash:
        return one.hash.startswith(other.hash) or other.hash.startswith(one.hash)
    if one.type != other.type:
        return False
    # A picture has one checkpoint; of the first that is named, the hash or the name may follow.
    if one.type == ModelKind.CHECKPOINT and (one.name is None or other.name is None):
        return True
    return bool(one.name and other.name and same_name(one.name, other.name))


def _merged(one: Mention, other: Mention) -> Mention:
    return Mention(
        type=one.type or other.type,
        name=one.name or other.name,
        hash=max(one.hash or "", other.hash or "", key=len) or None,
        version_id=one.version_id or other.version_id,
        model_id=one.model_id or other.model_id,
        weight=other.weight if one.weight is None else one.weight,
        clip_weight=other.clip_weight if one.weight is None else one.clip_weight,
    )


def _type(word: str | None) -> str | None:
    folded = (word or "").strip().lower()
    return KIND_OF_TYPE.get(folded) or _OTHER_WORDS.get(folded) or folded or None


def _name(text: str) -> str | None:
    return Fields({"name": text}).text("name")


def _folded(name: str) -> str:
    return " ".join(plain_name(name).translate(_LOST_IN_NAMES).casefold().split())


def _hash(digest: object) -> str | None:
    text = digest.strip().lower() if isinstance(digest, str) else ""
    return text if _HASH.fullmatch(text) and not is_hash_of_nothing(text) else None


def _weight(resource: Fields, key: str) -> float | None:
    """A weight as a number or as text; one that nobody can mean is none."""
    text = resource.text(key) or ""
    weight = float(text) if _NUMBER.fullmatch(text) else resource.number(key)
    return weight if weight is not None and abs(weight) <= _HEAVIEST else None
