"""What a simulated server was asked for, for tests to look at."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from typing import Any, Generic, TypeVar

from attrs import field, frozen


@frozen(kw_only=True)
class RecordedRequest:
    """One request that came.

    Attributes:
        raw: its body, as it came.
    """

    method: str
    raw: bytes = field(default=b"", repr=False)

    @property
    def body(self) -> Any:
        """The JSON that was sent; None if there was none."""
        try:
            return json.loads(self.raw)
        except ValueError:
            return None


R = TypeVar("R", bound=RecordedRequest)


class RequestLog(Generic[R]):
    """The latest requests, and how many there were of each; its size is bounded. Thread-safe.

    Args:
        changed: told whenever a request comes.
        remember: how many of the latest are kept.
    """

    def __init__(self, changed: threading.Condition, remember: int) -> None:
        self._changed = changed
        self._requests: deque[R] = deque(maxlen=remember)
        self._counts: Counter[str] = Counter()

    def note(self, request: R, path: str) -> None:
        """A request has come for ``path``."""
        with self._changed:
            self._counts[f"{request.method} {path}"] += 1
            self._requests.append(request)
            self._changed.notify_all()

    def requests(self) -> list[R]:
        """The latest requests, oldest first."""
        with self._changed:
            return list(self._requests)

    def counts(self) -> Counter[str]:
        """How often each was made: ``counts["GET /sdapi/v1/loras"]``."""
        with self._changed:
            return Counter(self._counts)
