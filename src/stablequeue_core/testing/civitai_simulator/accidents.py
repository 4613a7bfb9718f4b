"""What the accidents do to answers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping

from attrs import evolve, frozen

from stablequeue_core.testing.civitai_simulator import refusals
from stablequeue_core.testing.civitai_simulator.exchange import Answer, Origins, redirect
from stablequeue_core.testing.civitai_simulator.faults import Fault, ScriptedFault
from stablequeue_core.testing.simulated_http import Content, Fate, repeated

_BOMB_BYTES = 1024**3
_HUGE_BYTES = 500 * 1024**2
_MEMBER_BYTES = 16 * 1024**2


def instead(fault: ScriptedFault, path: str) -> Answer | None:
    """The answer that comes, whatever was asked at ``path``; None: the right one."""
    make = _INSTEAD.get(fault.fault)
    return None if make is None else make(fault, path)


def spoiled(answer: Answer, fault: ScriptedFault, origins: Origins, url: str) -> Answer:
    """The right answer, with what this accident makes of it.

    Args:
        answer: the right one.
        fault: the accident; another one than those changes nothing.
        origins: where the hosts are.
        url: what was asked for.
    """
    if fault.fault in _REDIRECTS:
        location = answer.extra_headers.get("Location")
        if location is None:
            return answer
        return answer.with_headers({"Location": _REDIRECTS[fault.fault](location, origins, url)})
    if fault.fault is Fault.REDIRECT and fault.to is not None:
        return redirect(fault.to)
    if fault.fault is Fault.WRONG_BYTES and answer.content.size:
        return evolve(answer, content=_Flipped.of(answer.content, fault.after))
    if fault.fault is Fault.SLOW_DRIP:
        return evolve(answer, piece=fault.piece, pause=fault.pause)
    if fault.fault not in _ENDS:
        return answer
    return evolve(
        answer,
        fate=_ENDS[fault.fault],
        stop_after=answer.content.size // 2 if fault.after is None else fault.after,
        has_length=answer.has_length and fault.fault is not Fault.TRUNCATED_WITHOUT_LENGTH,
    )


def _bomb(fault: ScriptedFault, path: str) -> Answer:
    member = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = member.compress(b" " * _MEMBER_BYTES) + member.flush()
    count = -(-(fault.size or _BOMB_BYTES) // _MEMBER_BYTES)
    return Answer(
        content=repeated(count * len(packed), b"", packed, b""),
        extra_headers={"Content-Encoding": "gzip"},
    )


def _huge(fault: ScriptedFault, path: str) -> Answer:
    size = (fault.size or _HUGE_BYTES) | 1  # an odd number of bytes is valid JSON
    return Answer(content=repeated(size, b'{"items":[', b"1,", b"1]}"))


_INSTEAD: Mapping[Fault, Callable[[ScriptedFault, str], Answer]] = {
    Fault.REFUSE_CONNECTION: lambda fault, path: Answer(fate=Fate.REFUSED),
    Fault.LOSE_ANSWER: lambda fault, path: Answer(fate=Fate.LOST),
    Fault.SILENCE: lambda fault, path: Answer(fate=Fate.MUTE),
    Fault.TOO_MANY_REQUESTS: lambda fault, path: refusals.too_many_requests(fault.retry_after),
    Fault.TOO_MANY_DOWNLOADS: lambda fault, path: refusals.too_many_downloads().answer,
    Fault.SERVER_ERROR: lambda fault, path: refusals.server_error(fault.status or 500, path),
    Fault.EDGE_ERROR: lambda fault, path: refusals.edge_error(fault.status or 502),
    Fault.BUSY: lambda fault, path: refusals.busy(path),
    Fault.CHALLENGE: lambda fault, path: refusals.challenge(),
    Fault.LOGIN_PAGE: lambda fault, path: refusals.login_page(),
    Fault.GARBAGE: lambda fault, path: Answer(content=b'{"id": 700201, "modelId": 6001'),
    Fault.GZIP_BOMB: _bomb,
    Fault.HUGE_JSON: _huge,
}

_REDIRECTS: Mapping[Fault, Callable[[str, Origins, str], str]] = {
    Fault.REDIRECT_LOOP: lambda location, origins, url: url,
    Fault.REDIRECT_TO_PRIVATE: lambda location, origins, url: location.replace(
        origins.storage, origins.intranet, 1
    ),
    Fault.REDIRECT_TO_HTTP: lambda location, origins, url: location.replace(
        "https://", "http://", 1
    ),
}

_ENDS: Mapping[Fault, Fate] = {
    Fault.RESET: Fate.RESET,
    Fault.EXPIRE_MIDWAY: Fate.RESET,
    Fault.TRUNCATED: Fate.CLOSED,
    Fault.TRUNCATED_WITHOUT_LENGTH: Fate.CLOSED,
    Fault.STALL: Fate.SILENT,
}


@frozen
class _Flipped(Content):
    """Content in which one byte is wrong."""

    right: Content
    place: int

    @classmethod
    def of(cls, content: Content, after: int | None) -> _Flipped:
        last = content.size - 1
        return cls(content, last if after is None else min(after, last))

    @property
    def size(self) -> int:
        return self.right.size

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        for piece in self.right.pieces(start, stop):
            at = self.place - start
            start += len(piece)
            if 0 <= at < len(piece):
                yield piece[:at] + bytes([piece[at] ^ 0xFF]) + piece[at + 1 :]
            else:
                yield piece
