"""What a model was made from or for: by its tensors, by what is written down, by its name."""

from stablequeue_core.models.files.detection.detecting import Detected, detect
from stablequeue_core.models.files.detection.families import family_of
from stablequeue_core.models.files.detection.settling import settle

__all__ = ["Detected", "detect", "family_of", "settle"]
