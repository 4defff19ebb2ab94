"""A request's head: read strictly, once, into what the edge decides on.

httptools (llhttp) is the grammar: obs-fold, bare CR or LF, white space before the colon, NUL, two Content-Lengths,
Content-Length with Transfer-Encoding and unknown codings are its refusals. What it leaves open is refused here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httptools

from edgeproxy.http.fields import (
    CREDENTIALS,
    FORWARDING,
    HOP_BY_HOP,
    Field,
    FieldCollector,
    lines_without,
    tokens_of,
    values_by_name,
)
from edgeproxy.http.framing import CHUNKED, NO_BODY, Framing, Length

METHODS: Final = frozenset(
    (
        b"GET",
        b"HEAD",
        b"POST",
        b"PUT",
        b"DELETE",
        b"OPTIONS",
        b"TRACE",
        b"PATCH",
        b"PURGE",
        b"PROPFIND",
        b"REPORT",
    )
)
_OWN: Final = HOP_BY_HOP | FORWARDING | {b"host", b"content-length"}


class BadRequest(ValueError):
    """A request the edge refuses. `status` is what to answer; the connection ends with it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class RequestFields:
    """What the header section of a request says, apart from its request line."""

    host: str | None
    framing: Framing
    wants_close: bool
    wants_keep_alive: bool
    values: Mapping[str, str]
    lines: bytes  # the end-to-end field lines, ready to be passed on
    lines_without_credentials: bytes  # the same for a content host or a shadow


@dataclass(frozen=True, slots=True)
class RequestLine:
    method: bytes
    target: str
    minor: int  # of HTTP/1.x


def read_request_line(line: bytes) -> RequestLine:
    """RFC 9112 §3: method SP target SP version, nothing else. Raises BadRequest."""
    parts = line.split(b" ")
    if len(parts) != 3:
        raise BadRequest(400, "the request line is not 'method target version'")
    method, target, version = parts
    if method not in METHODS:
        raise BadRequest(501, "the method is not one the edge knows")
    if version == b"HTTP/1.1":
        minor = 1
    elif version == b"HTTP/1.0":
        minor = 0
    else:
        raise BadRequest(505, "the version is not HTTP/1.0 or HTTP/1.1")
    return RequestLine(method, target.decode("latin-1"), minor)


def read_request_fields(head: bytes, minor: int, most_fields: int) -> RequestFields:
    """Read a whole head, request line included, for its fields. Raises BadRequest."""
    collector = FieldCollector()
    try:
        httptools.HttpRequestParser(collector).feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # the head is whole; the edge does not switch protocols, and drops the field that asks for it
    except httptools.HttpParserError as error:
        raise BadRequest(400, f"the head is malformed: {error}") from None
    if len(collector.fields) > most_fields:
        raise BadRequest(431, f"the head has more than {most_fields} fields")
    # RFC 9112 §5.1: white space behind a value is no part of it; llhttp takes away only what stands before.
    return _understand([(name, value.rstrip(b" \t")) for name, value in collector.fields], minor)


def _understand(fields: list[Field], minor: int) -> RequestFields:
    hosts = [value for name, value in fields if name.lower() == b"host"]
    if len(hosts) > 1 or (minor == 1 and not hosts):
        raise BadRequest(400, "a request has exactly one Host field")
    connection = tokens_of(fields, b"connection")
    dropped = _OWN | connection
    return RequestFields(
        host=hosts[0].decode("latin-1") if hosts else None,
        framing=_request_framing(fields, minor),
        wants_close=b"close" in connection,
        wants_keep_alive=b"keep-alive" in connection,
        values=values_by_name(fields),
        lines=lines_without(fields, dropped),
        lines_without_credentials=lines_without(fields, dropped | CREDENTIALS),
    )


def _request_framing(fields: list[Field], minor: int) -> Framing:
    """RFC 9112 §6.3 for requests: without either field there is no body."""
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    codings = [value for name, value in fields if name.lower() == b"transfer-encoding"]
    if codings:
        if minor == 0 or lengths or len(codings) > 1 or codings[0].lower() != b"chunked":
            raise BadRequest(400, "the body's end can be read in two ways, or its coding is not 'chunked' alone")
        return CHUNKED
    if not lengths:
        return NO_BODY
    if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > 18:
        raise BadRequest(400, "Content-Length is not one decimal number")
    return Length(int(lengths[0]))
