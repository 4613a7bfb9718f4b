"""The host that holds the files: it knows signed links, for a while, and nobody's key."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from email.utils import format_datetime
from urllib.parse import urlencode

from attrs import define

from stablequeue_core.clock import Clock
from stablequeue_core.testing.civitai_simulator.exchange import Answer, xml_refusal
from stablequeue_core.testing.civitai_simulator.faults import Fault
from stablequeue_core.testing.civitai_simulator.files import SimulatedFile
from stablequeue_core.testing.civitai_simulator.models import DAY
from stablequeue_core.testing.civitai_simulator.visits import Visit

DAY_SECONDS = 86400.0

_LONG_AGO = float("-inf")
_HARMFUL = re.compile(r"[^A-Za-z0-9._-]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))")


@define
class _Link:
    """One signed link."""

    file: SimulatedFile
    path: str
    expires_at: float


class FileStorage:
    """Hands out links and files.

    Attributes:
        link_seconds: how long a new link lasts, by the clock.
        refuses_with_403: what an ``Authorization`` is answered with: 403, as Backblaze does, or
            400, as Cloudflare's R2 does.
    """

    def __init__(self, clock: Clock, link_seconds: float = DAY_SECONDS) -> None:
        self.link_seconds = link_seconds
        self.refuses_with_403 = False
        self._clock = clock
        self._lock = threading.Lock()
        self._links: dict[str, _Link] = {}
        self._made = 0

    @property
    def links_made(self) -> int:
        """How many links were handed out."""
        return self._made

    def link(self, file: SimulatedFile, origin: str) -> str:
        """A new link to a file, with a signature that this storage knows."""
        path = f"/model/424242/{file.id}.{_HARMFUL.sub('', file.name)[-80:]}"
        with self._lock:
            self._made += 1
            signature = hashlib.sha256(f"{file.id} {self._made}".encode()).hexdigest()
            expires_at = self._clock.monotonic() + self.link_seconds
            self._links[signature] = _Link(file, path, expires_at)
        query = {
            "X-Amz-Expires": f"{self.link_seconds:.0f}",
            "X-Amz-Date": f"{self._clock.now():%Y%m%dT%H%M%SZ}",
            "X-Amz-SignedHeaders": "host",
            "response-content-disposition": disposition(file),
            "X-Amz-Signature": signature,
        }
        return f"{origin}{path}?{urlencode(query)}"

    def expire_links(self) -> None:
        """From now on none of the links that were handed out works."""
        with self._lock:
            for link in self._links.values():
                link.expires_at = _LONG_AGO

    def fetch(self, visit: Visit) -> Answer:
        """``GET`` of a signed link."""
        link = self._links.get(visit.parameter("X-Amz-Signature") or "")
        if "authorization" in visit.incoming.headers:
            if self.refuses_with_403:
                return xml_refusal(403, "AccessDenied", "Unsupported Authorization Type")
            return xml_refusal(400, "InvalidRequest", "Missing x-amz-content-sha256")
        if visit.incoming.method != "GET" or link is None or link.path != visit.path:
            message = "The request signature we calculated does not match"
            return xml_refusal(403, "SignatureDoesNotMatch", message)
        if visit.struck_by(Fault.EXPIRED):
            link.expires_at = _LONG_AGO
        if self._clock.monotonic() >= link.expires_at:
            return xml_refusal(403, "AccessDenied", "Request has expired")
        if visit.struck_by(Fault.EXPIRE_MIDWAY):
            link.expires_at = _LONG_AGO
        return file_answer(
            link.file,
            visit.header,
            etag='"another"' if visit.struck_by(Fault.ETAG_CHANGED) else None,
            with_ranges=not visit.struck_by(Fault.RANGE_IGNORED),
        )


def disposition(file: SimulatedFile) -> str:
    """What the storage says that the file is called."""
    name = _CONTROLS.sub("?", file.sent_name or file.name)
    return f'attachment; filename="{name}"'


def file_answer(
    file: SimulatedFile,
    header: Callable[[str], str],
    *,
    etag: str | None = None,
    with_ranges: bool = True,
) -> Answer:
    """The file, or the part of it that was asked for.

    Args:
        file: which.
        header: finds the request's headers; empty for those that were not sent.
        etag: what to call the bytes; None: by their own name.
        with_ranges: False ignores every ``Range``.
    """
    size = file.content.size
    etag = etag or file.etag
    headers = {
        "ETag": etag,
        "Last-Modified": format_datetime(DAY, usegmt=True),
        "Content-Disposition": disposition(file).encode("ascii", "replace").decode(),
    }
    if with_ranges:
        headers["Accept-Ranges"] = "bytes"
    whole = Answer(
        content=file.content, content_type="application/octet-stream", extra_headers=headers
    )
    span = _span(header("range"), size) if with_ranges else None
    if span is None or header("if-range") not in ("", etag):
        return whole
    start, stop = span
    if start >= stop:
        refused = xml_refusal(416, "InvalidRange", "The requested range is not satisfiable")
        return refused.with_headers({"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Answer(
        status=206,
        content=file.content.part(start, stop),
        content_type="application/octet-stream",
        extra_headers=headers,
    )


def _span(asked: str, size: int) -> tuple[int, int] | None:
    """What a ``Range`` asks for; None where it is nonsense, which is ignored."""
    found = _RANGE.fullmatch(asked)
    if found is None:
        return None
    first, last, ending = found.groups()
    if ending:
        return max(0, size - int(ending)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size
