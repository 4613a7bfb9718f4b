"""The vocabulary of making a picture: pure values, no I/O."""

from stablequeue_core.generation.image import ImageFormat, sniff
from stablequeue_core.generation.infotext import settings_of
from stablequeue_core.generation.params import ParamLimits, parse_params
from stablequeue_core.generation.progress import Phase, Progress
from stablequeue_core.generation.prompt import LoraMention, loras_in, with_plain_lora_tags
from stablequeue_core.generation.request import (
    NOTHING_REQUIRED,
    RANDOM_SEED,
    GenerationRequest,
    HiresFix,
    Requirements,
)

__all__ = [
    "NOTHING_REQUIRED",
    "RANDOM_SEED",
    "GenerationRequest",
    "HiresFix",
    "ImageFormat",
    "LoraMention",
    "ParamLimits",
    "Phase",
    "Progress",
    "Requirements",
    "loras_in",
    "parse_params",
    "settings_of",
    "sniff",
    "with_plain_lora_tags",
]
