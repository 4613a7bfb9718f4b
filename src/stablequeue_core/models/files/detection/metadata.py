"""What a file's maker wrote into its header about its base model; all values are text."""

from __future__ import annotations

from collections.abc import Mapping

from stablequeue_core.models.base_model import Family
from stablequeue_core.models.files.detection.families import family_of
from stablequeue_core.models.model import ModelKind

ARCHITECTURE = "modelspec.architecture"
_BASE_VERSION = "ss_base_model_version"

_RULES: tuple[tuple[str, str, Family | None], ...] = (
    ("modelspec.implementation", "https://github.com/black-forest-labs/flux", Family.FLUX1),
    (ARCHITECTURE, "flux-1-dev", Family.FLUX1),
    (ARCHITECTURE, "stable-diffusion-xl-v1-base", Family.SDXL),
    (_BASE_VERSION, "sdxl_", Family.SDXL),
    ("ss_v2", "true", Family.SD2),
    (ARCHITECTURE, "stable-diffusion-v1", Family.SD1),
    (ARCHITECTURE, "", None),
    (_BASE_VERSION, "", None),
    ("general.architecture", "", None),
)
"""A key, how its value begins, and what that means; None: what the value itself names.

The first six are Forge's own, in its order (dfdcbab6 ``sd_forge_lora/network.py``).
"""

_KINDS = {
    "lora": ModelKind.LORA,
    "textual-inversion": ModelKind.EMBEDDING,
    "controlnet": ModelKind.CONTROLNET,
}
"""How modelspec tells parts from whole models, behind a slash."""


def written_base(metadata: Mapping[str, str]) -> tuple[Family, str] | None:
    """The family that is written down, and the words that say so; None where none is known."""
    for key, start, family in _RULES:
        value = metadata.get(key)
        if value and value.lower().startswith(start):
            found = family or family_of(value)
            if found is not Family.UNKNOWN:
                return found, value
    return None


def written_kind(metadata: Mapping[str, str]) -> ModelKind | None:
    """What the file is for, as modelspec has it; None where it does not say."""
    return _KINDS.get(metadata.get(ARCHITECTURE, "").rpartition("/")[2].lower())
