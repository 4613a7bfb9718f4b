"""The vocabulary of making a picture: pure values, no I/O."""

from stablequeue_core.generation.fields import MAX_SEED
from stablequeue_core.generation.image import ImageFormat, sniff
from stablequeue_core.generation.infotext import (
    GENERATION_INFO,
    Infotext,
    Recipe,
    Refiner,
    completed_params,
    infotext_of,
    named_hashes,
    params_of,
    read_infotext,
    settings_of,
    write_infotext,
)
from stablequeue_core.generation.params import ParamLimits, parse_params
from stablequeue_core.generation.progress import Phase, Progress
from stablequeue_core.generation.prompt import (
    LoraMention,
    loras_in,
    with_lora_names,
    with_plain_lora_tags,
    without_ill_weighted_loras,
)
from stablequeue_core.generation.request import (
    NOTHING_REQUIRED,
    RANDOM_SEED,
    GenerationRequest,
    HiresFix,
    OnMissingModel,
    Requirements,
)

__all__ = [
    "GENERATION_INFO",
    "MAX_SEED",
    "NOTHING_REQUIRED",
    "RANDOM_SEED",
    "GenerationRequest",
    "HiresFix",
    "ImageFormat",
    "Infotext",
    "LoraMention",
    "OnMissingModel",
    "ParamLimits",
    "Phase",
    "Progress",
    "Recipe",
    "Refiner",
    "Requirements",
    "completed_params",
    "infotext_of",
    "loras_in",
    "named_hashes",
    "params_of",
    "parse_params",
    "read_infotext",
    "settings_of",
    "sniff",
    "with_lora_names",
    "with_plain_lora_tags",
    "without_ill_weighted_loras",
    "write_infotext",
]
