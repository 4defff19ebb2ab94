"""HAProxy's proxy-protocol.txt: what a connection behind a TCP proxy begins with."""

from __future__ import annotations

import pytest
from proxy_headers import CRC32C, NOOP, SIGNATURE, SSL, ssl_tlv, tlv, write_block, write_v1, write_v2

from edgeproxy.http.proxy_protocol import BadProxyHeader, ProxyHeader, Source, crc32c, read_proxy_header

LONGEST = b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535".ljust(105, b" ") + b"\r\n"

LINES = {
    b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n": Source("192.0.2.1", 56324),
    b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n": Source("255.255.255.255", 65535),
    b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n": Source("0.0.0.0", 0),
    b"PROXY TCP6 2001:DB8::1 ::1 1 2\r\n": Source("2001:db8::1", 1),
    b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n": Source("192.0.2.1", 1),
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN anything at all \xff\r\n": None,
    LONGEST: None,
}
BAD_LINES = [
    b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 \r\n",
    b"PROXY TCP4 192.0.2.1  192.0.2.2 56324 443\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 056324 443\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 443\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.256 1 443\r\n",
    b"PROXY TCP4 192.0.2.01 192.0.2.2 1 443\r\n",
    b"PROXY TCP4 ::1 ::1 1 443\r\n",
    b"PROXY TCP6 192.0.2.1 192.0.2.2 1 443\r\n",
    b"PROXY TCP6 fe80::1%lo ::1 1 443\r\n",
    b"PROXY TCP6 ::1 :::2 1 443\r\n",
    b"PROXY TCP4 \r\n",
    b"PROXY TCP4\r\n",
    b"PROXY TCP5 192.0.2.1 192.0.2.2 1 443\r\n",
    b"PROXY UDP4 192.0.2.1 192.0.2.2 1 443\r\n",
    b"PROXY UNKNOWNS\r\n",
    b"PROXY UNKNOWN\r\r\n",
    b"PROXY UNKNOWN\n",
    b"PROXY\r\n",
    b"PROXY  TCP4 192.0.2.1 192.0.2.2 1 443\r\n",
    b"proxy TCP4 192.0.2.1 192.0.2.2 1 443\r\n",
    b"POST / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01",  # a TLS handshake
    LONGEST[:-2] + b" \r\n",
    b"PROXY UNKNOWN" + b" " * 200,
]


@pytest.mark.parametrize(("line", "source"), LINES.items())
def test_a_line_names_the_client(line: bytes, source: Source | None) -> None:
    assert read_proxy_header(line + b"GET / HTTP/1.1\r\n") == ProxyHeader(source, len(line))


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_line_that_is_not_exact_is_refused(line: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        read_proxy_header(line)


@pytest.mark.parametrize(
    ("octets", "wrong"),
    [
        (b"GE", b"T"),  # the very first octet decides
        (b"PROXY TCP4 192.0.2.1", b"x"),
        (b"PROXY TCP6 ::1", b"g"),
        (b"PROX", b"I"),
        (SIGNATURE[:5], b"!"),
        (SIGNATURE, b"\x11"),  # version 1 in a version 2 header
        (SIGNATURE, b"\x22"),  # a command that does not exist
        (SIGNATURE + b"\x21", b"\x13"),
        (SIGNATURE + b"\x21\x11\x00", b"\x0b"),  # too short for its addresses
        (SIGNATURE + b"\x21\x11\x10", b"\x01"),  # 4097 octets
        (SIGNATURE + b"\x20\x00\x10", b"\x01"),
    ],
)
def test_what_cannot_become_a_header_is_refused_at_once(octets: bytes, wrong: bytes) -> None:
    if not octets.startswith(b"G"):
        assert read_proxy_header(octets) is None
    with pytest.raises(BadProxyHeader):
        read_proxy_header(octets + wrong)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_a_block_names_the_client(address: str) -> None:
    header = write_v2(address, 56324)
    assert read_proxy_header(header + b"\x16\x03\x01") == ProxyHeader(Source(address, 56324), len(header))


def test_an_ipv4_client_of_a_socket_for_both_families_is_an_ipv4_client() -> None:
    header = read_proxy_header(write_v2("::ffff:192.0.2.1", 5))
    assert header is not None
    assert header.source == Source("192.0.2.1", 5)


@pytest.mark.parametrize(
    ("command", "family", "block"),
    [
        (0, 0x00, b""),  # LOCAL: a health check
        (0, 0xFF, b"whatever is here is discarded"),
        (0, 0x11, b"\1\2"),
        (1, 0x00, b""),
        (1, 0x00, tlv(NOOP, b"")),
        (1, 0x12, bytes(12)),  # UDP cannot have come over this connection
        (1, 0x22, bytes(36)),
        (1, 0x31, bytes(216)),
        (1, 0x32, bytes(216)),
    ],
)
def test_a_block_without_a_tcp_client_leaves_the_peer(command: int, family: int, block: bytes) -> None:
    header = write_block(command, family, block)
    assert read_proxy_header(header + b"GET") == ProxyHeader(None, len(header))


@pytest.mark.parametrize(("client", "is_tls"), [(0x01, True), (0x07, True), (0x00, False), (0x06, False)])
def test_a_block_says_whether_the_client_came_by_tls(client: int, is_tls: bool) -> None:
    header = read_proxy_header(write_v2("192.0.2.1", 5, [tlv(NOOP, b"--"), ssl_tlv(client, tlv(0x21, b"TLSv1.3"))]))
    assert header is not None
    assert header.is_tls is is_tls


def test_a_checksum_is_checked() -> None:
    header = write_v2("192.0.2.1", 5, [ssl_tlv(1), tlv(NOOP, b"padding")], checked=True)
    assert read_proxy_header(header) == ProxyHeader(Source("192.0.2.1", 5), len(header), True)
    for place in (16, 20, 25, len(header) - 1):
        damaged = header[:place] + bytes((header[place] ^ 1,)) + header[place + 1 :]
        with pytest.raises(BadProxyHeader, match="checksum is wrong"):
            read_proxy_header(damaged)


@pytest.mark.parametrize(
    ("tlvs", "why"),
    [
        ([tlv(CRC32C, bytes(3))], "checksum is not 4 octets"),
        ([tlv(CRC32C, bytes(4))], "checksum is wrong"),
        ([ssl_tlv(1), ssl_tlv(0)], "two TLVs of type 0x20"),
        ([tlv(SSL, bytes(4))], "shorter than 5"),
        ([b"\x04"], "beyond"),
        ([b"\x04\x00"], "beyond"),
        ([b"\x04\x00\x01"], "beyond"),
        ([tlv(NOOP, b"a"), b"\x04\x00\x02a"], "beyond"),
    ],
)
def test_tlvs_that_do_not_add_up_are_refused(tlvs: list[bytes], why: str) -> None:
    with pytest.raises(BadProxyHeader, match=why):
        read_proxy_header(write_v2("192.0.2.1", 5, tlvs))


def test_the_longest_block_is_read() -> None:
    header = write_v2("192.0.2.1", 5, [tlv(NOOP, bytes(4096 - 12 - 3))])
    assert read_proxy_header(header) == ProxyHeader(Source("192.0.2.1", 5), 16 + 4096)


@pytest.mark.parametrize(
    ("octets", "crc"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_vectors_of_rfc_3720(octets: bytes, crc: int) -> None:
    assert crc32c(octets) == crc


def test_the_line_that_tests_write_is_a_line() -> None:
    assert read_proxy_header(write_v1("2001:db8::1", 4)) == ProxyHeader(Source("2001:db8::1", 4), 48)
