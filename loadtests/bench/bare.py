"""The floor of what Python can do here: parse, forward over a kept connection, write. No rules, no limits.

It is no proxy to use: GET only, answers with a Content-Length only, and what it cannot do ends the connection.
`python -m loadtests.bench.bare PORT ORIGIN_PORT` runs it.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import Protocol, Transport
from typing import Final

import httptools

from loadtests.bench.cases import HOST
from loadtests.bench.listening import serve_until_ended
from loadtests.bench.processes import LOOPBACK

_HOP_BY_HOP: Final = frozenset(
    {b"connection", b"host", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
_ADDED: Final = (
    f"Host: {HOST}\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: {HOST}\r\nX-Forwarded-Proto: http\r\n"
    "Via: 1.1 bare\r\n"
).encode()


class Message:
    """The head of a request or an answer while httptools reads it, without what is for one hop only."""

    __slots__ = ("has_length", "lines", "url")

    def __init__(self) -> None:
        self.url = b""
        self.lines: list[bytes] = []
        self.has_length = False

    def add(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower in _HOP_BY_HOP:
            return
        if lower == b"content-length":
            self.has_length = True
        self.lines.append(b"%b: %b\r\n" % (name, value))


class Pool:
    """Connections to the origin that wait for a request."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[OriginSide] = []
        self._opening: set[asyncio.Task[None]] = set()

    def send(self, head: bytes, client: ClientSide) -> None:
        while self._idle:
            origin = self._idle.pop()
            if not origin.transport.is_closing():
                origin.send(head, client)
                return
        task = asyncio.get_running_loop().create_task(self._open(head, client))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def put_back(self, origin: OriginSide) -> None:
        self._idle.append(origin)

    async def _open(self, head: bytes, client: ClientSide) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, origin = await loop.create_connection(lambda: OriginSide(self), LOOPBACK, self._port)
        except OSError:
            client.transport.close()
        else:
            origin.send(head, client)


class ClientSide(Protocol):
    transport: Transport

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parser = httptools.HttpRequestParser(self)
        self._request = Message()
        self.origin: OriginSide | None = None
        self.waits = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_begin(self) -> None:
        self._request = Message()

    def on_url(self, url: bytes) -> None:
        self._request.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.add(name, value)

    def on_message_complete(self) -> None:
        request = self._request
        if self.waits or request.has_length or self._parser.get_method() != b"GET":
            self.transport.close()
            return
        self.waits = True
        head = b"GET %b HTTP/1.1\r\n%b%b\r\n" % (request.url, b"".join(request.lines), _ADDED)
        self._pool.send(head, self)

    def pause_writing(self) -> None:
        if self.origin is not None:
            self.origin.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.origin is not None:
            self.origin.transport.resume_reading()

    def connection_lost(self, _exception: Exception | None) -> None:
        if self.origin is not None:
            self.origin.transport.close()


class OriginSide(Protocol):
    transport: Transport

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parser = httptools.HttpResponseParser(self)
        self._answer = Message()
        self._client: ClientSide | None = None
        self._out: list[bytes] = []

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def send(self, head: bytes, client: ClientSide) -> None:
        if client.transport.is_closing():
            self._pool.put_back(self)
            return
        self._client, client.origin = client, self
        self.transport.write(head)

    def data_received(self, data: bytes) -> None:
        client = self._client
        if client is None:
            self.transport.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()
            return
        if self._out:
            client.transport.write(b"".join(self._out))
            self._out.clear()

    def on_message_begin(self) -> None:
        self._answer = Message()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.add(name, value)

    def on_headers_complete(self) -> None:
        if not self._answer.has_length:
            self.transport.close()
            return
        lines = b"".join(self._answer.lines)
        self._out.append(b"HTTP/1.1 %d OK\r\n%bVia: 1.1 bare\r\n\r\n" % (self._parser.get_status_code(), lines))

    def on_body(self, body: bytes) -> None:
        self._out.append(body)

    def on_message_complete(self) -> None:
        if self._client is not None:
            self._client.waits, self._client.origin, self._client = False, None, None
        self._pool.put_back(self)

    def connection_lost(self, _exception: Exception | None) -> None:
        if self._client is not None and self._client.origin is self:
            self._client.transport.close()


def main() -> None:
    port, origin_port = map(int, sys.argv[1:3])
    pool = Pool(origin_port)
    serve_until_ended(lambda: ClientSide(pool), port)


if __name__ == "__main__":
    main()
