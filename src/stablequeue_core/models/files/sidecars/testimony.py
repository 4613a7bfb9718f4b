"""What one sidecar says, before anybody has judged it."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from stablequeue_core.models.model import ModelCard


class Dialect(StrEnum):
    """Who writes sidecars, each in its own way; most trusted first."""

    FORGE_JSON = "forge_json"
    """Forge and A1111: what the user typed in. Also the plain text files that they read."""

    CIVITAI_API = "civitai_api"
    """We ourselves, when we had asked Civitai; in the file that Civitai Helper would write."""

    LORA_MANAGER = "lora_manager"
    CIVITAI_INFO = "civitai_info"
    STABILITY_MATRIX = "stability_matrix"
    BROWSER_PLUS = "browser_plus"
    STABLEQUEUE_DOWNLOAD = "stablequeue_download"
    SWARMUI = "swarmui"

    @property
    def repeats_civitai(self) -> bool:
        """Whether its files hold what Civitai answered; else they hold what people typed in."""
        return self not in (Dialect.FORGE_JSON, Dialect.SWARMUI)


@frozen(kw_only=True)
class FileClaim:
    """A file that a sidecar says it is about.

    Attributes:
        sha256: of the whole file.
        size: in bytes; None when the sidecar does not tell.
        name: the file's name at Civitai.
    """

    sha256: str
    size: int | None = None
    name: str | None = None


@frozen(kw_only=True)
class Testimony:
    """What one sidecar says.

    Attributes:
        card: of the model.
        files: which files it may be about.
        seen_ns: until when it can have seen the file, in nanoseconds since 1970; None when that
            is not known.
        has_own_base_model: its user has put another base model in the place of Civitai's.
        is_surmise: neither Civitai nor the user says that the version is this very file; it was
            found by an id, or by a name.
    """

    dialect: Dialect
    card: ModelCard
    files: tuple[FileClaim, ...] = ()
    seen_ns: int | None = None
    has_own_base_model: bool = False
    is_surmise: bool = False


@frozen(kw_only=True)
class Subject:
    """The model file that the sidecars lie beside.

    Attributes:
        stem: its name without extension.
        size: in bytes.
        mtime_ns: when it was last written, in nanoseconds since 1970.
        sha256: where it is known, in lower case.
    """

    stem: str
    size: int
    mtime_ns: int
    sha256: str | None = None
