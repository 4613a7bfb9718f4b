"""Which addresses are public, so that a link from outside cannot lead into the user's network."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")  # the last 32 bits are an IPv4 address, reached by a gateway
_IPV4_IN_IPV6 = tuple(map(IPv6Network, ("2001::/32", "2002::/16")))  # Teredo, 6to4


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet.

    Not this machine, no private or shared network (CGNAT), none of one link, no group, nothing that
    is reserved; nor an IPv6 address that means such an IPv4 address.

    Args:
        address: as ``getaddrinfo`` gives it; what is no address is not public.

    Example:
        >>> is_public("104.18.22.206"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
        (True, False, False)
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        embedded = parsed.ipv4_mapped
        if embedded is None and parsed in _NAT64:
            embedded = IPv4Address(parsed.packed[-4:])
        if embedded is None:
            return (
                parsed in _GLOBAL_UNICAST
                and parsed.is_global
                and not any(parsed in network for network in _IPV4_IN_IPV6)
            )
        parsed = embedded
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def is_private_host(host: str) -> bool:
    """Whether a host, as an address names it, is known to be none of the public internet.

    For when somebody else, a proxy, looks the name up: only what is written as an address, in any
    of the ways that systems understand (``127.1``, ``0x7f000001``), and ``localhost`` can be told.

    Example:
        >>> is_private_host("2130706433"), is_private_host("LOCALHOST."), is_private_host("a.org")
        (True, True, False)
    """
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(name)))
    except (OSError, UnicodeError):
        return ":" in name and not is_public(name)
