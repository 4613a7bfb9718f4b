"""Where Civitai's redirects lead, and which of them are refusals in disguise. Pure."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from stablequeue_core.civitai.client.hosts import CivitaiHosts, origin_of, shown
from stablequeue_core.civitai.client.refusals import region_blocked
from stablequeue_core.errors import CivitaiError, CivitaiGarbled, LoginNeeded
from stablequeue_core.transport import Response

MOST_HOPS = 5

_STATUSES = frozenset({301, 302, 303, 307, 308})
_LOGIN = "login"
_REGION_BLOCKED = "region-blocked"


def is_redirect(response: Response) -> bool:
    """Whether an answer sends the client elsewhere."""
    return response.status in _STATUSES


def target_of(response: Response, url: str, secret: str | None) -> str:
    """The whole address that a redirect from ``url`` leads to.

    Args:
        response: the redirect.
        url: what was asked.
        secret: must not be handed on inside an address.

    Raises:
        CivitaiGarbled: it leads to nothing that can be asked: no http, no host, credentials in it.
    """
    location = response.headers.get("location", "").strip()
    target = _joined(url, location) if location.isprintable() and " " not in location else ""
    if not location or origin_of(target) is None or (secret and secret in target):
        raise CivitaiGarbled(
            f"{shown(url)} redirects (status {response.status}), but not to an address that can be "
            "asked. Try again; if it repeats, check STABLEQUEUE_CIVITAI_URL.",
            {"status": response.status},
        )
    return target.partition("#")[0]


def _joined(url: str, location: str) -> str:
    try:
        # With a scheme it is whole: programs disagree about what ``https:///a`` is.
        return location if urlsplit(location).scheme else urljoin(url, location)
    except ValueError:
        return ""


def refusal_behind(target: str, hosts: CivitaiHosts, *, key_was_sent: bool) -> CivitaiError | None:
    """The error that a redirect to one of Civitai's own pages means; None for any other target.

    Followed, such a page answers with status 200, and would be taken for what was asked for.
    """
    if not (hosts.is_page(target) or hosts.is_trusted(target)):
        return None
    first = urlsplit(target).path.strip("/").partition("/")[0].lower()
    if first == _LOGIN:
        return LoginNeeded(key_was_sent=key_was_sent)
    return region_blocked() if first == _REGION_BLOCKED else None


def too_many_hops(url: str) -> CivitaiGarbled:
    """Redirect after redirect."""
    return CivitaiGarbled(
        f"{shown(url)} redirects again and again. Check STABLEQUEUE_CIVITAI_URL.",
        {"hops": MOST_HOPS},
    )
