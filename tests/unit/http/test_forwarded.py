"""Who the client is behind trusted proxies, and what a backend is told of it (RFC 7239)."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from edgeproxy.http.forwarded import MOST_HOPS, TrustedProxies, forwarding_lines

NETWORKS = ["10.0.0.0/8", "127.0.0.1/32", "2001:db8:ffff::/48", "::ffff:192.168.0.0/112"]
TRUSTED = TrustedProxies([ip_network(text) for text in NETWORKS])
PROXY, CLIENT = "10.0.0.1", "203.0.113.9"


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    {
        "10.255.0.1": True,
        "11.0.0.1": False,
        "127.0.0.1": True,
        "127.0.0.2": False,
        "::ffff:10.0.0.1": True,
        "192.168.0.7": True,  # the network was written in IPv6's clothes
        "::ffff:192.168.0.7": True,
        "2001:db8:ffff::1": True,
        "2001:DB8:FFFF:0::1": True,
        "2001:db8:fffe::1": False,
        "::10.0.0.1": False,  # an old, other way to write IPv4 in IPv6
        "10.0.0.1%eth0": False,
        "10.0.0.1:80": False,
        "010.0.0.1": False,
        "unknown": False,  # a Unix socket's peer
        "": False,
    }.items(),
)
def test_which_addresses_are_trusted(address: str, is_trusted: bool) -> None:
    assert TRUSTED.is_trusted(address) is is_trusted
    assert TRUSTED.is_trusted(address) is is_trusted  # the second time from memory


@pytest.mark.parametrize(
    ("peer", "x_forwarded_for", "client"),
    [
        (CLIENT, None, CLIENT),
        (CLIENT, "192.0.2.1", CLIENT),  # its own word for where it is
        (CLIENT, "10.0.0.1", CLIENT),
        (PROXY, None, PROXY),
        (PROXY, "", PROXY),
        (PROXY, "203.0.113.9", CLIENT),
        (PROXY, "192.0.2.1, 203.0.113.9", CLIENT),
        (PROXY, "192.0.2.1, 203.0.113.9,10.1.1.1 ,\t10.2.2.2", CLIENT),
        (PROXY, "10.3.3.3, 10.2.2.2", "10.3.3.3"),  # all trusted: the leftmost
        ("::ffff:10.0.0.1", "203.0.113.9", CLIENT),
        ("::ffff:203.0.113.9", "192.0.2.1", CLIENT),
        (PROXY, "::ffff:203.0.113.9", CLIENT),
        (PROXY, "::FFFF:CB00:7109", CLIENT),
        (PROXY, "203.0.113.9:4711", CLIENT),
        (PROXY, "2001:DB8::0:1", "2001:db8::1"),
        (PROXY, "[2001:db8::1]", "2001:db8::1"),
        (PROXY, "[2001:db8::1]:4711", "2001:db8::1"),
        (PROXY, "[2001:db8:ffff::2]:80, [::ffff:10.0.0.2]:80", "2001:db8:ffff::2"),
        ("unknown", "192.0.2.1", "unknown"),
    ],
)
def test_who_the_client_is(peer: str, x_forwarded_for: str | None, client: str) -> None:
    assert TRUSTED.client_of(peer, x_forwarded_for) == client


UNREADABLE = [
    "unknown", "_hidden", "", " ", "nonsense", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x",
    "1.2.3.4:-1", "1.2.3.4:1:2", "[1.2.3.4]", "[::1", "::1]", "[::1]80", "[::1]:", "[::1]:99999", "[]", "fe80::1%eth0",
    "[fe80::1%eth0]:80", '"1.2.3.4"', "for=1.2.3.4", "1.2.3.4 5", "1.2.3.4\r\nX: y", "é", "\u0661.2.3.4", "1.2.3.4:\u0661", "9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("element", UNREADABLE)
def test_at_an_unreadable_element_the_proxy_that_wrote_it_is_the_client(element: str) -> None:
    assert TRUSTED.client_of(PROXY, f"192.0.2.1, {element}, 10.7.7.7") == "10.7.7.7"
    assert TRUSTED.client_of(PROXY, f"192.0.2.1, {element}") == PROXY


def test_a_walk_has_an_end() -> None:
    chain = ", ".join([CLIENT, *(f"10.0.1.{hop}" for hop in range(MOST_HOPS))])
    assert TRUSTED.client_of(PROXY, chain) == "10.0.1.0"
    assert TRUSTED.client_of(PROXY, "," * 32_000) == PROXY


def test_trust_is_remembered_for_a_bounded_number_of_addresses() -> None:
    trusted = TrustedProxies([ip_network("10.0.0.0/8")])
    for number in range(20_000):
        assert trusted.is_trusted(f"10.0.{number >> 8}.{number & 255}")
    assert len(trusted._known) <= 4096


@pytest.mark.parametrize(
    ("peer", "x_forwarded_proto", "scheme"),
    [
        (CLIENT, "https", "http"),
        (PROXY, None, "http"),
        (PROXY, "https", "https"),
        (PROXY, "HTTPS ", "https"),
        (PROXY, "http, https", "https"),
        (PROXY, "https, http", "http"),  # the first may be the client's claim
        (PROXY, "https,", "http"),
        (PROXY, "", "http"),
        (PROXY, "wss", "http"),
        (PROXY, "https\r\nX: y", "http"),
    ],
)
def test_which_scheme_the_client_used(peer: str, x_forwarded_proto: str | None, scheme: str) -> None:
    assert TRUSTED.scheme_of(peer, x_forwarded_proto, "http") == scheme


def test_a_client_that_came_by_tls_to_the_edge_keeps_its_scheme() -> None:
    assert TRUSTED.scheme_of(CLIENT, "http", "https") == "https"
    assert TRUSTED.scheme_of(PROXY, "gopher", "https") == "https"


def test_the_chain_of_a_trusted_peer_is_kept_and_a_clients_dropped() -> None:
    assert TRUSTED.chain_of(PROXY, "192.0.2.1, 203.0.113.9") == "192.0.2.1, 203.0.113.9"
    assert TRUSTED.chain_of(CLIENT, "192.0.2.1") == ""
    assert TRUSTED.chain_of(PROXY, None) == ""


def test_a_backend_is_told_of_a_client() -> None:
    assert forwarding_lines("", CLIENT, "pypi.test", "http", 1) == (
        b"X-Forwarded-For: 203.0.113.9\r\n"
        b"X-Forwarded-Proto: http\r\n"
        b"X-Forwarded-Host: pypi.test\r\n"
        b"Forwarded: for=203.0.113.9;host=pypi.test;proto=http\r\n"
        b"Via: 1.1 edgeproxy\r\n"
    )


def test_a_backend_is_told_of_a_client_and_the_proxies_between() -> None:
    assert forwarding_lines("2001:DB8::1, 192.0.2.7:80, _hidden", "::1", "pypi.test:8080", "https", 0) == (
        b"X-Forwarded-For: 2001:db8::1, 192.0.2.7, unknown, ::1\r\n"
        b"X-Forwarded-Proto: https\r\n"
        b"X-Forwarded-Host: pypi.test:8080\r\n"
        b'Forwarded: for="[2001:db8::1]", for=192.0.2.7, for=unknown, for="[::1]";host="pypi.test:8080";proto=https\r\n'
        b"Via: 1.0 edgeproxy\r\n"
    )


@pytest.mark.parametrize(
    ("host", "written"),
    {
        "pypi.test": "pypi.test",
        "[::1]": '"[::1]"',
        "[::1]:80": '"[::1]:80"',
        "a(b,c;d=e)": '"a(b,c;d=e)"',
        'a"b\\c': '"a\\"b\\\\c"',
        "": '""',
    }.items(),
)
def test_a_host_is_quoted_where_it_must_be(host: str, written: str) -> None:
    assert f";host={written};proto=http\r\n".encode() in forwarding_lines("", CLIENT, host, "http", 1)


def test_a_long_chain_is_cut_on_its_left() -> None:
    lines = forwarding_lines(",".join(["192.0.2.1"] * 10_000), CLIENT, "pypi.test", "http", 1)
    assert lines.startswith(b"X-Forwarded-For: " + b"192.0.2.1, " * MOST_HOPS + b"203.0.113.9\r\n")
    assert lines.count(b"for=") == MOST_HOPS + 1


def test_who_comes_by_a_unix_socket_is_trusted_only_where_that_is_said() -> None:
    assert not TRUSTED.is_trusted("unix")
    trusting = TrustedProxies([ip_network("10.0.0.0/8"), "unix"])
    assert trusting.is_trusted("unix")
    assert trusting.client_of("unix", CLIENT) == CLIENT
    assert trusting.client_of("unix", None) == "unix"
    assert b"X-Forwarded-For: unknown\r\n" in forwarding_lines("", "unix", "pypi.test", "http", 1)
