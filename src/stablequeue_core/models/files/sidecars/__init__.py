"""Sidecars: texts that programs write beside a model. Read in all dialects, written in two."""

from stablequeue_core.models.files.sidecars.civitai_info import civitai_info_content
from stablequeue_core.models.files.sidecars.civitai_objects import version_card
from stablequeue_core.models.files.sidecars.fields import Fields
from stablequeue_core.models.files.sidecars.forge_json import (
    forge_json_of,
    with_changes,
    write_forge_json,
)
from stablequeue_core.models.files.sidecars.json_writing import (
    explained,
    locked,
    read_json,
    write_json,
)
from stablequeue_core.models.files.sidecars.names import (
    CIVITAI_INFO,
    TEXTS,
    sidecar_stem,
)
from stablequeue_core.models.files.sidecars.our_mark import Mark, ShownPicture, digest_of, mark_in
from stablequeue_core.models.files.sidecars.reading import SidecarsRead, read_sidecars
from stablequeue_core.models.files.sidecars.testimony import Dialect
from stablequeue_core.models.files.sidecars.trust import TRUST

__all__ = [
    "CIVITAI_INFO",
    "TEXTS",
    "TRUST",
    "Dialect",
    "Fields",
    "Mark",
    "ShownPicture",
    "SidecarsRead",
    "civitai_info_content",
    "digest_of",
    "explained",
    "forge_json_of",
    "locked",
    "mark_in",
    "read_json",
    "read_sidecars",
    "sidecar_stem",
    "version_card",
    "with_changes",
    "write_forge_json",
    "write_json",
]
