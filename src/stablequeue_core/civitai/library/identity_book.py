"""Changes what is known of files at Civitai, one thing at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from stablequeue_core.models import Identity, IdentityStore


class IdentityBook:
    """Identities by SHA-256, of which each change leaves the rest as it is. For several threads.

    Args:
        store: remembers them.
    """

    def __init__(self, store: IdentityStore) -> None:
        self._store = store
        self._lock = threading.Lock()  # what the user pins must not be lost to an answer

    def of(self, sha256: str) -> Identity:
        """What is known of a file; an empty identity where nothing is."""
        return self.all_of([sha256])[sha256]

    def all_of(self, sha256s: Collection[str]) -> Mapping[str, Identity]:
        """The same of many, by their SHA-256."""
        known = self._store.of(sha256s)
        return {sha256: known.get(sha256) or Identity(sha256=sha256) for sha256 in sha256s}

    def revise(
        self, sha256s: Collection[str], change: Callable[[Identity], Identity]
    ) -> Mapping[str, Identity]:
        """Change what is known of files, all or none, and return it.

        Args:
            sha256s: which.
            change: from what is known to what shall be.
        """
        with self._lock:
            revised = {key: change(known) for key, known in self.all_of(sha256s).items()}
            self._store.save(list(revised.values()))
        return revised
