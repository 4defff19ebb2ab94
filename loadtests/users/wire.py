"""Requests on the wire, from greenlets: one client's connections, what is asked over them, and what Locust hears of it.

Laws of this module:
- all connections are to one place, whatever the host of a URL: nothing leaves for a site that a page or redirect names;
- octets are those of the header set, in its order, and nothing is added but Content-Length;
- what was asked on a kept connection that turns out to be closed, before anything of an answer came, is asked once more
  on a new one, as all these clients do; that is counted.

Why not Locust's FastHttpUser, which is built on the same parser: it raises at an answer in zstd, which uv asks for;
adds Accept-Encoding and an agent of its own to what says none; and follows redirects by DNS.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol
from urllib.parse import urljoin, urlsplit

import brotli
import gevent
import zstandard
from geventhttpclient._parser import HTTPParseError
from geventhttpclient.response import HTTPConnectionClosed, HTTPSocketResponse

from edgeproxy.http.redirection import REDIRECTS
from loadtests.users.headers import Headers
from loadtests.users.steps import Ask, Heard, Pause, Walk, Wrong

_CONNECT: Final = 10.0  # seconds
_BLOCK: Final = 65_536
BROKEN: Final = (OSError, HTTPParseError, EOFError)


@dataclass(frozen=True, slots=True)
class Place:
    """Where all of it goes."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Place:
        """Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"--host {url}: say where the edge listens for plain HTTP, such as http://127.0.0.1:8080")
        return cls(parts.hostname, parts.port or 80)


class Failed(Exception):
    """No whole answer, or none that was expected; the message says why. It has been reported."""


class Reporter(Protocol):
    def on_request(self, method: str, name: str, seconds: float, octets: int, fault: Exception | None) -> None: ...
    def on_resent(self) -> None: ...


class Connections:
    """One client's, one for each host that it asks; they are kept until `close`."""

    def __init__(self, place: Place, timeout: float, reporter: Reporter) -> None:
        self._place = place
        self._timeout = timeout
        self._reporter = reporter
        self._open: dict[str, Any] = {}  # sockets, by authority

    def exchange(self, authority: str, method: str, octets: bytes) -> tuple[Any, bytes]:
        """The answer's head, and its content as it came. Raises one of `BROKEN`."""
        sock = self._open.pop(authority, None)
        if sock is not None:
            try:
                return self._ask(sock, authority, method, octets)
            except (HTTPConnectionClosed, ConnectionResetError, BrokenPipeError):
                self._reporter.on_resent()
        return self._ask(self._connect(), authority, method, octets)

    def close(self) -> None:
        for sock in self._open.values():
            sock.close()
        self._open.clear()

    def _ask(self, sock: Any, authority: str, method: str, octets: bytes) -> tuple[Any, bytes]:
        is_kept = False
        try:
            sock.sendall(octets)
            response = HTTPSocketResponse(sock, block_size=_BLOCK, method=method)
            content = response.read()
            if not response.message_complete:
                raise EOFError("the answer ended before its end")
            is_kept = not response.should_close()
        finally:
            if not is_kept:
                sock.close()
        self._open[authority] = sock
        return response, content

    def _connect(self) -> Any:
        sock = socket.create_connection((self._place.host, self._place.port), _CONNECT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(self._timeout)
        return sock


def octets_of(method: str, url: str, headers: Headers, body: bytes) -> bytes:
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    lines = [f"{method} {target} HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in headers)]
    if body:
        lines.append(f"Content-Length: {len(body)}\r\n")
    return "".join(lines).encode("latin-1") + b"\r\n" + body


class Wire:
    """For walks: asks, follows, looks, reports."""

    def __init__(self, connections: Connections, reporter: Reporter, clock: Callable[[], float]) -> None:
        self._connections = connections
        self._reporter = reporter
        self._clock = clock

    def walk(self, walk: Walk) -> None:
        """To its end, or to the first answer that is not as it should be: a client gives up then. Raises nothing."""
        try:
            step = next(walk)
            while True:
                if isinstance(step, Pause):
                    gevent.sleep(step.seconds)
                    step = walk.send(None)
                else:
                    step = self._asked(step, walk)
        except (StopIteration, Failed):
            return
        finally:
            walk.close()

    def _asked(self, ask: Ask, walk: Walk) -> Any:
        """The next step. What the walk says of the answer counts for this request."""
        heard, seconds = self._heard(ask)
        try:
            step = walk.send(heard)
        except Wrong as wrong:
            self._reporter.on_request(ask.method, ask.name, seconds, len(heard.content), wrong)
            raise Failed(str(wrong)) from None
        except StopIteration:
            self._reporter.on_request(ask.method, ask.name, seconds, len(heard.content), None)
            raise
        self._reporter.on_request(ask.method, ask.name, seconds, len(heard.content), None)
        return step

    def _heard(self, ask: Ask) -> tuple[Heard, float]:
        """The last answer, and how long it took alone. Redirects on the way are reported here. Raises Failed."""
        url, left = ask.url, ask.follows
        while True:
            began = self._clock()
            try:
                heard = self._one(ask, url)
                location = heard.headers.get("location")
                if not (ask.follows and heard.status in REDIRECTS and location):
                    _look(ask, heard)
                    return heard, self._clock() - began
                if not left:
                    raise Wrong(f"more than {ask.follows} redirects; the last one to {location}")
            except (Wrong, *BROKEN) as error:
                self._reporter.on_request(ask.method, ask.name, self._clock() - began, 0, error)
                raise Failed(str(error)) from None
            self._reporter.on_request(ask.method, f"{ask.name}, redirected", self._clock() - began, 0, None)
            url, left = urljoin(url, location).partition("#")[0], left - 1

    def _one(self, ask: Ask, url: str) -> Heard:
        authority = urlsplit(url).netloc
        headers = ask.headers
        if url != ask.url:
            headers = tuple((name, authority if name == "Host" else value) for name, value in headers)
        octets = octets_of(ask.method, url, headers, ask.body)
        response, content = self._connections.exchange(authority, ask.method, octets)
        fields = {name.lower(): value for name, value in response.items()}
        return Heard(response.get_code(), fields, _decoded(content, fields), url)


def _look(ask: Ask, heard: Heard) -> None:
    """Raises Wrong."""
    if heard.status not in ask.expects:
        raise Wrong(f"{heard.status}")
    if ask.digest and heard.status == 200 and sha256(heard.content).hexdigest() != ask.digest:
        raise Wrong("its content is not what the index says: another SHA-256")


def _decoded(content: bytes, fields: Mapping[str, str]) -> bytes:
    """Raises Wrong."""
    coding = fields.get("content-encoding", "identity").lower()
    if coding == "identity" or not content:
        return content
    decode = _CODINGS.get(coding)
    if decode is None:
        raise Wrong(f"in a coding that nobody asked for: {coding}")
    try:
        return decode(content)
    except (zlib.error, brotli.error, zstandard.ZstdError) as error:
        raise Wrong(f"it is not in the coding that it says, {coding}: {error}") from None


def _inflated(content: bytes) -> bytes:
    return zlib.decompress(content, 32 + zlib.MAX_WBITS)  # by its head: gzip or zlib


_CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gzip": _inflated,
    "deflate": _inflated,
    "br": brotli.decompress,
    "zstd": lambda content: zstandard.ZstdDecompressor().decompressobj().decompress(content),
}
