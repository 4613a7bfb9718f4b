"""Which file at Civitai a link means, asked of Civitai; or why none of it can be fetched."""

from __future__ import annotations

from attrs import frozen

from stablequeue_core.civitai.choosing import (
    KIND_OF_TYPE,
    chosen_file,
    chosen_version,
    file_with_digest,
    file_with_id,
    is_a_model,
    kind_of,
)
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.links import CivitaiLink
from stablequeue_core.civitai.records import CivitaiFile, CivitaiModel, CivitaiVersion
from stablequeue_core.clock import Clock
from stablequeue_core.errors import (
    Archived,
    CivitaiError,
    CivitaiNotFound,
    FieldProblem,
    InvalidDownload,
)
from stablequeue_core.models import ModelKind


@frozen(kw_only=True)
class FoundFile:
    """What a link means.

    Attributes:
        version: as Civitai tells it now.
        model: of the version; None: Civitai would not tell.
        file: of the version.
        kind: what the file is going to be for.
    """

    version: CivitaiVersion
    model: CivitaiModel | None
    file: CivitaiFile
    kind: ModelKind


class FileFinder:
    """Finds out which file is meant. Safe to use from several threads.

    Args:
        client: asks Civitai.
        clock: the time.
    """

    def __init__(self, client: CivitaiClient, *, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def find(
        self, named: CivitaiLink, kind: ModelKind | None, *, digest: str | None = None
    ) -> FoundFile:
        """Ask Civitai which file is meant.

        Args:
            named: a model, a version, or a file of one.
            kind: what it shall be for; None: what Civitai says.
            digest: a hash of the file that is preferred to others of the version.

        Raises:
            CivitaiError, CivitaiNotFound: what Civitai says.
            InvalidDownload: it has no such file, or one that no folder here is for.
        """
        version, model = self._version(named)
        if named.file_id is not None:
            file = file_with_id(version, named.file_id)
            if file is None:
                raise CivitaiNotFound(f"file {named.file_id} in version {version.id}")
        else:
            preferred = None if digest is None else file_with_digest(version, digest)
            file = preferred or chosen_file(version, kind, dict(named.choice))
        if file is None or not is_a_model(file):
            raise _nothing_to_fetch(version, file, named, kind)
        found = kind or kind_of(version, file)
        if found is None:
            raise _no_folder(version.model_type or file.type)
        if model is None and version.model_id is not None:
            model = self._model_of(version.model_id)
        return FoundFile(version=version, model=model, file=file, kind=found)

    def _version(self, named: CivitaiLink) -> tuple[CivitaiVersion, CivitaiModel | None]:
        if named.version_id is not None:
            version = self._client.version(named.version_id)
            both_told = None not in (named.model_id, version.model_id)
            if both_told and named.model_id != version.model_id:
                raise CivitaiNotFound(f"version {version.id} of model {named.model_id}")
            return version, None
        model = self._client.model(named.model_id or 0)
        newest = chosen_version(model, self._clock.now())
        if newest is None:
            if model.is_archived:
                raise Archived
            raise CivitaiNotFound(f"version of model {model.id}")
        # Asked for all the same: versions inside a model lack half of their fields.
        return self._client.version(newest.id), model

    def _model_of(self, model_id: int) -> CivitaiModel | None:
        """The creator, the tags and the licence are told by the model only; nice to have."""
        try:
            return self._client.model(model_id)
        except (CivitaiError, CivitaiNotFound):
            return None


def _nothing_to_fetch(
    version: CivitaiVersion, file: CivitaiFile | None, named: CivitaiLink, kind: ModelKind | None
) -> Archived | CivitaiNotFound | InvalidDownload:
    """Why nothing of a version is what is wanted.

    Args:
        version: at Civitai.
        file: that was chosen by its number, and is no model; None: none fits.
        named: what the user has named.
        kind: what it shall be for.
    """
    if file is not None:
        return _no_folder(file.type)
    if not version.files:
        return Archived() if version.is_archived else CivitaiNotFound(_file_in(version))
    if named.choice:
        told = ", ".join(f"{name} {value}" for name, value in named.choice)
        return CivitaiNotFound(f"{_file_in(version)} with {told}")
    if kind is not None and any(map(is_a_model, version.files)):
        problem = f"version {version.id} at Civitai has no {kind} file."
        return InvalidDownload([FieldProblem("kind", problem)])
    if version.model_type.lower() in KIND_OF_TYPE:
        return _no_folder(", ".join(sorted({each.type for each in version.files})))
    return _no_folder(version.model_type)


def _file_in(version: CivitaiVersion) -> str:
    return f"model file in version {version.id}"


def _no_folder(what: str) -> InvalidDownload:
    problem = f"{what!r} at Civitai is no kind of model file that has a folder here."
    return InvalidDownload([FieldProblem("link", problem)])
