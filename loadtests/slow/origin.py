"""The origin behind the edge: a small page, a large answer, and a place to send to (`python -m` runs it)."""

from __future__ import annotations

import sys
from asyncio import Protocol, Transport
from typing import Final

import httptools

from loadtests.bench.listening import serve_until_ended
from loadtests.slow.attackers import LARGE

_SMALL: Final = b"x" * 1024
_MANY: Final = b"x" * (1 << 20)  # far more than the sockets on the way hold for a client that takes nothing


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


_PAGE: Final = _answer(_SMALL)
_LARGE_ANSWER: Final = _answer(_MANY)


class Origin(Protocol):
    """One connection of the edge."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_message_complete(self) -> None:
        self._transport.write(_LARGE_ANSWER if self._url == LARGE.encode() else _PAGE)


if __name__ == "__main__":
    serve_until_ended(Origin, int(sys.argv[1]))
