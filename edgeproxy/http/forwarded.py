"""Who the client is behind trusted proxies, and what the edge tells a backend of it (RFC 7239, RFC 9110 §7.6.3).

Laws:
- nothing is believed but what a trusted peer wrote: X-Forwarded-For is walked from its right end, where the peer
  wrote, and never beyond the first address that is not trusted;
- a client's address is an IP address in its one spelling, or "unix" (backends are told "unknown"); never a text that a
  client chose;
- reading is bounded: MOST_HOPS elements, whatever the field's length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal

from edgeproxy.http.addresses import Address, read_address

UNIX: Final = "unix"  # the name of who comes by a Unix socket and so has no address
MOST_HOPS: Final = 32  # more proxies in a row than this are a loop, or a lie
_LONGEST_ELEMENT: Final = 53  # "[", 45 of an IPv6 address, "]:65535"
_MOST_KNOWN: Final = 4096  # addresses whose trust is remembered
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_PORT: Final = re.compile(r":([0-9]{1,5})")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2


class TrustedProxies:
    """The networks whose X-Forwarded-* and PROXY headers are believed; with "unix" among them, so is who comes by a
    Unix socket.
    """

    __slots__ = ("_known", "_networks", "_trusts_unix")

    def __init__(self, proxies: Sequence[IPv4Network | IPv6Network | Literal["unix"]]) -> None:
        self._networks = tuple([_plain_network(each) for each in proxies if not isinstance(each, str)])
        self._trusts_unix = UNIX in proxies
        self._known: dict[str, bool] = {}

    def is_trusted(self, address: str) -> bool:
        """PERF: a dict look-up for an address seen before, 0.1 µs; the first time costs 7 µs with three networks."""
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            parsed = read_address(address)
            known = self._has(parsed) if parsed is not None else address == UNIX and self._trusts_unix
            if len(address) <= _LONGEST_ELEMENT:
                self._known[address] = known
        return known

    def client_of(self, peer: str, x_forwarded_for: str | None) -> str:
        """The client's address: the rightmost of X-Forwarded-For and the peer that is not a trusted proxy's; the
        leftmost when all are. At an element that is no address (`unknown`, `_hidden`, nothing) the walk ends with the
        proxy that wrote it: what stands further left is hearsay of somebody unknown.
        """
        client = _plain_text(peer)
        if x_forwarded_for is None or not self.is_trusted(peer):
            return client
        for element in reversed(_elements(x_forwarded_for)):
            address = _read_element(element)
            if address is None:
                break
            client = address
            if not self.is_trusted(address):
                break
        return client

    def chain_of(self, peer: str, x_forwarded_for: str | None) -> str:
        """What is kept of X-Forwarded-For when a request is passed on: all from a trusted peer, else nothing."""
        return x_forwarded_for if x_forwarded_for is not None and self.is_trusted(peer) else ""

    def scheme_of(self, peer: str, x_forwarded_proto: str | None, own: str) -> str:
        """The scheme the client used, `http` or `https`; `own` is that of the connection to the edge.

        Of a list the last member counts, the only one that the trusted peer is known to have written. Most proxies
        replace the field, and then it is the only one. A proxy that adds to it keeps what the client sent at its left
        end, so the first member may be a client's claim to have come by TLS. Where several proxies stand in a row,
        each must hand on what it was told instead of adding its own: then, too, the last member is the client's.
        """
        if x_forwarded_proto is None or not self.is_trusted(peer):
            return own
        scheme = x_forwarded_proto[x_forwarded_proto.rfind(",") + 1 :].strip(" \t").lower()
        return scheme if scheme in ("http", "https") else own

    def _has(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def forwarding_lines(chain: str, address: str, host: str, scheme: str, minor: int) -> bytes:
    """What the edge tells a backend of the client, each line ended with CRLF.

    `chain` is what is kept of X-Forwarded-For ("": nothing), `address` the peer's, `host` what the client asked for,
    `minor` its HTTP/1.x. Of the chain the addresses go on, in their one spelling and without ports, and "unknown" for
    what is no address: a backend's parser never meets a client's own words. `Forwarded` says the same as the other
    lines (RFC 7239 §7.4 shows how one becomes the other).
    """
    hops = [_read_element(element) or "unknown" for element in [*_elements(chain), address]]
    last = f";host={_quoted(host)};proto={scheme}"
    lines = (
        f"X-Forwarded-For: {', '.join(hops)}",
        f"X-Forwarded-Proto: {scheme}",
        f"X-Forwarded-Host: {host}",
        f"Forwarded: {', '.join([_node(hop) for hop in hops])}{last}",
        f"Via: 1.{minor} edgeproxy",
    )
    return "".join([f"{line}\r\n" for line in lines]).encode("ascii")


def _elements(field: str) -> list[str]:
    """The last MOST_HOPS of a list, in order. Empty ones are kept: a proxy that knew no client wrote one."""
    return field.rsplit(",", MOST_HOPS)[-MOST_HOPS:] if field else []


def _read_element(element: str) -> str | None:
    element = element.strip(" \t")
    return _read_short_element(element) if len(element) <= _LONGEST_ELEMENT else None


@lru_cache(maxsize=4096)
def _read_short_element(element: str) -> str | None:
    """The address of `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`."""
    text, port = element, ""
    if element.startswith("["):
        text, bracket, port = element[1:].partition("]")
        if not bracket or ":" not in text:
            return None
    elif element.count(":") == 1:
        text, colon, port = element.partition(":")
        port = colon + port
    found = _PORT.fullmatch(port) if port else None
    address = read_address(text)
    if address is None or (port and (found is None or int(found[1]) > 65535)):
        return None
    return str(address)


@lru_cache(maxsize=4096)
def _plain_text(peer: str) -> str:
    """The one spelling of a peer's address; what is no address (a Unix socket's peer) stays."""
    address = read_address(peer)
    return peer if address is None else str(address)


@lru_cache(maxsize=4096)
def _node(hop: str) -> str:
    """RFC 7239 §6: an IPv6 address goes in brackets, and so in quotes; `unknown` is said for what has no address."""
    address = read_address(hop)
    if address is None:
        return "for=unknown"
    return f"for={hop}" if address.version == 4 else f'for="[{hop}]"'


def _quoted(host: str) -> str:
    """A host as the value of a parameter: a token where it can be one (RFC 7239 §4, RFC 9110 §5.6.2, §5.6.4)."""
    if _TOKEN.fullmatch(host):
        return host
    escaped = host.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain_network(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """A network of IPv4 addresses in IPv6's clothes is one of IPv4 addresses, as they are."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((network.network_address.packed[12:], network.prefixlen - 96))
    return network
