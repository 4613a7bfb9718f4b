"""Whom we believe what: the order of trust, as data, and what follows from it. Opens no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from stablequeue_core.models.files.sidecars.testimony import Dialect, Subject, Testimony
from stablequeue_core.models.model import EMPTY_CARD, ModelCard
from stablequeue_core.models.paths import stem

_USER_FIRST = tuple(Dialect)
_RECORDS_FIRST = (*(d for d in Dialect if d is not Dialect.FORGE_JSON), Dialect.FORGE_JSON)

TRUST: Mapping[str, tuple[Dialect, ...]] = {
    "description": _USER_FIRST,
    "notes": _USER_FIRST,
    "trigger_words": _USER_FIRST,
    "preferred_weight": _USER_FIRST,
    "negative_text": _USER_FIRST,
    "name": _RECORDS_FIRST,
    "version": _RECORDS_FIRST,
    "base_model": _RECORDS_FIRST,
    "creator": _RECORDS_FIRST,
    "tags": _RECORDS_FIRST,
    "nsfw": _RECORDS_FIRST,
    "downloads": _RECORDS_FIRST,
    "favorited": _RECORDS_FIRST,
    "rating": _RECORDS_FIRST,
    "version_id": _RECORDS_FIRST,
}
"""For each field of a card, whose word counts first.

``model_id`` goes with ``version_id``, and ``base_model_confirmed`` with ``base_model``.
"""

_TOLERANCE_NS = 10**9
"""Some file systems, and some tools, keep times in whole seconds."""


def is_about(testimony: Testimony, subject: Subject) -> bool:
    """Whether a sidecar can be about the file: it names no SHA-256, or the file's own."""
    known = subject.sha256
    return known is None or not testimony.files or any(c.sha256 == known for c in testimony.files)


def judged(testimony: Testimony, subject: Subject) -> Testimony:
    """The testimony without what holds of another file only, if that is the one it is about.

    A sidecar that was left behind when its model was replaced still describes the model, but not
    this version of it.
    """
    if is_about(testimony, subject):
        return testimony
    card = evolve(
        testimony.card,
        version=None,
        base_model=None,
        model_id=None,
        version_id=None,
        downloads=None,
        favorited=None,
        rating=None,
    )
    return evolve(testimony, card=card, files=())


def merged(testimonies: Sequence[Testimony], sha256: str | None) -> ModelCard:
    """One card out of many: each field from the first that has it, in the order of trust.

    Args:
        testimonies: judged already.
        sha256: of the model file, in lower case; None where it is not known.
    """
    told = {t.dialect: t for t in testimonies if t.card != EMPTY_CARD}
    cards = {dialect: testimony.card for dialect, testimony in told.items()}
    if not cards:
        return EMPTY_CARD
    values: dict[str, Any] = {}
    tellers: dict[str, Testimony] = {}
    for name, order in TRUST.items():
        for dialect in order:
            if dialect in cards and (value := getattr(cards[dialect], name)) not in (None, ()):
                values[name], tellers[name] = value, told[dialect]
                break
    return ModelCard(
        **values,
        base_model_confirmed=(
            "base_model" in tellers and is_civitais_answer(tellers["base_model"], sha256)
        ),
        model_id=_model_id(cards, values.get("version_id")),
        sources=tuple(dialect.value for dialect in Dialect if dialect in cards),
    )


def is_civitais_answer(testimony: Testimony, sha256: str | None) -> bool:
    """Whether its base model is what Civitai answered about the file with this very SHA-256.

    An id alone proves nothing: a sidecar that names no hash may be left over from another file.
    What the user says that a file is at Civitai, counts as if Civitai had.
    """
    return (
        testimony.dialect.repeats_civitai
        and testimony.card.version_id is not None
        and not testimony.has_own_base_model
        and not testimony.is_surmise
        and any(claim.sha256 == sha256 for claim in testimony.files)
    )


def vouched_sha256(testimonies: Sequence[Testimony], subject: Subject) -> str | None:
    """The SHA-256 that a sidecar can be believed to be this very file's; None when none can.

    A sidecar vouches for a hash when it names the file's size to the byte and is not older than
    the file. Two that disagree vouch for nothing.
    """
    found = {digest for testimony in testimonies for digest in _vouched(testimony, subject)}
    digest = found.pop() if len(found) == 1 else None
    return digest if subject.sha256 in (None, digest) else None


def _model_id(cards: Mapping[Dialect, ModelCard], version_id: int | None) -> int | None:
    """The id of the model that the version belongs to: never one that goes with another version."""
    for dialect in TRUST["version_id"]:
        card = cards.get(dialect)
        if card and card.model_id is not None and version_id in (None, card.version_id):
            return card.model_id
    return None


def _vouched(testimony: Testimony, subject: Subject) -> set[str]:
    if testimony.seen_ns is None or testimony.seen_ns + _TOLERANCE_NS < subject.mtime_ns:
        return set()
    fitting = [claim for claim in testimony.files if claim.size == subject.size]
    # A hash that is told without a size says which of the sized ones is meant.
    unsized = {claim.sha256 for claim in testimony.files if claim.size is None}
    if unsized:
        fitting = [claim for claim in fitting if claim.sha256 in unsized]
    digests = {claim.sha256 for claim in fitting}
    if len(digests) > 1:
        digests = {c.sha256 for c in fitting if c.name and stem(c.name) == subject.stem}
    return digests if len(digests) == 1 else set()
