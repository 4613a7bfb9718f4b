"""A child: one simulated Forge on a port, which remembers when requests for pictures came."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.children import answer_questions, arguments
from benchmarks.floors import TXT2IMG
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge
from stablequeue_core.testing.forge_simulator.exchange import Answer, Incoming


class PunctualForge(SimulatedForge):
    """Writes down when each request for pictures came, on the clock that processes share."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self.arrivals: list[int] = []
        super().__init__(*args, **settings)

    def handle(self, incoming: Incoming) -> Answer:
        if incoming.path == TXT2IMG:
            self.arrivals.append(time.monotonic_ns())
        return super().handle(incoming)


def main() -> None:
    """Say the URL; answer each question with the arrivals since the last one."""
    (picture_bytes,) = arguments(1)
    forge = PunctualForge.with_sample_models(picture_bytes=int(picture_bytes), remember=10)

    def arrivals(_: object) -> list[int]:
        came, forge.arrivals = forge.arrivals, []
        return came

    with ForgeServer(forge) as server:
        answer_questions(server.url, arrivals)


if __name__ == "__main__":
    main()
