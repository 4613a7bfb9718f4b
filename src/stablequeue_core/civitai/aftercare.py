"""What happens to a download when its file is in its place: it becomes a model like any other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from stablequeue_core.civitai.reading import model_in, version_in
from stablequeue_core.civitai.refreshing import Refresher
from stablequeue_core.downloads import Download
from stablequeue_core.errors import StableQueueError
from stablequeue_core.models import Hashes, Model

logger = logging.getLogger(__name__)

TellServers = Callable[[Model], Mapping[str, bool]]
"""Has servers look at their folders; gives for each of them whether it lists the model."""


class TakeIn(Protocol):
    """Puts a file that was just written into the catalogue."""

    def __call__(self, root: str, path: str, hashes: Hashes, /) -> Model | None:
        """The model that the file is now; None when its root is none of ours any more."""


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
        """
        notes: list[str] = []
        servers: Mapping[str, bool] = {}
        with _noted("Its description could not be written", notes):
            notes += self._describe(download)
        with _noted("It could not be put into the catalogue", notes):
            model = self._take_in(download.root, download.path, download.hashes)
            if model is not None:
                servers = self._tell_servers(model)
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


@contextmanager
def _noted(what: str, notes: list[str]) -> Iterator[None]:
    try:
        yield
    except StableQueueError as error:
        notes.append(f"{what}: {error.message}")
    except Exception as defect:
        logger.exception("%s.", what)
        notes.append(f"{what}: StableQueue itself failed ({type(defect).__name__}).")
