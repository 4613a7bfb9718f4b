"""A model that a picture was made with: what the picture, Civitai and our own disk say of it."""

from __future__ import annotations

from attrs import evolve, frozen

from stablequeue_core.civitai.choosing import KIND_OF_TYPE, chosen_file, kind_of
from stablequeue_core.civitai.images.mentions import Mention
from stablequeue_core.civitai.reading.digests import askable, has_digest
from stablequeue_core.civitai.records import CivitaiFile, CivitaiVersion
from stablequeue_core.generation.infotext import CIVITAI_VERSION
from stablequeue_core.models import Model, ModelKind
from stablequeue_core.models.naming.civitai_versions import civitai_version


@frozen(kw_only=True)
class Resource:
    """A model that a picture was made with, with all that could be found out.

    Attributes:
        mention: what the picture says.
        version: what it is at Civitai; None: it is not known there, or nobody could be asked.
        local: the file here; None: there is none that is proved to be it.
        was_used: whether the picture itself names it; else somebody has only added it to its page.
    """

    mention: Mention
    version: CivitaiVersion | None = None
    local: Model | None = None
    was_used: bool = True

    @property
    def type(self) -> str:
        """What it is, in our words; of what we have none for, Civitai's in lower case."""
        if self.version is None:
            return self.mention.type or "unknown"
        # A version may come with a VAE, of which a picture tells the hash.
        if (hashed := self._hashed_file) and (kind := kind_of(self.version, hashed)):
            return kind
        told = self.version.model_type.lower()
        return KIND_OF_TYPE.get(told) or told or self.mention.type or "unknown"

    @property
    def kind(self) -> ModelKind | None:
        """What kind of file it is; None for what has no folder here."""
        return next((kind for kind in ModelKind if kind == self.type), None)

    @property
    def version_id(self) -> int | None:
        """The number of the version at Civitai."""
        return self.version.id if self.version else self.mention.version_id

    @property
    def model_id(self) -> int | None:
        """The number of the model at Civitai."""
        told = self.version.model_id if self.version else None
        return told or self.mention.model_id

    @property
    def file(self) -> CivitaiFile | None:
        """The file that the picture's hash means; else the one that people want."""
        if self.version is None:
            return None
        return self._hashed_file or chosen_file(self.version, self.kind)

    @property
    def air(self) -> str | None:
        """Its resource name at Civitai; None where not both of its numbers are known."""
        told = self.version.air if self.version else None
        if told and civitai_version(told) == self.version_id:
            return told
        if self.model_id is None or self.version_id is None:
            return None
        return f"civitai:{self.model_id}@{self.version_id}"

    @property
    def download_url(self) -> str | None:
        """Where it can be fetched; None: nobody knows, or nobody may."""
        if self.version_id is None or (self.version and not _can_be_had(self.version)):
            return None
        return f"{CIVITAI_VERSION}{self.version_id}"

    @property
    def source(self) -> str | None:
        """What a job says to have it fetched: its AIR, or the address of the very file."""
        if self.version_id is None:
            return None
        address = f"{CIVITAI_VERSION}{self.version_id}"
        hashed = self._hashed_file
        if self.version and hashed and hashed.id and hashed != chosen_file(self.version, None):
            return f"{address}?fileId={hashed.id}"
        return self.air or address

    @property
    def _hashed_file(self) -> CivitaiFile | None:
        digest = askable(self.mention.hash or "")
        if digest is None or self.version is None:
            return None
        files = self.version.files
        return next(
            (f for f in files if has_digest(evolve(self.version, files=(f,)), digest)), None
        )


def _can_be_had(version: CivitaiVersion) -> bool:
    return version.is_for_download and not version.is_archived
