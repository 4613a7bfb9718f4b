"""What every store of downloads must do."""

from __future__ import annotations

from stablequeue_core.testing.contracts.downloads_claimed import ClaimingDownloadsContract
from stablequeue_core.testing.contracts.downloads_kept import KeepingDownloadsContract
from stablequeue_core.testing.contracts.downloads_tidied import TidyingDownloadsContract


class DownloadStoreContract(
    KeepingDownloadsContract, ClaimingDownloadsContract, TidyingDownloadsContract
):
    """The promises of :class:`~stablequeue_core.downloads.DownloadStore`, as tests."""
