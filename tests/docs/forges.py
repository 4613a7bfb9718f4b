"""Simulated servers, in the place of those that the pages name."""

from __future__ import annotations

from stablequeue_core.testing.forge_simulator import ForgeServer


class Forges:
    """Two simulated servers on ports that were free, in the place of those that pages name.

    Attributes:
        laptop, tower: the ones that pages find at ports 7860 and 7861.
    """

    def __init__(self, laptop: ForgeServer, tower: ForgeServer) -> None:
        self.laptop = laptop
        self.tower = tower
        self._urls = {"http://127.0.0.1:7860": laptop.url, "http://127.0.0.1:7861": tower.url}

    def placed(self, text: str) -> str:
        """``text`` with the ports that the servers have here."""
        for printed, real in self._urls.items():
            text = text.replace(printed, real)
        return text

    def printed(self, text: str) -> str:
        """``text`` with the ports that are printed on the pages."""
        for printed, real in self._urls.items():
            text = text.replace(real, printed)
        return text
