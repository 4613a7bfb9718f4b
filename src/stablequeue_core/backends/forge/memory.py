"""How much memory a Forge has left, and how it is made to give some back."""

from __future__ import annotations

import math
from collections.abc import Mapping

from stablequeue_core.backends.base import MemoryReport
from stablequeue_core.backends.forge.client import ForgeClient
from stablequeue_core.errors import GarbledAnswer, ServerStarting
from stablequeue_core.transport import Abort

MEMORY = "/sdapi/v1/memory"
UNLOAD = "/sdapi/v1/unload-checkpoint"

_LARGEST = 2.0**60
"""Bytes; no computer has more."""


def memory_of(client: ForgeClient) -> MemoryReport | None:
    """What the server says of its memory; None where that is not to be understood.

    ``ram.free`` is the whole memory of the computer less what this one process takes. Where there
    is no graphics card, or it cannot be asked, ``cuda`` holds a word about that instead.

    Raises:
        ServerUnreachable: it cannot be asked now.
    """
    try:
        said = client.get_or_none(MEMORY, absent=(404, 500))
    except (GarbledAnswer, ServerStarting):
        return None
    if not isinstance(said, Mapping):
        return None
    ram, cuda = _object(said.get("ram")), _object(_object(said.get("cuda")).get("system"))
    report = MemoryReport(
        ram_free=_bytes(ram.get("free")),
        ram_total=_bytes(ram.get("total")),
        cuda_free=_bytes(cuda.get("free")),
        cuda_total=_bytes(cuda.get("total")),
    )
    return None if report == MemoryReport() else report


def unload(client: ForgeClient, abort: Abort) -> bool:
    """Make the server take its models out of its memory; whether it says that it did.

    Ask first whether a picture is being made there: Forge does not wait for its end.

    Raises:
        ServerUnreachable: it cannot be asked now.
    """
    return client.send("POST", UNLOAD, {}, abort=abort).status == 200


def _object(said: object) -> Mapping[str, object]:
    return said if isinstance(said, Mapping) else {}


def _bytes(value: object) -> int | None:
    """A number of bytes; Forge writes some of them as fractions."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or not 0 <= value <= _LARGEST:
        return None
    return int(value)
