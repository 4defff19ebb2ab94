"""The sender's side of the PROXY protocol (HAProxy's proxy-protocol.txt), for tests."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from edgeproxy.http.proxy_protocol import crc32c

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CRC32C, NOOP, SSL = 0x03, 0x04, 0x20


def write_v1(source: str, source_port: int, destination: str = "127.0.0.1", port: int = 8080) -> bytes:
    family = 6 if ":" in source else 4
    if family == 6 and ":" not in destination:
        destination = f"::ffff:{destination}"
    return f"PROXY TCP{family} {source} {destination} {source_port} {port}\r\n".encode()


def tlv(kind: int, value: bytes) -> bytes:
    return bytes((kind,)) + len(value).to_bytes(2) + value


def ssl_tlv(client: int, *inner: bytes) -> bytes:
    return tlv(SSL, bytes((client,)) + bytes(4) + b"".join(inner))


def write_block(command: int, family: int, block: bytes) -> bytes:
    return SIGNATURE + bytes((0x20 | command, family)) + len(block).to_bytes(2) + block


def write_v2(source: str, source_port: int, tlvs: Sequence[bytes] = (), *, checked: bool = False) -> bytes:
    """A PROXY header for a TCP connection; `checked`: with a checksum as its last TLV."""
    packed = ip_address(source).packed
    destination = ip_address("127.0.0.1" if len(packed) == 4 else "::1").packed
    block = packed + destination + source_port.to_bytes(2) + (8080).to_bytes(2) + b"".join(tlvs)
    if checked:
        block += tlv(CRC32C, bytes(4))
    header = write_block(1, 0x11 if len(packed) == 4 else 0x21, block)
    return header[:-4] + crc32c(header).to_bytes(4) if checked else header
