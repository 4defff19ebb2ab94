"""An edge whose network is memory: real connections, pools and exchanges, and transports that are lists of octets.

Where each octet arrives is the test's to say, and thousands of exchanges take a second. Only the event loop's two ways to
the network are replaced; everything of the edge is what runs in production.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from harness import DEFAULT_LIMITS, Limits

from edgeproxy.proxy.client import ClientConnection
from edgeproxy.proxy.edge import Edge
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.telemetry.access_log import AccessLog

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts:
  app: {names: [pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  origin: {url: "http://127.0.0.1:9", host: origin.pypi.test}
rules:
  - {name: all, match: {host: [app, content], path: "/{rest*}"}, forward: {backend: origin}}
"""


class Peer(Protocol):
    """Who stands at the other end of a transport."""

    def on_octets(self, data: bytes) -> None: ...
    def on_end(self) -> None: ...


class _Socket:
    """Of a connection without a kernel: as one that has ended."""

    def setsockopt(self, *_: object) -> None:
        pass

    def fileno(self) -> int:
        return -1


class MemoryTransport(asyncio.Transport):
    """The edge's end of a connection. `give` is the other end's way to send."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol, peer: Peer, address: str = "127.0.0.1"
    ) -> None:
        super().__init__({"peername": (address, 1), "socket": _Socket()})
        self._loop = loop
        self._protocol = protocol
        self._peer = peer
        self._is_closing = self._is_paused = False
        self._held: list[bytes] = []

    def give(self, data: bytes) -> None:
        """What the other end sends; an empty one is its end. It arrives when the edge reads."""
        self._held.append(data)
        self._loop.call_soon(self._deliver)

    def write(self, data: Any) -> None:
        if not self._is_closing and data:
            self._peer.on_octets(bytes(data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._peer.on_end()

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._peer.on_end()
            self._loop.call_soon(self._protocol.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self._is_closing

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        self._loop.call_soon(self._deliver)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def _deliver(self) -> None:
        while self._held and not self._is_paused and not self._is_closing:
            data = self._held.pop(0)
            if data:
                self._protocol.data_received(data)
            elif not self._protocol.eof_received():
                self.close()


class MemoryLoop(asyncio.SelectorEventLoop):
    """`connect` makes the peer of each connection that the edge opens, and is told the edge's end of it."""

    def __init__(self) -> None:
        super().__init__()
        self.connect: Callable[[], tuple[Peer, Callable[[MemoryTransport], None]]] | None = None
        self._failures: list[BaseException] = []
        self.set_exception_handler(self._note_failure)

    def _note_failure(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._failures.append(context.get("exception") or AssertionError(context["message"]))

    async def create_connection(self, factory: Any, *args: Any, **kwargs: Any) -> Any:
        assert self.connect is not None
        peer, on_made = self.connect()
        protocol = factory()
        transport = MemoryTransport(self, protocol, peer)
        on_made(transport)
        protocol.connection_made(transport)
        return transport, protocol

    def settle(self) -> None:
        """Run until nothing is left to do but wait. Raises what a callback raised."""
        while self._ready:  # type: ignore[attr-defined]
            self.call_soon(self.stop)
            self.run_forever()
        if self._failures:
            raise self._failures.pop(0)


class Sink:
    """A peer that keeps what it got."""

    def __init__(self) -> None:
        self.octets = b""
        self.is_ended = False

    def on_octets(self, data: bytes) -> None:
        self.octets += data

    def on_end(self) -> None:
        self.is_ended = True


class MemoryEdge:
    """An edge on such a loop. Use as a context manager."""

    def __init__(self, rules: str = RULES, limits: Limits = DEFAULT_LIMITS, log: AccessLog | None = None) -> None:
        self.loop = MemoryLoop()
        self._ruleset = parse_ruleset(rules, "rules.yaml", base=Path.cwd())
        self._limits = limits
        self._log = log

    def __enter__(self) -> MemoryEdge:
        self.edge = self.loop.run_until_complete(self._start())
        return self

    async def _start(self) -> Edge:
        edge = Edge(self._ruleset, self._limits, self._log)
        await edge.start()
        return edge

    def __exit__(self, *_: object) -> None:
        self.loop.run_until_complete(self.edge.stop(grace=0))
        self.loop.settle()
        self.loop.close()

    def client(self, address: str = "127.0.0.1") -> tuple[MemoryTransport, Sink]:
        """A client's connection, and what it gets."""
        client, protocol = Sink(), ClientConnection(self.edge, self._ruleset.listen[0])
        transport = MemoryTransport(self.loop, protocol, client, address)
        self.loop.call_soon(protocol.connection_made, transport)
        self.loop.settle()
        return transport, client

    def exchange(self, pieces: Iterable[bytes]) -> Sink:
        """One client's connection: it sends the pieces, each in a read of its own, and leaves when nothing more comes.

        `is_ended` of what is returned tells whether the edge closed before that.
        """
        transport, client = self.client()
        for piece in pieces:
            if piece:
                transport.give(piece)
                self.loop.settle()
        was_ended = client.is_ended
        transport.give(b"")
        self.loop.settle()
        client.is_ended = was_ended
        return client
