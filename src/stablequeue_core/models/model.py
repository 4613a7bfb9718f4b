"""A model file on disk: where it is, what it is, what is known of it. A change is a new value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from attrs import field, frozen

from stablequeue_core.models.base_model import UNKNOWN_BASE, BaseModel
from stablequeue_core.models.digests import AUTOV2_CHARS
from stablequeue_core.models.paths import file_stem, filename_of, folder_of


class ModelKind(StrEnum):
    """What a model is for; told by the folder that it lies in, as the servers do."""

    CHECKPOINT = "checkpoint"
    LORA = "lora"
    VAE = "vae"
    EMBEDDING = "embedding"
    UPSCALER = "upscaler"
    CONTROLNET = "controlnet"


class FileFormat(StrEnum):
    """How a model file is written; told by its bytes where they can be read safely.

    A ``PICKLE`` is a program: it is never opened beyond its first bytes.
    """

    SAFETENSORS = "safetensors"
    GGUF = "gguf"
    PICKLE = "pickle"
    UNKNOWN = "unknown"


class HashSource(StrEnum):
    """Who says what a file's SHA-256 is."""

    COMPUTED = "computed"
    SIDECAR = "sidecar"
    FORGE_CACHE = "forge_cache"


@frozen(kw_only=True)
class Hashes:
    """The hashes that a file is known by, in lower-case hex.

    Attributes:
        sha256: of the whole file, 64 digits.
        autov1: of 64 KiB at 1 MiB, 8 digits; it collides, so it only ever suggests. None for files
            below 2 MiB, as on Civitai.
        autov3: of everything behind a safetensors header, 12 digits; stays when only the header is
            edited. What servers and pictures call a LoRA by.
        told: what the header says of itself (``sshs_model_hash``), 64 digits; it may be wrong.
        source: who says ``sha256``.
    """

    sha256: str | None = None
    autov1: str | None = None
    autov3: str | None = None
    told: str | None = None
    source: HashSource | None = None

    @property
    def autov2(self) -> str | None:
        """The first ten digits of the SHA-256: what servers and pictures call a checkpoint by."""
        return self.sha256[:AUTOV2_CHARS] if self.sha256 else None


NO_HASHES = Hashes()


@frozen(kw_only=True)
class FileProblem:
    """What is wrong with a model.

    Attributes:
        code: stable, for programs.
        message: a sentence that says what to do.
        file: the name of the file beside the model that is meant; None for the model itself.
    """

    code: str
    message: str
    file: str | None = None


@frozen(kw_only=True)
class ModelCard:
    """What people and Civitai say of a model, merged from the files beside it.

    Attributes:
        name: the model's name for people, as on Civitai.
        version: the name of this version.
        base_model: as somebody wrote it down: ``SD 1.5``, ``Pony``, ``SDXL`` ... any text.
        base_model_confirmed: it is Civitai's answer about this very file, as its SHA-256 shows.
        tags, trigger_words: in order, each once.
        preferred_weight: of a LoRA; None where nobody prefers one.
        model_id, version_id: Civitai's.
        downloads, favorited, rating: as counted by Civitai when the file was written.
        sources: the dialects that said something, most trusted first.
    """

    name: str | None = None
    version: str | None = None
    description: str | None = None
    notes: str | None = None
    base_model: str | None = None
    base_model_confirmed: bool = False
    creator: str | None = None
    tags: tuple[str, ...] = ()
    trigger_words: tuple[str, ...] = ()
    negative_text: str | None = None
    preferred_weight: float | None = None
    nsfw: bool | None = None
    model_id: int | None = None
    version_id: int | None = None
    downloads: int | None = None
    favorited: int | None = None
    rating: float | None = None
    sources: tuple[str, ...] = ()


EMPTY_CARD = ModelCard()


@frozen(kw_only=True)
class Model:
    """A model file.

    Attributes:
        id: given by the store; 0 before. It stays when the file is moved.
        kind: by its folder.
        root: the folder that the user named, as an absolute path of this machine.
        path: below the root, with forward slashes on every system, spelled as on disk.
        size: in bytes.
        mtime_ns: when it was last written, in nanoseconds since 1970.
        created_at: when it came here, as far as the system tells.
        format: by its bytes.
        base_model: what it was made from or for, all things considered.
        own_base_model: what the file by itself tells of that: its header, and hints in its name.
        details: a few facts of the header, for people: ``rank``, ``tensors``, ``dtype`` ...
        hashes: those that are known so far.
        card: what the files beside it say.
        previews: names of pictures and films in the same folder, best first.
        has_cover: whether the file's own header holds a picture, too.
        problems: what is wrong with the file, or with one beside it.
        missing: it was seen once, and is not there now.
        surroundings: how the files beside it looked when they were read, as text that changes
            whenever one of them does.
    """

    kind: ModelKind
    root: str
    path: str
    size: int
    mtime_ns: int
    created_at: datetime
    id: int = 0
    format: FileFormat = FileFormat.UNKNOWN
    base_model: BaseModel = UNKNOWN_BASE
    own_base_model: BaseModel = UNKNOWN_BASE
    details: Mapping[str, str | int | float] = field(factory=dict)
    hashes: Hashes = NO_HASHES
    card: ModelCard = EMPTY_CARD
    previews: tuple[str, ...] = ()
    has_cover: bool = False
    problems: tuple[FileProblem, ...] = ()
    missing: bool = False
    surroundings: str = field(default="", repr=False)

    @property
    def filename(self) -> str:
        """The file's name, without folder."""
        return filename_of(self.path)

    @property
    def folder(self) -> str:
        """The folder below the root, with forward slashes; empty for the root itself."""
        return folder_of(self.path)

    @property
    def stem(self) -> str:
        """The file's name without folder and extension: what a prompt calls a LoRA by."""
        return file_stem(self.path)

    @property
    def preview_count(self) -> int:
        """How many previews it has; the one of its header counts where there is no other."""
        return len(self.previews) or int(self.has_cover)

    @property
    def display_name(self) -> str:
        """What people call it: its name on Civitai, else that of the file."""
        return self.card.name or self.stem

    @property
    def civitai_url(self) -> str | None:
        """The model's page at Civitai; None when nobody knows which it is."""
        model_id = self.card.model_id
        return None if model_id is None else f"https://civitai.com/models/{model_id}"

    @property
    def file(self) -> Path:
        """Where the file lies on this machine."""
        return Path(self.root, self.path)

    def beside(self, name: str) -> Path:
        """Where a file of the same folder lies."""
        return Path(self.root, self.folder, name)
