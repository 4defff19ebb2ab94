"""A request's head: read strictly, once, into what the edge decides on.

httptools (llhttp) is the grammar: obs-fold, bare CR or LF, white space before the colon, NUL, two Content-Lengths,
Content-Length with Transfer-Encoding and unknown codings are its refusals. What it leaves open is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from edgeproxy.http.framing import CHUNKED, NO_BODY, Framing, Length, has_body

METHODS: Final = frozenset(
    b"GET HEAD POST PUT DELETE OPTIONS TRACE PATCH PURGE PROPFIND REPORT".split()  # what rules may speak of, and TRACE
)
CDN_ID: Final = b"edgeproxy"  # of this edge in CDN-Loop (RFC 8586 §2)
ARM: Final = "edge-arm"  # by which a client that knows the edge's token says on which arm it is
_OWN: Final = HOP_BY_HOP | FORWARDING | {b"host", b"content-length", b"cdn-loop", b"expect", ARM.encode()}
_JUDGED: Final = frozenset({"expect", "max-forwards"})
_CONTINUE: Final = "100-continue"
_EXPECT_LINE: Final = re.compile(rb"(?m)^Expect: 100-continue\r\n")  # as `_understand` writes it
_UNCLEAN: Final = re.compile(rb"[\0\r\n]")


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
    upgrade: tuple[str, ...] = ()  # protocols, in lower case, that the client would switch to (RFC 9110 §7.8)
    wants_trailers: bool = False  # TE: trailers (RFC 9110 §10.1.4)
    has_looped: bool = False  # it was here before (RFC 8586)
    has_unknown_expectation: bool = False
    arm: str | None = field(default=None, repr=False)  # of Edge-Arm, which is in none of the above: it holds a token
    is_common: bool = True  # none of what is judged: no body, loop, expectation, count of hops, or word on its arm

    def expects_continue(self, minor: int) -> bool:
        """Whether the client may wait for a 100 before it sends its body."""
        return _expects_continue(self.values, self.framing, minor)

    def without_expectation(self) -> RequestFields:
        """The fields to pass on when the edge has answered with 100 itself."""
        return replace(
            self,
            lines=_EXPECT_LINE.sub(b"", self.lines),
            lines_without_credentials=_EXPECT_LINE.sub(b"", self.lines_without_credentials),
        )


@dataclass(frozen=True, slots=True)
class RequestLine:
    method: bytes
    target: str
    minor: int  # of HTTP/1.x


def read_request_line(line: bytes, longest_target: int) -> RequestLine:
    """RFC 9112 §3: method SP target SP version, nothing else. Raises BadRequest."""
    if _UNCLEAN.search(line):  # before anything else, as when it comes in pieces
        raise BadRequest(400, "its request line holds a bare CR or LF, or a NUL")
    parts = line.split(b" ")
    if len(parts) != 3:
        raise BadRequest(400, "the request line is not 'method target version'")
    method, target, version = parts
    if method == b"CONNECT":
        raise BadRequest(405, "the edge opens no tunnels: it answers for its own hosts only")
    if method not in METHODS:
        raise BadRequest(501, "the method is not one the edge knows")
    if version == b"HTTP/1.1":
        minor = 1
    elif version == b"HTTP/1.0":
        minor = 0
    else:
        raise BadRequest(505, "the version is not HTTP/1.0 or HTTP/1.1")
    if len(target) > longest_target:
        raise BadRequest(414, f"the target is longer than {longest_target} octets")
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
    values = values_by_name(_without_hops(fields, connection - _OWN))
    arm = values.pop(ARM, None)
    framing = _request_framing(fields, minor)
    wants_trailers = minor == 1 and b"trailers" in tokens_of(fields, b"te")
    loop, has_looped = _cdn_loop(values.get("cdn-loop", ""))
    own = b"".join(
        (
            b"Expect: 100-continue\r\n" if _expects_continue(values, framing, minor) else b"",
            b"TE: trailers\r\nConnection: TE\r\n" if wants_trailers else b"",
            loop,
        )
    )
    dropped = _OWN | connection
    return RequestFields(
        host=hosts[0].decode("latin-1") if hosts else None,
        framing=framing,
        wants_close=b"close" in connection,
        wants_keep_alive=b"keep-alive" in connection and b"close" not in connection,
        values=values,
        lines=lines_without(fields, dropped) + own,
        lines_without_credentials=lines_without(fields, dropped | CREDENTIALS) + own,
        upgrade=_upgrade(values) if b"upgrade" in connection and minor == 1 and framing is NO_BODY else (),
        wants_trailers=wants_trailers,
        has_looped=has_looped,
        has_unknown_expectation=minor == 1 and values.get("expect", _CONTINUE).lower() != _CONTINUE,
        arm=arm,
        is_common=framing is NO_BODY and not (has_looped or arm is not None or values.keys() & _JUDGED),
    )


def _without_hops(fields: list[Field], names: frozenset[bytes]) -> list[Field]:
    """Without what the client's Connection takes away (RFC 9110 §7.6.1). No backend gets it, so no rule, arm or key
    may go by it: the answer to who hides a field so would be kept as the answer to who sends it. What the edge itself
    reads stays.
    """
    names -= {b"close"}
    if not names:
        return fields
    return [field for field in fields if not _is_hop(field[0].lower(), names)]


def _is_hop(name: bytes, names: frozenset[bytes]) -> bool:
    return not name.startswith(b"x-forwarded-") and (name in names or name.replace(b"_", b"-") in names)


def _expects_continue(values: Mapping[str, str], framing: Framing, minor: int) -> bool:
    """RFC 9110 §10.1.1: HTTP/1.0 knows no expectations, and without a body there is nothing to wait for."""
    return minor == 1 and values.get("expect", "").lower() == _CONTINUE and has_body(framing)


def _cdn_loop(value: str) -> tuple[bytes, bool]:
    """The CDN-Loop line to pass on, and whether this edge is in the one that came (RFC 8586 §2)."""
    ids = {member.partition(";")[0].strip(" \t").lower() for member in value.split(",")}
    seen = value.encode("latin-1") + b", " if value else b""
    return b"CDN-Loop: %b%b\r\n" % (seen, CDN_ID), CDN_ID.decode() in ids


def _upgrade(values: Mapping[str, str]) -> tuple[str, ...]:
    protocols = (protocol.strip(" \t").lower() for protocol in values.get("upgrade", "").split(","))
    return tuple(protocol for protocol in protocols if protocol)


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
