"""Finds out which version at Civitai one file is: by what is known of it, surest first."""

from __future__ import annotations

from attrs import frozen

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.library.by_name import version_by_name, whole
from stablequeue_core.civitai.library.identifying import Identifier
from stablequeue_core.civitai.library.identity_book import IdentityBook
from stablequeue_core.civitai.library.which_version import (
    FoundBy,
    has_file,
    is_called_so,
    ranked,
    version_among,
)
from stablequeue_core.civitai.records import CivitaiModel, CivitaiVersion
from stablequeue_core.errors import CivitaiGarbled, CivitaiNotFound, CivitaiRefused
from stablequeue_core.models import FileFormat, Model
from stablequeue_core.models.digests import AUTOV3_CHARS

_HEADERS_DIFFER = 2**20
"""Bytes by which a file may have grown or shrunk when somebody edited its header."""


@frozen(kw_only=True)
class Found:
    """A version that a file is.

    Attributes:
        version: with all that there is to know of it.
        found_by: how.
        reason: how sure that is, and why, as a sentence.
    """

    version: CivitaiVersion
    found_by: FoundBy
    reason: str


class Finder:
    """Finds the version of one file, asking as often as it takes. Safe to use from several threads.

    Args:
        client: asks.
        identifier: asks by hash, and keeps the answers.
        book: knows what the user has pinned.
    """

    def __init__(self, client: CivitaiClient, identifier: Identifier, book: IdentityBook) -> None:
        self._client = client
        self._identifier = identifier
        self._book = book

    def find(self, model: Model, sha256: str) -> Found:
        """The version that a file is.

        The user's pin decides. Else it is the version that a file beside the model names, if
        Civitai lists this very file there; else what Civitai knows by the hash, or by that of the
        tensors alone; else what was named all the same; else what has its name, if that is certain.

        Args:
            model: the file.
            sha256: its hash.

        Raises:
            CivitaiNotFound: it cannot be told, or what the user has pinned is not there any more.
            CivitaiError: Civitai cannot be asked now.
            StorageError: what it answered cannot be kept.
        """
        found = self.find_unnamed(model, sha256)
        if found is not None:
            return found
        said = "Only this version has a file of its name and size; Civitai does not know its hash."
        version = version_by_name(self._client, model)
        return Found(version=version, found_by=FoundBy.NAME, reason=said)

    def find_unnamed(self, model: Model, sha256: str, *, by_hash: bool = True) -> Found | None:
        """The same, but not by its name; None when it cannot be told without.

        Args:
            model: the file.
            sha256: its hash.
            by_hash: False when Civitai was asked for the hash already, and does not know it.

        Raises:
            CivitaiNotFound: what the user has pinned is not there any more.
            CivitaiError, StorageError: as :meth:`find`.
        """
        pinned = self._book.of(sha256).pinned
        if pinned is not None:
            said = "You have said that it is this version."
            version = self._client.version(pinned.version_id)
            return Found(version=version, found_by=FoundBy.PIN, reason=said)
        named = self._named(model)
        if named is not None and has_file(named, sha256):
            said = "What lies beside it names this version, and Civitai lists this very file there."
            return Found(version=named, found_by=FoundBy.ID, reason=said)
        found = self._by_sha256(model, sha256) if by_hash else None
        found = found or self._by_autov3(model)
        if found is not None or named is None:
            return found
        said = "What lies beside it names this version; Civitai does not know this very file."
        return Found(version=named, found_by=FoundBy.ID, reason=said)

    def _by_autov3(self, model: Model) -> Found | None:
        """The version with the same tensors; None: there is none, or it is not certain.

        A file whose header was edited keeps them. What Civitai calls AutoV3 is of the tensors, or
        what the file's header tells, which may be wrong: so name or size have to fit as well.

        Raises:
            CivitaiError: Civitai cannot be asked now.
        """
        if model.format is not FileFormat.SAFETENSORS:
            return None
        told = (model.hashes.told or "")[:AUTOV3_CHARS]
        for digest in dict.fromkeys(each for each in (model.hashes.autov3, told) if each):
            try:
                version = self._client.version_by_hash(digest)
            except CivitaiNotFound:
                continue
            for file in version.files:
                same_tensors = file.hashes.autov3 == digest
                near = file.size is not None and abs(file.size - model.size) <= _HEADERS_DIFFER
                if same_tensors and (is_called_so(file, model) or near):
                    too = "name" if is_called_so(file, model) else "size"
                    said = (
                        "Its tensors are those of a file of this version (AutoV3), and so is its "
                        f"{too}; Civitai does not know its SHA-256, so its header was edited."
                    )
                    return Found(version=version, found_by=FoundBy.HASH, reason=said)
        return None

    def model_of(self, version: CivitaiVersion) -> CivitaiModel | None:
        """The model that a version belongs to; None where it cannot be had.

        Raises:
            CivitaiUnavailable: Civitai cannot be asked now.
        """
        if version.model_id is None:
            return None
        try:
            return self._client.model(version.model_id)
        except (CivitaiNotFound, CivitaiRefused, CivitaiGarbled):
            return None

    def _named(self, model: Model) -> CivitaiVersion | None:
        """The version that a file beside the model names, or that of its model that fits best."""
        try:
            if model.card.version_id is not None:
                return self._client.version(model.card.version_id)
            if model.card.model_id is None:
                return None
            version = version_among(self._client.model(model.card.model_id), model)
        except CivitaiNotFound:
            return None
        return None if version is None else whole(self._client, version)

    def _by_sha256(self, model: Model, sha256: str) -> Found | None:
        identity = self._identifier.identify([sha256], again=True)[sha256]
        several = len(identity.candidates) > 1
        listed = self._client.versions_by_hash([sha256]).get(sha256, ()) if several else ()
        for choice in ranked(identity, model, listed):
            try:
                version = self._client.version(choice.candidate.version_id)
            except CivitaiNotFound:
                continue
            return Found(version=version, found_by=FoundBy.HASH, reason=choice.reason)
        return None
