"""What a simulated server remembers for tests to look at."""

from __future__ import annotations

import threading
from collections import deque

from attrs import frozen

from stablequeue_core.testing.simulated_http.request_log import RecordedRequest, RequestLog


@frozen(kw_only=True)
class SeenRequest(RecordedRequest):
    """One request that reached the server."""

    path: str


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
        self.log: RequestLog[SeenRequest] = RequestLog(changed, remember)
        self._rendered: deque[RenderedPicture] = deque(maxlen=remember)
        self.pictures = 0

    def note_request(self, method: str, path: str, body: bytes) -> None:
        """A request has come."""
        self.log.note(SeenRequest(method=method, path=path, raw=body), path)

    def note_picture(self, picture: RenderedPicture) -> None:
        """A picture was made."""
        with self._changed:
            self.pictures += 1
            self._rendered.append(picture)
            self._changed.notify_all()

    def rendered(self) -> list[RenderedPicture]:
        """The latest pictures, oldest first."""
        with self._changed:
            return list(self._rendered)
