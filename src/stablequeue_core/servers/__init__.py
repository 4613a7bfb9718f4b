"""The servers that make pictures: what they are, how they feel, what they have."""

from stablequeue_core.servers.health import HealthBoard, ServerHealth, ServerStatus
from stablequeue_core.servers.inventories import Inventories
from stablequeue_core.servers.inventory import Inventory, ListedCheckpoint, ListedLora
from stablequeue_core.servers.registry import ServerRegistry
from stablequeue_core.servers.server import Server, check_server
from stablequeue_core.servers.store import ServerStore

__all__ = [
    "HealthBoard",
    "Inventories",
    "Inventory",
    "ListedCheckpoint",
    "ListedLora",
    "Server",
    "ServerHealth",
    "ServerRegistry",
    "ServerStatus",
    "ServerStore",
    "check_server",
]
