"""Peers that parse with h11, which shares no code with the edge and reads strictly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import h11
from memory_network import MemoryTransport, Peer

Fields = tuple[tuple[bytes, bytes], ...]
_MOST = 1 << 20  # octets of a head


@dataclass(frozen=True)
class Request:
    method: bytes
    target: bytes
    fields: Fields
    body: bytes
    trailers: Fields = ()


@dataclass(frozen=True)
class Response:
    """`is_whole` is False where the octets end before the answer does."""

    status: int
    reason: bytes
    fields: Fields
    body: bytes
    trailers: Fields = ()
    is_whole: bool = True


@dataclass
class Origin:
    """A backend in memory. `requests` are those that were whole; `errors` what h11 would not read."""

    answers: Callable[[Request], Iterable[bytes] | None] = lambda request: None
    requests: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    streams: list[bytes] = field(default_factory=list)  # all octets, by connection

    def connect(self) -> tuple[Peer, Callable[[MemoryTransport], None]]:
        peer = _OriginPeer(self, len(self.streams))
        self.streams.append(b"")
        return peer, peer.on_made

    def forget(self) -> None:
        """What came on connections that are still open begins anew."""
        self.requests.clear()
        self.errors.clear()
        self.streams = [b""] * len(self.streams)


class _OriginPeer:
    def __init__(self, origin: Origin, number: int) -> None:
        self._origin = origin
        self._number = number
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST)
        self._request: h11.Request | None = None
        self._body = b""

    def on_made(self, transport: MemoryTransport) -> None:
        self._transport = transport

    def on_octets(self, data: bytes) -> None:
        self._origin.streams[self._number] += data
        if self._origin.errors:
            return
        try:
            self._parser.receive_data(data)
            while (event := self._parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                self._take(event)
        except h11.RemoteProtocolError as error:
            self._origin.errors.append(str(error))

    def on_end(self) -> None:
        pass

    def _take(self, event: object) -> None:
        match event:
            case h11.Request():
                self._request, self._body = event, b""
            case h11.Data():
                self._body += bytes(event.data)
            case h11.EndOfMessage():
                self._answer(tuple(event.headers.raw_items()))

    def _answer(self, trailers: Fields) -> None:
        head = self._request
        assert head is not None
        request = Request(head.method, head.target, tuple(head.headers.raw_items()), self._body, trailers)
        self._origin.requests.append(request)
        answer = b"".join([self._parser.send(event) or b"" for event in _echo(request)])
        self._parser.start_next_cycle()
        pieces = self._origin.answers(request)
        for piece in [answer] if pieces is None else pieces:
            self._transport.give(piece)


def _echo(request: Request) -> list[h11.Event]:
    """The request's method and target: so an answer says whose it is."""
    content = request.method + b" " + request.target
    head = h11.Response(status_code=200, headers=[("Content-Length", str(len(content)))])
    return [head, *([] if request.method == b"HEAD" else [h11.Data(data=content)]), h11.EndOfMessage()]


def read_answers(octets: bytes, methods: Iterable[bytes], *, is_ended: bool) -> list[Response]:
    """The answers in a client's octets, interim ones included. Raises h11.RemoteProtocolError."""
    answers = list[Response]()
    for method in methods:
        parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST)
        parser.send(h11.Request(method=method, target="/", headers=[("Host", "pypi.test")]))
        parser.send(h11.EndOfMessage())
        parser.receive_data(octets)
        if not _read_one(parser, answers, is_ended=is_ended):
            return answers
        octets = parser.trailing_data[0]
    assert octets == b"", octets
    return answers


def _read_one(parser: h11.Connection, answers: list[Response], *, is_ended: bool) -> bool:
    """Read one final answer and what came before it. False: the octets end before it does."""
    head, body, has_ended = None, b"", False
    while True:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError:
            if not has_ended:
                raise
            event = h11.ConnectionClosed()
        match event:
            case h11.InformationalResponse():
                answers.append(_response(event, b""))
            case h11.Response():
                head = event
            case h11.Data():
                body += bytes(event.data)
            case h11.EndOfMessage():
                assert head is not None
                answers.append(_response(head, body, tuple(event.headers.raw_items())))
                return True
            case h11.NEED_DATA if is_ended and not has_ended:
                has_ended = True
                parser.receive_data(b"")
            case _:
                if head is not None:
                    answers.append(_response(head, body, is_whole=False))
                return False


def _response(
    head: h11.Response | h11.InformationalResponse, body: bytes, trailers: Fields = (), *, is_whole: bool = True
) -> Response:
    return Response(head.status_code, bytes(head.reason), tuple(head.headers.raw_items()), body, trailers, is_whole)
