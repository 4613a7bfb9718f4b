"""How fast a model file is fetched, proved and placed, and how little memory that takes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.timing import paired, seconds
from stablequeue_core.downloads import Download, DownloadOrigin, Location
from stablequeue_core.downloads.fetching.fetcher import Fetcher
from stablequeue_core.models import NO_HASHES, Hashes, ModelKind
from stablequeue_core.settings import Settings
from stablequeue_core.transport import Abort
from stablequeue_core.transport.requests_transport import RequestsTransport

SPEED_RATIO = 0.8
GROWTH_MB = 20.0
MEGABYTE = 1_000_000
_HEADER_BYTES = 256


def speed(effort: Effort) -> Sequence[Figure]:
    """The whole way of a file, beside curl, from the same server to the same disk.

    Ours is hashed on the way, proved, and on the disk when it gets its name; curl leaves its file
    to the system's cache. So curl is measured twice: as durable as ours, and as it is.
    """
    size = effort.pick(1000, 16) * MEGABYTE
    curl = shutil.which("curl")
    if curl is None:
        return [_without_curl(size)]
    with effort.workplace() as folder:
        source = folder / "source.safetensors"
        digest = write_model(source, size, is_random=True)
        with Child("downloading_server", str(source)) as server:
            url = server.greeting
            return [
                _against_curl(
                    folder, url, digest, size, command, effort.pick(9, 1), is_durable=is_durable
                )
                for command in [[curl, "--silent", "--fail", "--output"]]
                for is_durable in (True, False)
            ]


def memory(effort: Effort) -> Sequence[Figure]:
    """How much a process grows while it fetches a file that is far larger."""
    size = effort.pick(4000, 64) * MEGABYTE
    with effort.workplace() as folder:
        source = folder / "source.safetensors"
        write_model(source, size, is_random=False)
        with (
            Child("downloading_server", str(source)) as server,
            Child("downloading_process", server.greeting, str(folder)) as child,
        ):
            growth = float(child.greeting)
    return [
        Figure(
            name=f"memory while {size // MEGABYTE:,} MB are fetched",
            unit="MB growth",
            ours=growth,
            reach=f"≤ {GROWTH_MB:g} MB",
            met=growth <= GROWTH_MB,
        )
    ]


class Here(DownloadOrigin):
    """Knows one address."""

    def __init__(self, url: str) -> None:
        self._location = Location(url=url, public_only=False)

    def locate(self, download: Download, *, abort: Abort) -> Location:
        return self._location


def fetch(url: str, folder: Path, sha256: str | None) -> Path:
    """Fetch a file as the queue does; where it lies."""
    now = datetime.now(UTC)
    download = Download(
        id=str(uuid.uuid4()),
        version_id=1,
        file_id=None,
        kind=ModelKind.CHECKPOINT,
        root=str(folder),
        filename="model.safetensors",
        hashes=Hashes(sha256=sha256) if sha256 else NO_HASHES,
        created_at=now,
        updated_at=now,
    )
    with closing(RequestsTransport()) as transport:
        done = Fetcher(transport, Here(url), Settings()).fetch(
            download, abort=Abort(), note=lambda each: each, tell=lambda done, total: None
        )
    return done.file


def write_model(path: Path, size: int, *, is_random: bool) -> str:
    """Write a safetensors file of exactly ``size`` bytes.

    Args:
        path: where to.
        size: in bytes.
        is_random: False leaves a hole where the weights belong: nothing is read from the disk.

    Returns:
        its SHA-256; empty for one with a hole.
    """
    data = size - _HEADER_BYTES
    header = {"w": {"dtype": "U8", "shape": [data], "data_offsets": [0, data]}}
    text = json.dumps(header).encode().ljust(_HEADER_BYTES - 8)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        beginning = len(text).to_bytes(8, "little") + text
        file.write(beginning)
        if not is_random:
            file.truncate(size)
            return ""
        digest.update(beginning)
        for start in range(0, data, MEGABYTE):
            block = os.urandom(min(MEGABYTE, data - start))
            file.write(block)
            digest.update(block)
    return digest.hexdigest()


def _against_curl(
    folder: Path,
    url: str,
    digest: str,
    size: int,
    command: Sequence[str],
    rounds: int,
    *,
    is_durable: bool,
) -> Figure:
    target = folder / "by curl.safetensors"

    def curl() -> None:
        subprocess.run([*command, str(target), url], check=True)
        if is_durable:
            with target.open("rb") as file:
                os.fsync(file.fileno())

    pair = paired(
        lambda: _rate(size, lambda: fetch(url, folder, digest), folder / "model.safetensors"),
        lambda: _rate(size, curl, target),
        rounds,
    )
    return Figure(
        name=f"download {size // MEGABYTE:,} MB, hashed and proved"
        + ("" if is_durable else ", curl not synced"),
        unit="MB/s",
        ours=pair.ours,
        floor=pair.floor,
        ratio=pair.ratio,
        reach=f"≥ {SPEED_RATIO} of curl{' + fsync' if is_durable else ''}",
        met=pair.ratio >= SPEED_RATIO,
    )


def _rate(size: int, work: Callable[[], object], result: Path) -> float:
    """Megabytes a second, with a quiet disk before and nothing left behind."""
    with _quiet_disk(result):
        return size / MEGABYTE / seconds(work)


@contextmanager
def _quiet_disk(result: Path) -> Iterator[None]:
    if hasattr(os, "sync"):
        os.sync()
    try:
        yield
    finally:
        result.unlink(missing_ok=True)


def _without_curl(size: int) -> Figure:
    return Figure(
        name=f"download {size // MEGABYTE:,} MB: not measured, there is no curl",
        unit="MB/s",
        ours=0.0,
        reach=f"≥ {SPEED_RATIO} of curl",
        met=False,
    )
