"""What a server was seen to take for its jobs, as a row, and back."""

from __future__ import annotations

from typing import Any

from stablequeue_core.servers import Cost

Row = tuple[Any, ...]

COLUMNS = "server, family, pace, load, samples"


def cost_row(cost: Cost) -> Row:
    """The values of the columns :data:`COLUMNS`."""
    return cost.server, cost.family, cost.pace, cost.load, cost.samples


def cost_of(row: Row) -> Cost:
    """The cost of a row with the columns :data:`COLUMNS`."""
    server, family, pace, load, samples = row
    return Cost(server=server, family=family, pace=pace, load=load, samples=samples)
