"""Which hosts are Civitai's: of its API, of its pages, of its pictures. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from attrs import frozen

from stablequeue_core.settings import Settings

PAGE_HOSTS = frozenset(
    f"{www}civitai.{domain}" for www in ("", "www.") for domain in ("com", "red", "green")
)
"""Where people look at it; the API answers at some of them, too."""

PICTURE_HOSTS = frozenset(
    {"image.civitai.com", "image.civitai.red", "image-b2.civitai.com", "imagecache.civitai.com"}
)
"""Its CDN; the last one is in answers of older years."""

_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


@frozen
class Origin:
    """Whom a request goes to: what has to be the same for a key to be sent along."""

    scheme: str
    host: str
    port: int


def origin_of(url: str) -> Origin | None:
    """Whom a request for this address goes to; None: it is no address, or has credentials in it.

    Example:
        >>> origin_of("https://Civitai.com/api/v1")
        Origin(scheme='https', host='civitai.com', port=443)
        >>> origin_of("https://civitai.com@evil.example/") is None
        True
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _PORTS or not host or "@" in parts.netloc or "\\" in url:
        return None
    return Origin(scheme, host, _PORTS[scheme] if port is None else port)


_CDN = frozenset(Origin("https", host, 443) for host in PICTURE_HOSTS)


class CivitaiHosts:
    """The hosts that the settings make Civitai's.

    Args:
        settings: where the API is, and where to ask for what is not there.

    Attributes:
        bases: where the API is, to be asked in this order; without a slash at the end.
    """

    def __init__(self, settings: Settings) -> None:
        first, second = settings.civitai_url, settings.civitai_second_url
        bases = dict.fromkeys(url.rstrip("/") for url in (first, second) if url)
        self.bases = tuple(bases)
        self._origins = frozenset(filter(None, map(origin_of, self.bases)))
        self._names = frozenset(origin.host for origin in self._origins)
        self._own = self._names - PAGE_HOSTS

    def is_api(self, url: str) -> bool:
        """Whether this is the API itself, which may be shown the key: no other port, no http."""
        return origin_of(url) in self._origins

    def is_trusted(self, url: str) -> bool:
        """Whether the user has named this very host, wherever it lies."""
        origin = origin_of(url)
        return origin is not None and origin.host in self._names

    def is_page(self, url: str) -> bool:
        """Whether people look at this, with a browser: neither a model file nor a picture."""
        origin = origin_of(url)
        return origin is not None and origin.host in PAGE_HOSTS

    def shows_pictures(self, url: str) -> bool:
        """Whether this is Civitai's CDN, or a server that the user has put in Civitai's place.

        Such a server may have its pictures at another port.
        """
        origin = origin_of(url)
        return origin in _CDN or (origin is not None and origin.host in self._own)


def shown(url: str) -> str:
    """The host of an address, for sentences."""
    origin = origin_of(url)
    if origin is None:
        return "an address that is none"
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return host if origin.port == _PORTS[origin.scheme] else f"{host}:{origin.port}"
