"""Which addresses a link from outside may lead to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.transport.addresses import is_private_host, is_public

GLOBAL_UNICAST, NAT64 = IPv6Network("2000::/3"), IPv6Network("64:ff9b::/96")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.31.255.255",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:192.168.1.1",
        "64:ff9b::7f00:1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "",
        "civitai.com",
    ],
)
def test_what_is_not_of_the_public_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "104.18.22.206", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::6812:16ce"],
)
def test_the_public_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_an_address_within_ipv6_is_judged_as_the_address_itself(address: IPv4Address) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert is_public(f"64:ff9b::{address}") == is_public(str(address))


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_no_private_or_special_address_is_ever_public(address: IPv6Address) -> None:
    plain = address.ipv4_mapped or address
    if plain.is_loopback or plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        assert not is_public(str(address))
    if address.ipv4_mapped is None and address not in NAT64:
        assert not is_public(str(address)) or address in GLOBAL_UNICAST


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost.",
        "a.localhost",
        "127.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "10.0.0.1",
    ],
)
def test_a_private_host_is_known_by_how_it_is_written(host: str) -> None:
    assert is_private_host(host)


@pytest.mark.parametrize("host", ["civitai.com", "8.8.8.8", "[2606:4700::1]", "localhost.com", ""])
def test_any_other_host_is_not_known_to_be_private(host: str) -> None:
    assert not is_private_host(host)
