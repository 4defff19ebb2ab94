"""IP addresses as texts: one spelling for each.

Law: an IPv4 address that came in IPv6's clothes (`::ffff:192.0.2.1`, what a socket for both families calls an IPv4
peer) is the IPv4 address, so that a network of one family holds it, and a client cannot be two.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

Address = IPv4Address | IPv6Address

_LONGEST: Final = 45  # as INET6_ADDRSTRLEN without its NUL: 39 for groups, 45 with a dotted end


def read_address(text: str) -> Address | None:
    """The address; None when the text is not one. A zone (`fe80::1%eth0`, RFC 4007 §11) means nothing on another
    machine and is refused; so are leading zeros (`010.0.0.1`), which some readers take for octal.
    """
    if len(text) > _LONGEST or not text.isascii() or "%" in text:
        return None
    try:
        if ":" not in text:
            return IPv4Address(text)
        return plain(IPv6Address(text))
    except AddressValueError:
        return None


def plain(address: Address) -> Address:
    """Without IPv6's clothes."""
    return address if address.version == 4 else address.ipv4_mapped or address
