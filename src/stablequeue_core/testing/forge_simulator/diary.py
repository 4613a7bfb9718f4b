"""What a simulated server remembers for tests to look at."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from typing import Any

from attrs import field, frozen


@frozen(kw_only=True)
class SeenRequest:
    """One request that reached the server."""

    method: str
    path: str
    raw: bytes = field(default=b"", repr=False)

    @property
    def body(self) -> Any:
        """The JSON that was sent; None if there was none."""
        try:
            return json.loads(self.raw)
        except ValueError:
            return None


@frozen(kw_only=True)
class RenderedPicture:
    """One picture that the server has made, whether anybody received it or not.

    Attributes:
        checkpoint: the checkpoint's name without hash: ``Pony/model_v8.safetensors``.
        finished: False if an interrupt or a skip stopped it.
    """

    task_id: str
    checkpoint: str
    seed: int
    prompt: str
    width: int
    height: int
    loras: tuple[str, ...]
    finished: bool


class Diary:
    """The latest requests and pictures, and how many there were of each; its size is bounded."""

    def __init__(self, changed: threading.Condition, remember: int) -> None:
        self._changed = changed
        self._requests: deque[SeenRequest] = deque(maxlen=remember)
        self._rendered: deque[RenderedPicture] = deque(maxlen=remember)
        self._counts: Counter[str] = Counter()
        self.pictures = 0

    def note_request(self, method: str, path: str, body: bytes) -> None:
        """A request has come."""
        with self._changed:
            self._counts[f"{method} {path}"] += 1
            self._requests.append(SeenRequest(method=method, path=path, raw=body))
            self._changed.notify_all()

    def note_picture(self, picture: RenderedPicture) -> None:
        """A picture was made."""
        with self._changed:
            self.pictures += 1
            self._rendered.append(picture)
            self._changed.notify_all()

    def requests(self) -> list[SeenRequest]:
        """The latest requests, oldest first."""
        with self._changed:
            return list(self._requests)

    def rendered(self) -> list[RenderedPicture]:
        """The latest pictures, oldest first."""
        with self._changed:
            return list(self._rendered)

    def counts(self) -> Counter[str]:
        """How often each request came."""
        with self._changed:
            return Counter(self._counts)
