"""Contract suites: subclass one, say how yours is made, and run pytest."""

from stablequeue_core.testing.contracts.costs import CostStoreContract
from stablequeue_core.testing.contracts.downloads import DownloadStoreContract
from stablequeue_core.testing.contracts.events import EventLogContract
from stablequeue_core.testing.contracts.identities import IdentityStoreContract
from stablequeue_core.testing.contracts.jobs import JobStoreContract
from stablequeue_core.testing.contracts.models import ModelStoreContract
from stablequeue_core.testing.contracts.reports import ReportStoreContract
from stablequeue_core.testing.contracts.servers import ServerStoreContract
from stablequeue_core.testing.contracts.storage import StorageContract
from stablequeue_core.testing.contracts.transport import TransportContract

__all__ = [
    "CostStoreContract",
    "DownloadStoreContract",
    "EventLogContract",
    "IdentityStoreContract",
    "JobStoreContract",
    "ModelStoreContract",
    "ReportStoreContract",
    "ServerStoreContract",
    "StorageContract",
    "TransportContract",
]
