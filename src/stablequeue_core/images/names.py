"""What pictures are called: job, start of the attempt, index, seed. Pure, and nothing else fits."""

from __future__ import annotations

import re
from datetime import datetime

from stablequeue_core.generation.image import ImageFormat
from stablequeue_core.serialization import to_millis

_PICTURE = re.compile(
    r"[0-9a-f]{8}_[0-9]{1,15}_[0-9]{5}--?[0-9]{1,20}\.(?:" + "|".join(map(str, ImageFormat)) + ")"
)
# No separator, no leading dot, no upper case, no device name of Windows can match.


def picture_name(
    job_id: str,
    started_at: datetime,
    index: int,
    seed: int,
    format: ImageFormat,  # noqa: A002  (it is what the caller calls it)
) -> str:
    """The file name of one picture of an attempt.

    Args:
        job_id: a lower-case UUID.
        started_at: when the attempt started.
        index: which of the attempt's pictures, from 0.
        seed: the seed it was made with.
        format: told by its bytes, see :func:`~stablequeue_core.generation.image.sniff`.

    Raises:
        ValueError: the job id is no UUID, or a number is out of range.

    Example:
        >>> from datetime import UTC
        >>> picture_name(
        ...     "8861f4e4-3a5c-4be1-9a55-0f6c9d3a3c11",
        ...     datetime(2025, 5, 14, 2, 34, 48, 985000, tzinfo=UTC),
        ...     0,
        ...     42,
        ...     ImageFormat.PNG,
        ... )
        '8861f4e4_1747190088985_00000-42.png'
    """
    name = f"{attempt_prefix(job_id, started_at)}{index:05d}-{seed}.{format}"
    if not is_picture_name(name):
        raise ValueError(f"no picture can be called {name!r}")
    return name


def attempt_prefix(job_id: str, started_at: datetime) -> str:
    """What the names of all pictures of one attempt begin with, and no other picture's."""
    return f"{job_id[:8]}_{to_millis(started_at)}_"


def index_in(name: str) -> int:
    """Which of its job's pictures has this name, which :func:`picture_name` has made.

    Example:
        >>> index_in("8861f4e4_1747190088985_00003-45.png")
        3
    """
    _, _, rest = name.split("_")
    return int(rest.partition("-")[0])


def is_picture_name(name: str) -> bool:
    """Whether :func:`picture_name` can have made this name."""
    return _PICTURE.fullmatch(name) is not None
