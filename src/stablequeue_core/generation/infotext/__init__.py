"""The text that a picture carries of how it was made: read, written, and turned into parameters."""

from stablequeue_core.generation.infotext.civitai import RESOURCES
from stablequeue_core.generation.infotext.completing import (
    GENERATION_INFO,
    completed_params,
    reader_with_infotext,
)
from stablequeue_core.generation.infotext.grammar import named_hashes, settings_of
from stablequeue_core.generation.infotext.parameters import (
    CIVITAI_VERSION,
    Recipe,
    params_of,
)
from stablequeue_core.generation.infotext.reading import Infotext, Refiner, read_infotext
from stablequeue_core.generation.infotext.writing import infotext_of, write_infotext

__all__ = [
    "CIVITAI_VERSION",
    "GENERATION_INFO",
    "RESOURCES",
    "Infotext",
    "Recipe",
    "Refiner",
    "completed_params",
    "infotext_of",
    "named_hashes",
    "params_of",
    "read_infotext",
    "reader_with_infotext",
    "settings_of",
    "write_infotext",
]
