"""Who asks."""

from __future__ import annotations

from collections.abc import Collection

from attrs import field, frozen


@frozen(kw_only=True)
class SimulatedAccount:
    """An account at Civitai with its API key.

    Attributes:
        key: shown in no repr.
        status: ``active``, ``muted`` or ``banned``; the key of a banned one is not known any more.
        bought: ids of versions that it has paid for.
        is_blocked: whether every download is refused to it.
    """

    key: str = field(repr=False)
    id: int = 424242
    username: str = "harbor_tester"
    tier: str = "free"
    status: str = "active"
    bought: Collection[int] = ()
    is_blocked: bool = False
