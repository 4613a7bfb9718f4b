"""Which version at Civitai a file is: what was answered about its SHA-256, and what the user says.

It is kept by the file's hash, so it holds wherever the file is moved, and for all copies of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from attrs import frozen


@frozen(kw_only=True)
class CivitaiCandidate:
    """A version at Civitai that a file may be."""

    version_id: int
    model_id: int | None = None


@frozen(kw_only=True)
class Identity:
    """What is known of one file's place at Civitai.

    Attributes:
        sha256: of the file, in lower case.
        candidates: every version that Civitai knows with this very file; none when it was asked
            and knows none. A hash may be shared by several.
        pinned: the version that the user says it is; it wins over all candidates.
        asked_at: when Civitai was asked about the hash; None when it never was.
        refreshed_at: when the files beside the model were last written from its answer.
    """

    sha256: str
    candidates: tuple[CivitaiCandidate, ...] = ()
    pinned: CivitaiCandidate | None = None
    asked_at: datetime | None = None
    refreshed_at: datetime | None = None


class IdentityStore(ABC):
    """Remembers identities. Safe to use from several threads and several processes at once."""

    @abstractmethod
    def of(self, sha256s: Collection[str]) -> Mapping[str, Identity]:
        """What is known of these files, by their SHA-256 in lower case; unknown ones are left out.

        Any number may be asked for at once.
        """

    @abstractmethod
    def save(self, identities: Sequence[Identity]) -> None:
        """Keep these, all or none, each in place of what was known of its SHA-256."""
