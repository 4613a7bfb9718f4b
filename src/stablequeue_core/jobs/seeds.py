"""The seeds of a job: its user's, or drawn by us, so that running it again changes nothing."""

from __future__ import annotations

import random

from stablequeue_core.generation import RANDOM_SEED

LARGEST_DRAWN_SEED = 2**32 - 1 - 1024
"""The server counts up from it for each further picture, and its own seeds end at 2**32 - 1."""


def drawn_seed(seed: int) -> int:
    """The user's seed, or one drawn at random where the user left it to us.

    Example:
        >>> drawn_seed(42)
        42
        >>> 0 <= drawn_seed(-1) <= LARGEST_DRAWN_SEED
        True
    """
    return random.randint(0, LARGEST_DRAWN_SEED) if seed == RANDOM_SEED else seed
