"""What other programs write beside a model: read in every dialect, written in Forge's only."""

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
