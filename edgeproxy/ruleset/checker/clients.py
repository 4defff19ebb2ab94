"""One address for each set of clients that networks tell apart.

Networks are nested or apart, never crossing: so the sets are what is in a network and in none of those inside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

# Seen first where no network of the ruleset has them: documentation's own (RFC 5737, RFC 3849).
_OUTSIDE = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1")
_EVERY = (ip_network("0.0.0.0/0"), ip_network("::/0"))
UNIX = ""


def clients(networks: Iterable[Network]) -> tuple[str, ...]:
    """The representatives: those in no network first, then each network's, last a Unix socket's, which is in none."""
    distinct = sorted(set(networks), key=lambda each: (each.version, each))
    if not distinct:
        return (_OUTSIDE[0],)
    outside = [_outside(every, [each for each in distinct if each.version == every.version]) for every in _EVERY]
    inside = [_first(each, [other for other in distinct if other != each and _holds(each, other)]) for each in distinct]
    found = [address for address in (*outside, *inside) if address is not None]
    return (*dict.fromkeys(found), UNIX)


def _outside(every: Network, networks: Sequence[Network]) -> str | None:
    for address in map(ip_address, _OUTSIDE):
        if address.version == every.version and not any(address in network for network in networks):
            return str(address)
    return _first(every, networks)


def _first(network: Network, inner: Sequence[Network]) -> str | None:
    """The first address of a network that is in none of the inner ones; rather not the network's own."""
    starts = [int(network.network_address), *(int(each.broadcast_address) + 1 for each in inner)]
    kind = type(network.network_address)
    for number in sorted(starts):
        for at in (number + 1, number):
            if at <= int(network.broadcast_address) and not any(kind(at) in each for each in inner):
                return str(kind(at))
    return None


def _holds(network: Network, other: Network) -> bool:
    return network.version == other.version and other.network_address in network and other.prefixlen > network.prefixlen
