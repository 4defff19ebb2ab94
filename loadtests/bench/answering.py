"""What the small origins of the load tests share: each request on a connection gets what a function says.

Law: an origin has one function for all its connections, so what that counts, it counts of all.
"""

from __future__ import annotations

from asyncio import Protocol, Transport
from collections.abc import Callable, Iterable
from http.client import HTTPConnection
from typing import Final

import httptools

from loadtests.bench.listening import serve_until_ended
from loadtests.bench.processes import LOOPBACK

Answer = Callable[[bytes, Transport], None]  # gets a request's target, and writes what is answered, at once or later

NOT_FOUND: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Answering(Protocol):
    """One connection of whoever asks, with one exchange at a time."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._target = b""

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_message_complete(self) -> None:
        self._answer(self._target, self._transport)


def answer_until_ended(answer: Answer, port: int) -> None:
    serve_until_ended(lambda: Answering(answer), port)


def ok(fields: Iterable[tuple[str, str]], content: bytes = b"") -> bytes:
    """An answer, or its head alone where the content comes another way. `fields` say its length."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + content


def told(content: bytes) -> bytes:
    """An answer about the origin itself."""
    return ok((("Content-Length", str(len(content))),), content)


def asked(port: int, path: str) -> bytes:
    """What an origin tells of itself there. Raises OSError when there is none."""
    connection = HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
