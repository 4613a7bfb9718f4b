"""Sidecars: texts that programs write beside a model. Read in all dialects, written in Forge's."""

from stablequeue_core.models.files.sidecars.forge_json import write_forge_json
from stablequeue_core.models.files.sidecars.names import sidecar_stem
from stablequeue_core.models.files.sidecars.reading import SidecarsRead, read_sidecars
from stablequeue_core.models.files.sidecars.testimony import Dialect
from stablequeue_core.models.files.sidecars.trust import TRUST

__all__ = [
    "TRUST",
    "Dialect",
    "SidecarsRead",
    "read_sidecars",
    "sidecar_stem",
    "write_forge_json",
]
