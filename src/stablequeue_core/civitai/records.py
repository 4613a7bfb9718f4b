"""What Civitai answers, as values. Unknown fields are kept, and every known one may be absent.

Shapes as in Civitai's own source, ``src/pages/api/v1`` (ebed6616, August 2026). ``raw`` is the
answer as it came, to be kept for ever: models are removed, and then nobody can ask again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from stablequeue_core.models import NO_HASHES, Hashes


@frozen(kw_only=True)
class CivitaiFile:
    """One file of a version.

    Attributes:
        name: as Civitai offers it; hostile until proved otherwise.
        size: in bytes; it may be a little off where ``has_exact_size`` is false. None: not told.
        type: ``Model``, ``Pruned Model``, ``VAE``, ``Config``, ``Training Data`` ...
        format: ``SafeTensor``, ``PickleTensor``, ``GGUF`` ...; None: not told.
        precision: ``fp16``, ``fp8`` ...; None: not told.
        is_pruned: whether it is the smaller one of two.
        hashes: those that are told; none until Civitai has looked at the file.
        is_primary: whether Civitai gives this one to who does not choose; None: not told.
    """

    id: int | None
    name: str
    size: int | None = None
    has_exact_size: bool = False
    type: str = "Model"
    format: str | None = None
    precision: str | None = None
    is_pruned: bool = False
    hashes: Hashes = NO_HASHES
    crc32: str | None = None
    blake3: str | None = None
    is_primary: bool | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class CivitaiPicture:
    """A picture or film that shows what a version makes.

    Attributes:
        url: where it is.
        is_film: whether it moves; the address does not always tell.
        width, height: in pixels; None: not told.
        nsfw_level: a bit mask: 1 PG, 2 PG-13, 4 R, 8 X, 16 XXX, 32 blocked; 0: not told.
    """

    url: str
    is_film: bool = False
    width: int | None = None
    height: int | None = None
    nsfw_level: int = 0
    raw: Mapping[str, Any] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class CivitaiVersion:
    """One version of a model.

    Attributes:
        id: of the version.
        model_id: of its model; None: not told (very old answers).
        name: of the version: ``v2.0``.
        model_name: for people; empty: not told.
        model_type: ``Checkpoint``, ``LORA``, ``LoCon``, ``TextualInversion``, ``VAE`` ...
        base_model: as Civitai calls it; any text.
        air: its resource name; None: not told.
        is_for_download: False where its creator lets it be used at Civitai only.
        early_access_until: when it opens for everybody; None: it is open, or nobody told.
        is_sold: whether only those who pay may ever have it.
        is_archived: its files are gone.
        published_at: None: not told.
        files: empty for an archived one.
        pictures: in Civitai's order.
    """

    id: int
    model_id: int | None = None
    name: str = ""
    model_name: str = ""
    model_type: str = ""
    base_model: str | None = None
    trained_words: tuple[str, ...] = ()
    air: str | None = None
    is_for_download: bool = True
    early_access_until: datetime | None = None
    is_sold: bool = False
    is_archived: bool = False
    published_at: datetime | None = None
    files: tuple[CivitaiFile, ...] = ()
    pictures: tuple[CivitaiPicture, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class CivitaiModel:
    """A model with its versions, newest first.

    Attributes:
        type: as in :attr:`CivitaiVersion.model_type`.
        creator: None where Civitai does not tell.
        mode: ``Archived`` or ``TakenDown``; None for a model as usual.
    """

    id: int
    name: str = ""
    type: str = ""
    creator: str | None = None
    mode: str | None = None
    versions: tuple[CivitaiVersion, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False)

    @property
    def is_archived(self) -> bool:
        """Whether its files are gone."""
        return self.mode == "Archived"


@frozen(kw_only=True)
class CivitaiImage:
    """A picture on Civitai.

    Attributes:
        id: of the picture.
        url: where the original is.
        is_film: whether it moves.
        meta: how it was made, as its uploader tells it; None where that is hidden, or not known.
        base_model: as Civitai calls it.
        version_ids: of the models that Civitai says were used.
    """

    id: int
    url: str
    is_film: bool = False
    meta: Mapping[str, Any] | None = field(default=None, repr=False)
    base_model: str | None = None
    version_ids: tuple[int, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class CivitaiAccount:
    """Whose key it is.

    Attributes:
        status: ``active``, ``muted`` or ``banned``; empty: not told.
    """

    id: int
    username: str
    tier: str = ""
    status: str = ""
