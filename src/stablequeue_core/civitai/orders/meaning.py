"""What a job's name for a model means: a link, a hash, a file that was here. Asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from attrs import frozen

from stablequeue_core.civitai.links import CivitaiLink, parse_link
from stablequeue_core.civitai.reading.digests import askable
from stablequeue_core.downloads.names import checked_stem, checked_subfolder
from stablequeue_core.downloads.wanted import WantedModel
from stablequeue_core.errors import InvalidDownload
from stablequeue_core.models import Model, ModelStore, split_hash
from stablequeue_core.models.digests import AUTOV2_CHARS
from stablequeue_core.models.naming.civitai_versions import civitai_version
from stablequeue_core.models.paths import bare, comparable, filename_of, folder_of


@frozen(kw_only=True)
class Meant:
    """The file that a name means, as far as it can be told here.

    Attributes:
        link: the model or version at Civitai; None: the hash alone tells.
        digest: a hash of the file, in lower case.
        has_own_name: whether the job calls it by a name that the file should get.
    """

    link: CivitaiLink | None = None
    digest: str | None = None
    has_own_name: bool = True

    @property
    def version_id(self) -> int | None:
        """The version, if any of its files of the right kind will do."""
        if self.link is None or self.link.file_id is not None or self.link.choice:
            return None
        return self.link.version_id

    @classmethod
    def of_files(cls, known: Sequence[Model]) -> Self | None:
        """What is known of files that were here; None if they were not all the same, or unknown."""
        said = {(model.hashes.sha256, model.card.version_id) for model in known}
        if len(said) != 1 or said == {(None, None)}:
            return None
        ((digest, version_id),) = said
        link = None if version_id is None else CivitaiLink(version_id=version_id)
        return cls(link=link, digest=digest)


def meant_by(wanted: WantedModel) -> Meant | None:
    """What the job itself says: in its sources, by an AIR or an address, by a hash in the name.

    Returns:
        None when it gives no more than a name, which may be anybody's.

    Raises:
        InvalidCivitaiLink: what it gives as a source is none.
    """
    name, digest = split_hash(wanted.name)
    is_link = civitai_version(wanted.name) is not None
    digest = None if digest is None else _telling(digest)
    has_own_name = bool(name) and not is_link and _telling(name) is None
    if wanted.source is not None:
        link = parse_link(wanted.source)
    elif is_link:
        link = parse_link(wanted.name)
    elif digest is not None:
        link = None
    else:
        return None
    return Meant(link=link, digest=digest, has_own_name=has_own_name)


def meant_by_digest(wanted: WantedModel) -> Meant | None:
    """The file whose hash is the name; None when the name is no hash."""
    digest = _telling(wanted.name)
    return None if digest is None else Meant(digest=digest, has_own_name=False)


def once_known(wanted: WantedModel, models: ModelStore) -> Sequence[Model]:
    """The files of this name, those that are missing now among them."""
    path = comparable(split_hash(wanted.name)[0])
    name = filename_of(path)
    found = {model.id: model for model in (*models.of_filename(name), *models.of_stem(name))}
    return [
        model
        for model in found.values()
        if model.kind is wanted.model_kind and _ends_with(model.path, path)
    ]


def place_for(name: str) -> tuple[str, str | None]:
    r"""Where a file has to lie, so that servers know it by the name that a job has for it.

    Returns:
        the folder below its model folder, and the file's name without extension; empty and None
        where the name asks for something else than that.

    Example:
        >>> place_for(r"Pony\x.safetensors [9f90c59f3a]")
        ('Pony', 'x')
        >>> place_for("/home/me/models/x.safetensors"), place_for("../CON")
        (('', 'x'), ('', None))
    """
    path = split_hash(name)[0].replace("\\", "/")
    try:
        called = checked_stem(filename_of(path))
    except InvalidDownload:
        return "", None
    if path.startswith("/"):
        return "", called  # of a path of some machine, only the name means something here
    try:
        return checked_subfolder(folder_of(comparable(path))), called
    except InvalidDownload:
        return "", called


def _telling(digest: str) -> str | None:
    """A hash that can be asked for, in lower case; one of eight digits is of several files."""
    asked = askable(digest)
    return asked if asked is not None and len(asked) >= AUTOV2_CHARS else None


def _ends_with(path: str, wanted: str) -> bool:
    """Whether a path is what is wanted, or ends with it; with or without extension."""
    sought = f"/{wanted}".casefold()
    known = f"/{comparable(path)}".casefold()
    return known.endswith(sought) or bare(known).endswith(sought)
