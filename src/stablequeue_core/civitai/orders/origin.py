"""Civitai as the place where downloads come from."""

from __future__ import annotations

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.downloads import Download, DownloadOrigin, Location
from stablequeue_core.transport import Abort


class CivitaiOrigin(DownloadOrigin):
    """Asks Civitai for a link to a file, each time anew: links expire.

    Args:
        client: asks Civitai.
    """

    def __init__(self, client: CivitaiClient) -> None:
        self._client = client

    def locate(self, download: Download, *, abort: Abort) -> Location:
        """Ask for a new link to the file; see the port."""
        return self._client.locate(download.version_id, download.file_id, abort=abort)
