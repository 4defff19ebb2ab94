"""Whether an answer may be kept, and what of it is."""

from __future__ import annotations

from typing import Final

from edgeproxy.http.fields import HOP_BY_HOP, Field, tokens_of

# Written anew for each request, for the edge alone, or for one client (RFC 9111 §3.1, RFC 9211 §2).
NOT_KEPT: Final = HOP_BY_HOP | frozenset(
    (b"age", b"cache-status", b"content-length", b"set-cookie", b"set-cookie2", b"surrogate-control", b"surrogate-key")
)


def kept_lines(lines: bytes) -> bytes:
    """Field lines as Stored.lines has them."""
    return _kept(_fields(lines))


def _kept(fields: list[Field]) -> bytes:
    dropped = NOT_KEPT | tokens_of(fields, b"connection")  # RFC 9110 §7.6.1: for one connection, by the sender's word
    return b"".join([b"%b: %b\r\n" % field for field in fields if field[0].lower() not in dropped])


def _fields(lines: bytes) -> list[Field]:
    parted = [line.partition(b":") for line in lines.split(b"\r\n") if line]
    return [(name, value.strip(b" \t")) for name, _, value in parted]
