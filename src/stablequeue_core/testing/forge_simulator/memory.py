"""The memory of a simulated server's computer and of its graphics card."""

from __future__ import annotations

from typing import Any

from attrs import define, field

_COMPUTER = 25276502016.0
_SERVER = 760582144
"""As a real server told them, without a graphics card."""


@define(kw_only=True)
class Memory:
    """How much there is, in bytes, and how much the server takes. Change freely.

    Attributes:
        ram_total: of the computer; a server that takes more is killed.
        ram_used: what the server takes of it without a model.
        growth: what every load of another checkpoint takes besides, and does not give back ...
        gives_back: ... until the server is asked to unload, if it does then.
        cuda_total: of the graphics card; None: there is none.
        cuda_used: what is taken of that.
        unloads: how often the server was asked to unload.
        is_clean: whether it has unloaded since its last job.
    """

    ram_total: float = _COMPUTER
    ram_used: int = _SERVER
    growth: int = 0
    gives_back: bool = True
    cuda_total: int | None = None
    cuda_used: int = 0
    unloads: int = 0
    is_clean: bool = False
    grown: int = field(default=0, init=False)

    @property
    def is_exceeded(self) -> bool:
        """Whether the server takes more than there is."""
        return self.ram_used + self.grown > self.ram_total

    def load(self) -> None:
        """Another checkpoint is loaded."""
        self.grown += self.growth

    def unload(self) -> None:
        """The server is asked to unload."""
        self.unloads += 1
        self.is_clean = True
        if self.gives_back:
            self.grown = 0

    def forget(self) -> None:
        """The process ends: its system takes everything back."""
        self.grown = 0
        self.is_clean = False

    def as_json(self) -> dict[str, Any]:
        """The answer of ``GET /sdapi/v1/memory``.

        ``free`` is what this one process does not take: of others it knows nothing.
        """
        used = self.ram_used + self.grown
        return {
            "ram": {"free": self.ram_total - used, "used": used, "total": self.ram_total},
            "cuda": self._card(),
        }

    def _card(self) -> dict[str, Any]:
        if self.cuda_total is None:
            return {"error": "unavailable"}
        used = {"current": self.cuda_used, "peak": self.cuda_used}
        return {
            "system": {
                "free": self.cuda_total - self.cuda_used,
                "used": self.cuda_used,
                "total": self.cuda_total,
            },
            "active": used,
            "allocated": used,
            "reserved": used,
            "inactive": {"current": 0, "peak": 0},
            "events": {"retries": 0, "oom": 0},
        }
