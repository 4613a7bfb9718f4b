"""What every store of downloads must do."""

from __future__ import annotations

from stablequeue_core.testing.contracts.downloads_claimed import ClaimingDownloadsContract
from stablequeue_core.testing.contracts.downloads_kept import KeepingDownloadsContract


class DownloadStoreContract(KeepingDownloadsContract, ClaimingDownloadsContract):
    """The promises of :class:`~stablequeue_core.downloads.DownloadStore`, as tests."""
