"""What happens to a download when its file is in its place: it becomes a model like any other."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from stablequeue_core.civitai.library.refreshing import Refresher
from stablequeue_core.civitai.reading.models import model_in, version_in
from stablequeue_core.downloads import Download
from stablequeue_core.errors import QueueClosed, StableQueueError, TransferAborted
from stablequeue_core.models import Hashes, Model

logger = logging.getLogger(__name__)

TellServers = Callable[[Model], Mapping[str, bool]]
"""Has servers look at their folders; gives for each of them whether it lists the model."""


class TakeIn(Protocol):
    """Puts a file that was just written into the catalogue."""

    def __call__(self, root: str, path: str, hashes: Hashes, /) -> Model | None:
        """The model that the file is now; None when its root is none of ours, or it is gone."""


class Aftercare:
    """Writes what is known beside a new file, puts it into the catalogue, and tells the servers.

    Each step is tried, whatever became of those before it: the file itself is there.

    Args:
        refresher: writes sidecars and previews.
        take_in: puts it into the catalogue.
        tell_servers: has servers look at their folders.
    """

    def __init__(self, refresher: Refresher, take_in: TakeIn, tell_servers: TellServers) -> None:
        self._refresher = refresher
        self._take_in = take_in
        self._tell_servers = tell_servers

    def __call__(self, download: Download) -> tuple[tuple[str, ...], Mapping[str, bool]]:
        """See to one download.

        Returns:
            sentences about what did not work, and for each server that answered whether it lists
            the file.

        Raises:
            TransferAborted, QueueClosed: we are closing; it has to be seen to again.
        """
        notes: list[str] = []
        model: Model | None = None
        servers: Mapping[str, bool] = {}
        with _noted("Its description could not be written", notes):
            notes += self._describe(download)
        with _noted("It could not be put into the catalogue", notes):
            model = self._take_in(download.root, download.path, download.hashes)
        with _noted("The servers could not be told of it", notes):
            servers = self._tell_servers(model or _as_it_lies_there(download))
        return tuple(notes), servers

    def _describe(self, download: Download) -> list[str]:
        version = version_in(download.record.get("version"))
        if version is None or download.hashes.sha256 is None:
            return []
        model = model_in(download.record.get("model"))
        written = self._refresher.beside(
            download.file, version, model, sha256=download.hashes.sha256
        )
        return list(written.problems)


def _as_it_lies_there(download: Download) -> Model:
    """The file as a model, though the catalogue does not know it: enough to find it on a server."""
    seen = download.file.stat()
    return Model(
        kind=download.kind,
        root=download.root,
        path=download.path,
        size=seen.st_size,
        mtime_ns=seen.st_mtime_ns,
        created_at=download.updated_at,
        hashes=download.hashes,
    )


@contextmanager
def _noted(what: str, notes: list[str]) -> Iterator[None]:
    """What goes wrong inside the block becomes a sentence."""
    try:
        yield
    except (TransferAborted, QueueClosed):
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        notes.append(f"{what}: {reason}.")
    except StableQueueError as error:
        notes.append(f"{what}: {error.message}")
    except Exception as defect:
        logger.exception("%s.", what)
        notes.append(f"{what}: StableQueue itself failed ({type(defect).__name__}).")
