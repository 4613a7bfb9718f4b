"""How many requests it takes to know what ten thousand files are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from benchmarks.effort import Effort
from benchmarks.report import Figure
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.library.identifying import Identifier
from stablequeue_core.civitai.library.identity_book import IdentityBook
from stablequeue_core.settings import Settings
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.civitai_simulator import (
    CivitaiSimulator,
    SimulatedCivitai,
    SimulatedFile,
    SimulatedModel,
    SimulatedVersion,
)
from stablequeue_core.testing.clock import FakeClock

IDENTIFIED_IN = 2
VERSIONS_IN = 101


def requests(effort: Effort) -> Sequence[Figure]:
    """Ids for all files, then all that there is to know of their versions; one file is unknown."""
    count = effort.pick(10_000, 300)
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]
    clock = FakeClock()
    civitai = SimulatedCivitai(clock=clock, remember=4 * count)
    civitai.world.add(*(_model(number, digest) for number, digest in enumerate(digests[1:], 1)))
    client = CivitaiClient(CivitaiSimulator(civitai), Settings(), clock=clock)
    book = IdentityBook(MemoryStorage().identities)
    identifier = Identifier(client, book, clock=clock, unknown_age=1.0)

    found = identifier.identify(digests)
    known = [digest for digest, identity in found.items() if identity.candidates]
    asked_for_ids = len(civitai.requests)
    versions = client.versions_by_hash(known)
    asked_for_versions = len(civitai.requests) - asked_for_ids
    if len(known) != count - 1 or len(versions) != len(known):
        raise AssertionError(f"{len(known)} of {count} were identified, {len(versions)} described")
    return [
        Figure(
            name=f"identify {count:,} files",
            unit="requests",
            ours=asked_for_ids,
            reach=f"≤ {IDENTIFIED_IN} requests",
            met=asked_for_ids <= IDENTIFIED_IN,
        ),
        Figure(
            name=f"versions of {count:,} files",
            unit="requests",
            ours=asked_for_versions,
            reach=f"≤ {VERSIONS_IN} requests",
            met=asked_for_versions <= VERSIONS_IN,
        ),
    ]


def _model(number: int, digest: str) -> SimulatedModel:
    file = SimulatedFile(
        id=number,
        name=f"style_{number}.safetensors",
        content=b"",
        told_hashes={"SHA256": digest.upper()},
    )
    return SimulatedModel(
        id=number,
        name=f"A style {number}",
        type="LORA",
        versions=[SimulatedVersion(id=number, files=[file])],
    )
