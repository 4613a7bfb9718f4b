"""Model names: every way to say one, resolved to a server's own."""

from stablequeue_core.models.paths import comparable, split_hash, stem
from stablequeue_core.models.resolution import CheckpointNames, Resolution, nearest_first

__all__ = ["CheckpointNames", "Resolution", "comparable", "nearest_first", "split_hash", "stem"]
