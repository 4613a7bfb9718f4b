"""The port: where a download's bytes come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from attrs import field, frozen

from stablequeue_core.downloads.download import Download
from stablequeue_core.transport import Abort


@frozen(kw_only=True)
class Location:
    """Where a file can be read from, for a while.

    Attributes:
        url: never shown whole: its query may be a key to the file.
        headers: to send along, to this host and no other.
        public_only: the host was chosen by somebody else, so it must not lie in a private network.
    """

    url: str = field(repr=lambda url: url.partition("?")[0])
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    public_only: bool = True


class DownloadOrigin(ABC):
    """Knows where files are. Safe to use from several threads at once."""

    @abstractmethod
    def locate(self, download: Download, *, abort: Abort) -> Location:
        """Ask for a new link to the file; links before it may or may not work any more.

        Raises:
            CivitaiRefused: it is not given to us, whoever asks and however often.
            CivitaiNotFound: there is no such file (any more).
            CivitaiUnavailable: it cannot be asked now.
            CivitaiGarbled: what answered makes no sense.
            TransferAborted: ``abort`` was pulled.
        """
