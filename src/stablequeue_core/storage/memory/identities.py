"""The identities of model files in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from stablequeue_core.models import Identity, IdentityStore
from stablequeue_core.storage.memory.state import Memory


class MemoryIdentities(IdentityStore):
    """The identities of one storage."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def of(self, sha256s: Collection[str]) -> Mapping[str, Identity]:
        """What is known of these files, by their SHA-256 in lower case; unknown ones left out."""
        with self._memory.lock:
            known = self._memory.identities
            wanted = (digest.lower() for digest in sha256s)
            return {digest: known[digest] for digest in wanted if digest in known}

    def save(self, identities: Sequence[Identity]) -> None:
        """Keep these, all or none, each in place of what was known of its SHA-256."""
        if not identities:
            return
        with self._memory.changing():
            self._memory.identities.update((each.sha256, each) for each in identities)
            self._memory.record()
