"""The servers that make pictures: what they are, how they feel, what they have."""

from stablequeue_core.servers.addresses import Place, place_of
from stablequeue_core.servers.costs import Cost, CostStore
from stablequeue_core.servers.health import HealthBoard, ServerHealth, ServerStatus
from stablequeue_core.servers.inventories import Inventories
from stablequeue_core.servers.inventory import Inventory, ListedCheckpoint, ListedLora
from stablequeue_core.servers.registry import ServerRegistry
from stablequeue_core.servers.report_board import ReportBoard
from stablequeue_core.servers.reports import NOBODY, SILENT_FOR, ReportStore, ServerReport
from stablequeue_core.servers.server import (
    AUTO,
    GROUP_PREFIX,
    Server,
    check_server,
    is_for_any,
)
from stablequeue_core.servers.silence import Silence, process_of, process_text
from stablequeue_core.servers.store import ServerStore

__all__ = [
    "AUTO",
    "GROUP_PREFIX",
    "NOBODY",
    "SILENT_FOR",
    "Cost",
    "CostStore",
    "HealthBoard",
    "Inventories",
    "Inventory",
    "ListedCheckpoint",
    "ListedLora",
    "Place",
    "ReportBoard",
    "ReportStore",
    "Server",
    "ServerHealth",
    "ServerRegistry",
    "ServerReport",
    "ServerStatus",
    "ServerStore",
    "Silence",
    "check_server",
    "is_for_any",
    "place_of",
    "process_of",
    "process_text",
]
