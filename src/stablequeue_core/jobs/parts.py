"""How a job with many pictures is cut into parts that several servers make. Pure.

A part is an ordinary job: what the whole asks for, with fewer pictures and the seed of its first.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from itertools import accumulate

from attrs import evolve

from stablequeue_core.generation import MAX_SEED, GenerationRequest
from stablequeue_core.jobs.job import Job
from stablequeue_core.jobs.seeds import drawn_seed

TIES_PICTURES_TOGETHER = (
    # The seeds of a variation do not count up.
    "subseed_strength",
    # May look at the whole batch, or give each of its pictures another prompt.
    "script_name",
    "alwayson_scripts",
    # May say any of the others.
    "infotext",
    # The server lays all pictures of the batch out in a grid.
    "save_images",
    "firstpass_image",
)
"""Fields of the server's own by which a picture depends on more than its own seed."""


def is_divisible(request: GenerationRequest) -> bool:
    """Whether servers that each make some of the pictures make the same ones as a single server.

    Without a checkpoint every server takes the one that it has loaded; and the pictures that a
    server makes at once (``batch_size``) differ from those that it makes one after the other.

    Example:
        >>> is_divisible(GenerationRequest(positive_prompt="a cat", checkpoint="pony", images=8))
        True
        >>> is_divisible(GenerationRequest(positive_prompt="a cat", images=8))
        False
    """
    return (
        request.checkpoint is not None
        and request.batch_size == 1
        and not any(request.passthrough.get(field) for field in TIES_PICTURES_TOGETHER)
        and max(request.seed, request.subseed) + request.images - 1 <= MAX_SEED
    )


def part_sizes(pictures: int, *, servers: int, smallest: int) -> tuple[int, ...]:
    """How many pictures each part has: as equal as can be, no part below ``smallest``.

    Example:
        >>> part_sizes(16, servers=3, smallest=4)
        (6, 5, 5)
        >>> part_sizes(7, servers=3, smallest=4)
        (7,)
    """
    count = max(1, min(servers, pictures // smallest))
    each, left = divmod(pictures, count)
    return tuple(each + (place < left) for place in range(count))


def in_parts(whole: Job, request: GenerationRequest, sizes: Sequence[int]) -> list[Job]:
    """The job with its seeds drawn, followed by its parts.

    Args:
        whole: as it was submitted.
        request: what it asks for.
        sizes: how many pictures each part has.
    """
    seed, subseed = drawn_seed(request.seed), drawn_seed(request.subseed)
    firsts = [0, *accumulate(sizes)][:-1]
    parts = [
        evolve(
            whole,
            id=str(uuid.uuid4()),
            part_of=whole.id,
            first_picture=first,
            params=_params_of_part(whole, size, seed + first, subseed + first),
            effort=whole.effort * size / request.images,
        )
        for first, size in zip(firsts, sizes, strict=True)
    ]
    ids = tuple(part.id for part in parts)
    return [evolve(whole, seed=seed, subseed=subseed, parts=ids), *parts]


def _params_of_part(whole: Job, images: int, seed: int, subseed: int) -> dict[str, object]:
    """What the server counts up from picture to picture is said outright."""
    kept = {key: value for key, value in whole.params.items() if key != "n_iter"}
    return {**kept, "num_images": images, "seed": seed, "subseed": subseed}
