"""The network between a simulated server and its clients: up, or cut."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Link:
    """Tells whoever carries requests when the network goes down and comes up. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._up = True
        self._watchers: list[Callable[[bool], None]] = []

    @property
    def up(self) -> bool:
        """Whether connections can be made."""
        return self._up

    def set(self, up: bool) -> None:
        """Cut the network, with every open connection, or mend it; tell the watchers."""
        with self._lock:
            if self._up == up:
                return
            self._up = up
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher(up)

    @contextmanager
    def watched(self, watcher: Callable[[bool], None]) -> Iterator[None]:
        """Call ``watcher`` with the new state whenever it changes inside the block."""
        with self._lock:
            self._watchers.append(watcher)
        try:
            yield
        finally:
            with self._lock:
                self._watchers.remove(watcher)
