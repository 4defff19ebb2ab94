"""The PROXY protocol, the receiver's side: who the client behind a TCP proxy is.

The specification is HAProxy's doc/proxy-protocol.txt, of which the sections are named below: version 1 is a line of
text (§2.1), version 2 a binary block (§2.2).

Laws: where the octets were cut decides nothing; what no further octet makes right is refused at once; a header is
never guessed at (§2: a receiver that expects one must not take a connection without).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from edgeproxy.http.addresses import Address, plain, read_address


class BadProxyHeader(ValueError):
    """A connection does not begin with a PROXY header; the message says why. It is closed without an answer."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the client is; the address in its one spelling."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """`length` octets are the header, the next one is the client's.

    `source` is None when the connection's own peer is to be believed: the proxy speaks for itself (a health check),
    or for a client without an IP address. `is_tls` is None when the proxy does not say.
    """

    source: Source | None
    length: int
    is_tls: bool | None = None


def read_proxy_header(octets: bytes) -> ProxyHeader | None:
    """Read the header that a connection begins with; None: more octets are needed. Raises BadProxyHeader."""
    if octets[:1] == b"P":
        return _read_v1(octets)
    if not octets.startswith(_SIGNATURE[: len(octets)]):
        raise BadProxyHeader("the connection begins without a PROXY header: its peer must send one, version 1 or 2")
    return _read_v2(octets) if len(octets) >= len(_SIGNATURE) else None


# -- version 1 ----------------------------------------------------------------------------------------------------

