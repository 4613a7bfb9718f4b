"""Model names and model files: every way to say one, every file on disk."""

from stablequeue_core.models.base_model import BaseModel, Confidence, Family
from stablequeue_core.models.catalog import ModelCatalog
from stablequeue_core.models.files.extensions import checkpoint_stem
from stablequeue_core.models.identity import CivitaiCandidate, Identity, IdentityStore
from stablequeue_core.models.model import (
    NO_HASHES,
    FileFormat,
    FileProblem,
    Hashes,
    HashSource,
    Model,
    ModelCard,
    ModelKind,
)
from stablequeue_core.models.naming.known_checkpoints import CachedModel
from stablequeue_core.models.naming.known_files import (
    NOTHING_KNOWN,
    KnownFile,
    KnownFiles,
    StoredCheckpoints,
)
from stablequeue_core.models.naming.lora_names import LoraPaths
from stablequeue_core.models.naming.nearest import near, nearest_first
from stablequeue_core.models.naming.presence import Availability
from stablequeue_core.models.naming.resolution import CheckpointNames, Resolution
from stablequeue_core.models.naming.verification import Verification
from stablequeue_core.models.paths import (
    PathStyle,
    TitleParts,
    comparable,
    normalized,
    split_hash,
    split_title,
    stem,
)
from stablequeue_core.models.roots import ModelRoot, model_roots
from stablequeue_core.models.scanning.report import ScanPhase, ScanProblem, ScanReport, ScanStatus
from stablequeue_core.models.store import ModelPage, ModelQuery, ModelStore

__all__ = [
    "NOTHING_KNOWN",
    "NO_HASHES",
    "Availability",
    "BaseModel",
    "CachedModel",
    "CheckpointNames",
    "CivitaiCandidate",
    "Confidence",
    "Family",
    "FileFormat",
    "FileProblem",
    "HashSource",
    "Hashes",
    "Identity",
    "IdentityStore",
    "KnownFile",
    "KnownFiles",
    "LoraPaths",
    "Model",
    "ModelCard",
    "ModelCatalog",
    "ModelKind",
    "ModelPage",
    "ModelQuery",
    "ModelRoot",
    "ModelStore",
    "PathStyle",
    "Resolution",
    "ScanPhase",
    "ScanProblem",
    "ScanReport",
    "ScanStatus",
    "StoredCheckpoints",
    "TitleParts",
    "Verification",
    "checkpoint_stem",
    "comparable",
    "model_roots",
    "near",
    "nearest_first",
    "normalized",
    "split_hash",
    "split_title",
    "stem",
]
