"""Look-ups by hash: one, up to a hundred with everything, up to ten thousand with ids alone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from stablequeue_core.testing.civitai_simulator import refusals
from stablequeue_core.testing.civitai_simulator.exchange import Answer, json_answer
from stablequeue_core.testing.civitai_simulator.shapes import version_shape
from stablequeue_core.testing.civitai_simulator.visits import Visit
from stablequeue_core.testing.civitai_simulator.world import CivitaiWorld, Listing

MOST_VERSIONS = 100
MOST_IDS = 10_000
NO_HOST = "https://undefined"
"""What the look-up for a hundred takes for the site's own address."""

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_LATEST = datetime.max.replace(tzinfo=UTC)
_FOR_AN_HOUR = {"Cache-Control": "public, s-maxage=3600, stale-while-revalidate=1800"}


class HashLookup:
    """Finds published versions by the hashes of their files."""

    def __init__(self, world: CivitaiWorld) -> None:
        self._world = world

    def one(self, visit: Visit) -> Answer:
        """``GET /model-versions/by-hash/:hash``: any kind of hash; of several, the earliest."""
        found = self._published(visit, visit.path.rpartition("/")[2])
        if not found:
            raise refusals.no_version()
        earliest = min(found, key=lambda listing: listing.version.published_at or _LATEST)
        return json_answer(version_shape(earliest, visit.home, visit.origins), headers=_FOR_AN_HOUR)

    def many(self, visit: Visit) -> Answer:
        """``POST /model-versions/by-hash``: what is not known is left out, in no order.

        Where something was left out, there is a null among them.
        """
        wanted = _hashes(visit, MOST_VERSIONS)
        listings = {
            listing.version.id: listing
            for digest in reversed(wanted)
            for listing in self._published(visit, digest)
        }
        found: list[Any] = [
            version_shape(listing, NO_HOST, visit.origins) for listing in listings.values()
        ]
        if len(found) < len(wanted):
            found.insert(1, None)
        return json_answer(found)

    def ids(self, visit: Visit) -> Answer:
        """``POST /model-versions/by-hash/ids``: hits only, in no order."""
        return json_answer(
            [
                {
                    "modelVersionId": listing.version.id,
                    "modelId": listing.model.id,
                    "hash": digest,
                }
                for digest in reversed(_hashes(visit, MOST_IDS))
                for listing in self._published(visit, digest)
            ]
        )

    def _published(self, visit: Visit, digest: str) -> list[Listing]:
        return [
            listing
            for listing in self._world.with_hash(digest)
            if listing.version.status == "Published" and visit.shows(listing.model.only_at_second)
        ]


def _hashes(visit: Visit, most: int) -> list[str]:
    """The SHA-256s that were sent, in upper case, each once.

    Raises:
        Refusal: it is no list of them, or too long.
    """
    try:
        sent = json.loads(visit.incoming.body)
    except ValueError:
        sent = None
    if not isinstance(sent, list) or len(sent) > most:
        raise refusals.bad_hashes(None)
    for index, item in enumerate(sent):
        if not isinstance(item, str) or not _SHA256.fullmatch(item):
            raise refusals.bad_hashes(index)
    return list(dict.fromkeys(item.upper() for item in sent))