_LONGEST_LINE: Final = 107  # §2.1, CRLF included
# What a line may look like before its end is there; then `_LINE` has the word.
_BEGUN: Final = re.compile(rb"PROXY (?:TCP4 [0-9. ]*|TCP6 [0-9A-Fa-f:. ]*|UNKNOWN(?: [^\r\n]*)?)")
_BEGINNINGS: Final = (b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN")
_PORT: Final = rb"(0|[1-9][0-9]{0,4})"  # no leading zeros: they could mean octal
_LINE: Final = re.compile(rb"PROXY TCP([46]) ([^ ]+) ([^ ]+) %b %b" % (_PORT, _PORT))


def _read_v1(octets: bytes) -> ProxyHeader | None:
    line, cr, rest = octets[:_LONGEST_LINE].partition(b"\r")
    if _BEGUN.fullmatch(line) is None and (cr or not any(text.startswith(line) for text in _BEGINNINGS)):
        raise BadProxyHeader("the PROXY line is not TCP4, TCP6 or UNKNOWN with addresses and ports, ended by CRLF")
    if len(line) + len(cr) == _LONGEST_LINE:
        raise BadProxyHeader(f"the PROXY line is longer than {_LONGEST_LINE} octets")
    # §2.1: whatever else an UNKNOWN line says is to be ignored
    source = _read_v1_source(line) if cr and not line.startswith(b"PROXY UNKNOWN") else None
    if rest[:1] not in (b"", b"\n"):
        raise BadProxyHeader("the PROXY line has a CR without LF")
    return ProxyHeader(source, len(line) + 2) if rest else None


def _read_v1_source(line: bytes) -> Source:
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadProxyHeader("the PROXY line is not two addresses and two ports, one space between them")
    family = int(match[1])
    source, _ = (_read_v1_address(text.decode("ascii"), family) for text in (match[2], match[3]))
    ports = [int(match[4]), int(match[5])]
    if max(ports) > 65535:
        raise BadProxyHeader(f"the PROXY line has the port {max(ports)}: ports end at 65535")
    return Source(str(source), ports[0])


def _read_v1_address(text: str, family: int) -> Address:
    """§2.1: the family that is named decides the format. A dotted end of IPv6 is allowed: inet_ntop writes it."""
    address = read_address(text) if (":" in text) == (family == 6) else None
    if address is None:
        raise BadProxyHeader(f"the PROXY line has {text!r} where an IPv{family} address belongs")
    return address


# -- version 2 ----------------------------------------------------------------------------------------------------

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED: Final = 16  # octets before the block
_LONGEST_BLOCK: Final = 4096  # §2.2 allows 65535; certificates in TLVs need a fraction
_LOCAL, _PROXY = 0x20, 0x21  # version and command
# Family and transport: the octets that two addresses and their ports take, and of one address. §2.2 has no others.
# Only streams have a source here: a receiver takes what it does not serve for unspecified.
_LAYOUTS: Final = {
    0x00: (0, 0),  # unspecified
    0x11: (12, 4),  # TCP over IPv4
    0x12: (12, 0),  # UDP over IPv4
    0x21: (36, 16),  # TCP over IPv6
    0x22: (36, 0),  # UDP over IPv6
    0x31: (216, 0),  # Unix stream
    0x32: (216, 0),  # Unix datagram
}
_CRC32C, _SSL = 0x03, 0x20  # types of TLVs (§2.2.3, §2.2.6)
_CLIENT_SSL: Final = 0x01  # the client came by TLS


def _read_v2(octets: bytes) -> ProxyHeader | None:
    is_local = _check_fixed(octets)
    if len(octets) < _FIXED:
        return None
    length = _FIXED + int.from_bytes(octets[14:16])
    if len(octets) < length:
        return None
    if is_local:  # §2.2: the connection's own ends count, and the block is discarded
        return ProxyHeader(None, length)
    addresses, width = _LAYOUTS[octets[13]]
    is_tls = _read_tlvs(octets[:length], _FIXED + addresses)
    source = None
    if width:
        ports = _FIXED + 2 * width
        address = plain(ip_address(octets[_FIXED : _FIXED + width]))
        source = Source(str(address), int.from_bytes(octets[ports : ports + 2]))
    return ProxyHeader(source, length, is_tls)


def _check_fixed(octets: bytes) -> bool:
    """Refuse what is wrong in the octets that are there before the block; returns whether the command is LOCAL."""
    if len(octets) > 12 and octets[12] not in (_LOCAL, _PROXY):
        raise BadProxyHeader(f"the PROXY header has version and command {octets[12]:#04x}: 0x20 and 0x21 are known")
    is_local = len(octets) > 12 and octets[12] == _LOCAL
    if len(octets) > 13 and not is_local and octets[13] not in _LAYOUTS:
        raise BadProxyHeader(f"the PROXY header has the unknown family and transport {octets[13]:#04x}")
    if len(octets) >= _FIXED:
        block = int.from_bytes(octets[14:16])
        least = 0 if is_local else _LAYOUTS[octets[13]][0]
        if not least <= block <= _LONGEST_BLOCK:
            raise BadProxyHeader(
                f"the PROXY header's block has {block} octets: at least {least} belong there, at most {_LONGEST_BLOCK}"
            )
    return is_local


def _read_tlvs(header: bytes, position: int) -> bool | None:
    """Check the checksum, if there is one (§2.2.3), and find whether the client came by TLS (§2.2.6)."""
    is_tls: bool | None = None
    seen: set[int] = set()
    for kind, start, end in _tlvs(header, position):
        if kind in (_CRC32C, _SSL) and kind in seen:
            raise BadProxyHeader(f"the PROXY header has two TLVs of type {kind:#04x}")
        seen.add(kind)
        if kind == _CRC32C:
            _check_sum(header, start, end)
        elif kind == _SSL:
            if end - start < 5:  # a client octet and four of verification come first
                raise BadProxyHeader("the PROXY header's SSL TLV is shorter than 5 octets")
            is_tls = bool(header[start] & _CLIENT_SSL)
    return is_tls


def _tlvs(header: bytes, position: int) -> Iterator[tuple[int, int, int]]:
    """Type, first octet and end of each value (§2.2: a type octet, two of length, the value)."""
    while position < len(header):
        start = position + 3
        end = start + int.from_bytes(header[position + 1 : start])
        if start > len(header) or end > len(header):
            raise BadProxyHeader("the PROXY header's last TLV goes beyond the header's end")
        yield header[position], start, end
        position = end


def _check_sum(header: bytes, start: int, end: int) -> None:
    """§2.2.3: over the whole header, the sum itself taken for zeros."""
    if end - start != 4:
        raise BadProxyHeader("the PROXY header's checksum is not 4 octets long")
    if crc32c(b"".join((header[:start], bytes(4), header[end:]))) != int.from_bytes(header[start:end]):
        raise BadProxyHeader("the PROXY header's checksum is wrong: it was changed on its way")


def _crc_of(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ (0x82F63B78 if octet & 1 else 0)  # Castagnoli's polynomial, bits reversed
    return octet


_CRC_TABLE: Final = tuple(map(_crc_of, range(256)))


def crc32c(octets: bytes) -> int:
    """CRC-32C (RFC 3720 §12.1, test vectors in its appendix B.4)."""
    crc = 0xFFFFFFFF
    for octet in octets:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF
