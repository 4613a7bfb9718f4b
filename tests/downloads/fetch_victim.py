"""A process that fetches one file until it has it, or is killed; started by the crash test."""

from __future__ import annotations

import json
import sys
from contextlib import closing, suppress
from pathlib import Path

from attrs import evolve
from tests.downloads.errands import FromCivitai, wanted

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.downloads import Download
from stablequeue_core.downloads.fetching.fetcher import Fetcher
from stablequeue_core.errors import StableQueueError
from stablequeue_core.models import Hashes
from stablequeue_core.models.files.safe_files import replacing
from stablequeue_core.settings import Settings
from stablequeue_core.testing.civitai_simulator import GOOD_KEY
from stablequeue_core.transport import Abort
from stablequeue_core.transport.requests_transport import RequestsTransport

ID = "0f3c9a51-0000-4000-8000-000000000000"
NOTED = ("etag", "total", "wrong_sha256")


def download_of(root: str, sha256: str) -> Download:
    """The download that every process goes on with."""
    return wanted(Path(root), id=ID, folder="", hashes=Hashes(sha256=sha256))


def main(url: str, root: str, sha256: str, memory: str) -> None:
    noted = Path(memory)

    def note(download: Download) -> Download:
        with replacing(noted) as file:
            file.write(json.dumps({name: getattr(download, name) for name in NOTED}).encode())
        return download

    settings = Settings(
        civitai_url=url,
        civitai_second_url=None,
        civitai_api_key=GOOD_KEY,
        allow_private_downloads=True,
    )
    with closing(RequestsTransport()) as transport:
        client = CivitaiClient(transport, settings)
        fetcher = Fetcher(transport, FromCivitai(client), settings)
        for _ in range(5):
            known = json.loads(noted.read_bytes()) if noted.exists() else {}
            with suppress(StableQueueError):
                fetcher.fetch(
                    evolve(download_of(root, sha256), **known),
                    abort=Abort(),
                    note=note,
                    tell=lambda done, total: None,
                )
                return
    sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
