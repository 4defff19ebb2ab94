"""The origin of the cases in which a cache is measured: it counts what reaches it (`python -m` runs it).

Laws:
- it answers the paths of the cached cases alone; anything else is 404, and counted as well;
- its answers say that they may be kept for an hour, and have the validators that let a client's copy be confirmed;
- there is no Vary: HAProxy keeps answers that vary by Accept-Encoding only.
"""

from __future__ import annotations

import sys
from asyncio import Protocol, Transport
from collections.abc import Mapping
from email.utils import formatdate
from http.client import HTTPConnection
from typing import Final

import httptools

from loadtests.bench.cases import CASES, Case, etag_of
from loadtests.bench.listening import serve_until_ended
from loadtests.bench.origin import CONTENT_TYPE, content_of_size
from loadtests.bench.processes import LOOPBACK

COUNT: Final = "/-/count"  # how many other requests came so far
_MODIFIED: Final = "Mon, 16 Apr 2018 15:00:00 GMT"


def command_of_counting(port: int) -> tuple[str, ...]:
    return (sys.executable, "-m", "loadtests.bench.counting", str(port))


def count_at(port: int) -> int:
    """What the origin at this port counted so far. Raises OSError when there is none."""
    connection = HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", COUNT)
        return int(connection.getresponse().read())
    finally:
        connection.close()


class CountingOrigin(Protocol):
    """One connection of a proxy, or of who wants the count."""

    answered = 0  # by all connections

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._path = b""

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_message_complete(self) -> None:
        path = self._path.decode("latin-1")
        if path == COUNT:
            content = str(CountingOrigin.answered).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
            return
        CountingOrigin.answered += 1
        size = self._sizes.get(path)
        self._transport.write(answer(path, size) if size is not None else _NOT_FOUND)


_NOT_FOUND: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def answer(path: str, size: int) -> bytes:
    headers = (
        ("Date", formatdate(usegmt=True)),
        ("Content-Type", CONTENT_TYPE),
        ("Content-Length", str(size)),
        ("Cache-Control", "max-age=3600, public"),
        ("ETag", etag_of(path)),
        ("Last-Modified", _MODIFIED),
        ("X-PyPI-Last-Serial", "31415926"),
        ("Connection", "keep-alive"),
    )
    block = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 200 OK\r\n{block}\r\n".encode() + content_of_size(size)


def sizes_of(case: Case) -> dict[str, int]:
    return {path: case.size_of(number) for number, path in enumerate(case.paths)}


def main() -> None:
    sizes: dict[str, int] = {}
    for case in CASES:
        if case.cached:
            sizes.update(sizes_of(case))
    serve_until_ended(lambda: CountingOrigin(sizes), int(sys.argv[1]))


if __name__ == "__main__":
    main()
