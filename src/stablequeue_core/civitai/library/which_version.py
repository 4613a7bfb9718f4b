"""Which version at Civitai a file is taken for, and why. Decides; asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from attrs import frozen

from stablequeue_core.civitai.records import CivitaiFile, CivitaiModel, CivitaiVersion
from stablequeue_core.models import CivitaiCandidate, Identity, Model

_NEVER = datetime.max.replace(tzinfo=UTC)
_ROUNDING = 1024
"""Bytes by which a size that is told in rounded KiB may be off, and more."""


class FoundBy(StrEnum):
    """How it was found out which version a file is."""

    PIN = "pin"
    """The user says so."""

    ID = "id"
    """A file beside the model names it."""

    HASH = "hash"
    NAME = "name"


@frozen(kw_only=True)
class Choice:
    """A version that a file may be.

    Attributes:
        reason: why it is this one and not another, as a sentence.
    """

    candidate: CivitaiCandidate
    found_by: FoundBy
    reason: str


def ranked(
    identity: Identity, model: Model, versions: Iterable[CivitaiVersion] = ()
) -> Sequence[Choice]:
    """What a file may be, likeliest first; none, if nobody knows.

    The user's pin comes first. Of the versions that Civitai knows with this very file, the one
    that a file beside the model names goes before the one that calls its file as this one is
    called, and that before the one that was published first: the others have it from there.

    Args:
        identity: of the file.
        model: the file.
        versions: of the candidates, as far as they were fetched; where it is not known when they
            were published, the lower id counts as the earlier one.
    """
    known = {version.id: version for version in versions}
    pinned = identity.pinned
    rest = [
        each
        for each in identity.candidates
        if pinned is None or each.version_id != pinned.version_id
    ]

    def rank(candidate: CivitaiCandidate) -> tuple[bool, bool, datetime, int]:
        version = known.get(candidate.version_id)
        published = version.published_at if version else None
        return (
            candidate.version_id != model.card.version_id,
            not _calls_it_so(version, model),
            published or _NEVER,
            candidate.version_id,
        )

    def reason(candidate: CivitaiCandidate) -> str:
        if len(identity.candidates) == 1:
            return "It is the only version at Civitai with this very file."
        several = f"{len(identity.candidates)} versions at Civitai have this very file"
        not_named, not_called_so, _, _ = rank(candidate)
        if not not_named:
            return f"{several}; what lies beside it names this one."
        if not not_called_so:
            return f"{several}; this one calls it the same."
        return f"{several}; this one was published first."

    choices = [
        Choice(candidate=each, found_by=FoundBy.HASH, reason=reason(each))
        for each in sorted(rest, key=rank)
    ]
    if pinned is None:
        return choices
    said = "You have said that it is this version."
    return [Choice(candidate=pinned, found_by=FoundBy.PIN, reason=said), *choices]


def has_file(version: CivitaiVersion, sha256: str) -> bool:
    """Whether Civitai says that a version has the file with this SHA-256."""
    return any(file.hashes.sha256 == sha256 for file in version.files)


def version_among(civitai_model: CivitaiModel, model: Model) -> CivitaiVersion | None:
    """Which version of its model at Civitai a file is; None when that cannot be told.

    Told by its SHA-256, else by the name and the size of a file, else by its name, else by its
    size: by what fits exactly one version.
    """
    tests: Sequence[Callable[[CivitaiFile], bool]] = (
        lambda file: _has_sha256(file, model),
        lambda file: is_called_so(file, model) and is_of_size(file, model),
        lambda file: is_called_so(file, model),
        lambda file: is_of_size(file, model),
    )
    for fits in tests:
        found = [v for v in civitai_model.versions if any(fits(file) for file in v.files)]
        if len(found) == 1:
            return found[0]
    return None


def certain_match(answers: Iterable[CivitaiModel], model: Model) -> CivitaiVersion | None:
    """The one version among many whose file can be no other than this one; None without such.

    It has the very name in any case, and the very size to the byte; or the very hash. A second
    version that has the same, or whose rounded size leaves room for doubt, makes it uncertain.
    """
    by_hash: dict[int, CivitaiVersion] = {}
    by_name: dict[int, CivitaiVersion] = {}
    doubts: set[int] = set()
    for version in (version for answer in answers for version in answer.versions):
        if has_file(version, model.hashes.sha256 or ""):
            by_hash[version.id] = version
        called_so = [file for file in version.files if is_called_so(file, model)]
        if any(is_of_size(file, model) for file in called_so):
            by_name[version.id] = version
        if any(_may_be_of_size(file, model) for file in called_so):
            doubts.add(version.id)
    if by_hash:
        return next(iter(by_hash.values())) if len(by_hash) == 1 else None
    is_certain = len(by_name) == 1 and doubts <= by_name.keys()
    return next(iter(by_name.values())) if is_certain else None


def is_called_so(file: CivitaiFile, model: Model) -> bool:
    """Whether a file at Civitai has the model's file name, in any case."""
    return file.name.casefold() == model.filename.casefold()


def is_of_size(file: CivitaiFile, model: Model) -> bool:
    """Whether a file at Civitai has the model's size, to the byte."""
    return file.has_exact_size and file.size == model.size


def _has_sha256(file: CivitaiFile, model: Model) -> bool:
    return model.hashes.sha256 is not None and file.hashes.sha256 == model.hashes.sha256


def _may_be_of_size(file: CivitaiFile, model: Model) -> bool:
    if file.has_exact_size:
        return False
    return file.size is None or abs(file.size - model.size) <= _ROUNDING


def _calls_it_so(version: CivitaiVersion | None, model: Model) -> bool:
    return version is not None and any(is_called_so(file, model) for file in version.files)
