"""Four readings of the same octets: the edge's own, h11's (strict_peers), llhttp's by httptools, and aiohttp's.

Each gives the whole messages in a stream, as (method or status, body), and whether it read everything without a complaint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import httptools
from aiohttp import http_exceptions
from aiohttp.http_parser import HttpRequestParser
from harness import DEFAULT_LIMITS
from strict_peers import read_answers

from edgeproxy.http.framing import BadFraming, BodyReader, UntilCloseReader, reader_for
from edgeproxy.http.head_buffer import HeadBuffer
from edgeproxy.http.request import BadRequest, read_request_line
from edgeproxy.http.response import Asked, BadResponse, ResponseReader
from edgeproxy.http.target import BadTarget, parse_target
from edgeproxy.proxy.heads import HeadReader
from edgeproxy.telemetry.counters import Counters

Message = tuple[bytes, bytes]  # a request's method or an answer's status; the body
# The edge adds lines to what it passes on.
_LIMITS: Final = replace(DEFAULT_LIMITS, head=2 * DEFAULT_LIMITS.head, fields=2 * DEFAULT_LIMITS.fields)


@dataclass(frozen=True)
class Reading:
    messages: list[Message]
    is_clean: bool  # all octets belong to whole messages
    is_refused: bool = field(default=False, compare=False)  # the others belong to none that could become whole


def edge_requests(octets: bytes) -> Reading:
    """As ClientConnection reads a client's octets, by the edge's own parts; what it then refuses by rule is among them."""
    buffer, heads, messages = HeadBuffer(_LIMITS.head), HeadReader(_LIMITS, Counters()), list[Message]()
    buffer.add(octets)
    try:
        while (head := buffer.take()) is not None:
            end = head.index(b"\r\n")
            fields = heads.fields(head, end)
            line = read_request_line(head[:end], _LIMITS.target)
            parse_target(line.target, fields.host)
            body = reader_for(fields.framing)
            content = b"" if body is None else _read_body(body, buffer)
            if content is None:
                return Reading(messages, is_clean=False)
            messages.append((line.method, content))
    except (BadRequest, BadTarget, BadFraming):
        return Reading(messages, is_clean=False, is_refused=True)
    return Reading(messages, is_clean=not buffer)


def _read_body(body: BodyReader, buffer: HeadBuffer) -> bytes | None:
    content, rest = body.feed(buffer.take_rest())
    if rest is None:
        return None
    buffer.add(rest)
    return content


class _Collector:
    """The callbacks of httptools."""

    def __init__(self, parser: type[httptools.HttpRequestParser] | type[httptools.HttpResponseParser]) -> None:
        self.parser = parser(self)
        self.messages: list[Message] = []
        self.is_between = True
        self._body = b""

    def on_message_begin(self) -> None:
        self.is_between = False

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        is_request = isinstance(self.parser, httptools.HttpRequestParser)
        about = self.parser.get_method() if is_request else b"%d" % self.parser.get_status_code()
        self.messages.append((about, self._body))
        self._body, self.is_between = b"", True


def llhttp_requests(octets: bytes) -> Reading:
    collector = _Collector(httptools.HttpRequestParser)
    try:
        collector.parser.feed_data(octets)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return Reading(collector.messages, is_clean=False)
    return Reading(collector.messages, is_clean=collector.is_between)


def aiohttp_requests(octets: bytes, loop: asyncio.AbstractEventLoop) -> Reading | None:
    """None: aiohttp refuses the stream, as it does for a field that should stand once and does not."""
    most = _LIMITS.head
    parser = HttpRequestParser(_NoProtocol(), loop, 1 << 16, max_line_size=most, max_field_size=most)
    try:
        found, _, tail = parser.feed_data(octets)
    except http_exceptions.HttpProcessingError:
        return None
    whole = [(message, body) for message, body in found if body.is_eof()]
    messages = [(message.method.encode(), b"".join(getattr(body, "_buffer", ()))) for message, body in whole]
    return Reading(messages, is_clean=not tail and len(whole) == len(found))


class _NoProtocol:
    _reading_paused = False

    def pause_reading(self, **_: object) -> None:
        pass

    def resume_reading(self, **_: object) -> None:
        pass


def h11_answers(octets: bytes, methods: Iterable[bytes], *, is_ended: bool) -> Reading:
    """Raises h11.RemoteProtocolError."""
    answers = read_answers(octets, methods, is_ended=is_ended)
    whole = [(b"%d" % answer.status, answer.body) for answer in answers if answer.is_whole]
    return Reading(whole, is_clean=bool(answers) and answers[-1].is_whole and answers[-1].status >= 200)


def edge_answers(octets: bytes, method: bytes, *, is_ended: bool) -> Reading:
    """As BackendConnection reads the answers to one request, by the edge's own parts."""
    messages, heads = list[Message](), ResponseReader(_LIMITS.fields)
    try:
        while (end := octets.find(b"\r\n\r\n") + 4) > 3:
            head = heads.read(octets[: end - 4], Asked(to_head=method == b"HEAD"))
            octets = octets[end:]
            if head.status < 200:
                messages.append((b"%d" % head.status, b""))
                continue
            body = reader_for(head.framing)
            content, rest = (b"", octets) if body is None else body.feed(octets)
            if isinstance(body, UntilCloseReader) and is_ended:
                rest = b""
            if rest is None:
                return Reading(messages, is_clean=False)
            return Reading([*messages, (b"%d" % head.status, content)], is_clean=not rest)
    except (BadResponse, BadFraming):
        pass
    return Reading(messages, is_clean=False)
