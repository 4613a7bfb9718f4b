"""Looks for a model file at Civitai by its name, where nothing else is known of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.library.which_version import certain_match
from stablequeue_core.civitai.records import CivitaiFile, CivitaiModel, CivitaiVersion
from stablequeue_core.errors import CivitaiNotFound, NotIdentified
from stablequeue_core.models import Model, ModelKind, nearest_first

MOST_SEARCHES = 3
MOST_NAMED = 10

_TYPES: Mapping[ModelKind, Sequence[str]] = {
    ModelKind.CHECKPOINT: ("Checkpoint",),
    ModelKind.LORA: ("LORA", "LoCon", "DoRA"),
    ModelKind.EMBEDDING: ("TextualInversion",),
    ModelKind.UPSCALER: ("Upscaler",),
    ModelKind.CONTROLNET: ("Controlnet",),
}
"""What models of a kind are called at Civitai. A VAE comes with a checkpoint as well as alone."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+")
_SAYS_WHICH = re.compile(
    r"v?\d+[a-z]?|v|fp\d+|bf\d+|pruned|full|ema|noema|final|beta|alpha|lora|locon", re.IGNORECASE
)
"""Words at the end of a name that tell a version, and are not in the name of a model."""


def version_by_name(client: CivitaiClient, model: Model) -> CivitaiVersion:
    """The version that a file must be by its name and size, or by a hash that is found on the way.

    Args:
        client: asks.
        model: the file.

    Raises:
        NotIdentified: nothing is called so, or not for certain.
        CivitaiError: Civitai cannot be asked now.
    """
    answers: dict[int, CivitaiModel] = {}
    for words in islice(searches(model), MOST_SEARCHES):
        found = client.search(words, types=_TYPES.get(model.kind, ()))
        answers |= {each.id: each for each in found}
        version = certain_match(answers.values(), model)
        if version is not None:
            return whole(client, version)
    raise NotIdentified(model.filename, nearest(answers.values(), model))


def whole(client: CivitaiClient, version: CivitaiVersion) -> CivitaiVersion:
    """All that there is to know of a version, of which a model's own list tells less.

    Raises:
        CivitaiError: Civitai cannot be asked now.
    """
    try:
        return client.version(version.id)
    except CivitaiNotFound:  # as of one without files
        return version


def searches(model: Model) -> Iterator[str]:
    """Words to search for, likeliest first, each once.

    The name of a file is the name of the model and that of the version, written as one word, or
    anything else.
    """
    told: dict[str, None] = {}
    if model.card.name:
        told.setdefault(model.card.name)
    words = _WORD.findall(model.stem)
    told.setdefault(" ".join(_without_version(words)))
    told.setdefault(" ".join(_without_version(_WORD.findall(model.stem.rpartition("_")[0]))))
    told.setdefault(" ".join(words))
    return (text for text in told if text)


def nearest(answers: Iterable[CivitaiModel], model: Model) -> Sequence[Mapping[str, Any]]:
    """The versions whose files are called most like the model, as data for people to choose."""
    named: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for version in (version for answer in answers for version in answer.versions):
        for file in version.files:
            named[file.name].append(_as_data(version, file))
    order = nearest_first(model.filename, named)
    return [each for name in order for each in named[name]][:MOST_NAMED]


def _as_data(version: CivitaiVersion, file: CivitaiFile) -> Mapping[str, Any]:
    return {
        "version_id": version.id,
        "model_id": version.model_id,
        "name": version.model_name,
        "version": version.name,
        "filename": file.name,
    }


def _without_version(words: Sequence[str]) -> Sequence[str]:
    kept = list(words)
    while len(kept) > 1 and _SAYS_WHICH.fullmatch(kept[-1]):
        kept.pop()
    return kept
