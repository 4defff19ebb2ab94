"""What no octets may bring about: a crash, or two readings of what the edge sends.

For a request: everything the edge sent to the backend is read by four parsers, which must find the same messages, clean to
the last octet; and these are, in their order, messages that the edge found in what it was sent. Answers likewise.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from fuzz.readers import (
    Message,
    Reading,
    aiohttp_requests,
    edge_answers,
    edge_requests,
    h11_answers,
    llhttp_requests,
)
from harness import DEFAULT_LIMITS
from memory_network import MemoryEdge
from strict_peers import Origin

_LIMITS: Final = replace(DEFAULT_LIMITS, pool_size=0)  # one request a connection: each stream stands for itself
ASKED: Final = (b"GET", b"HEAD", b"POST")


class Disagreement(AssertionError):
    """Two readers of the edge's output found different messages."""


@dataclass
class Tally:
    """What executions came to, so that a run shows that it went deep."""

    executions: int = 0
    passed: int = 0  # requests that reached the backend whole
    given: int = 0  # answers that reached the client whole
    refused: int = 0  # executions that ended in a refusal
    statuses: dict[bytes, int] = field(default_factory=dict)


class Target:
    """An edge in memory, and what is asserted of it. Use as a context manager."""

    def __init__(self) -> None:
        self._edge = MemoryEdge(limits=_LIMITS)
        self.tally = Tally()

    def __enter__(self) -> Target:
        self._edge.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._edge.__exit__()

    def check_requests(self, pieces: list[bytes]) -> None:
        """Octets of a client. Raises Disagreement, or whatever the edge raised."""
        origin = Origin()
        self._edge.loop.connect = origin.connect
        client = self._edge.exchange(pieces)
        if origin.errors:
            raise Disagreement(f"h11 does not read what the backend got: {origin.errors[0]}: {origin.streams!r}")
        sent = [(request.method, request.body) for request in origin.requests]
        own = edge_requests(b"".join(pieces))
        if not _is_subsequence(sent, own.messages):
            raise Disagreement(f"the backend saw {sent!r}, the edge read {own.messages!r}")
        if any(request.trailers for request in origin.requests):
            raise Disagreement("trailers of a request were passed on")
        for stream in origin.streams:
            self._check_stream(stream)
        self._count(len(sent), 0, client.octets)

    def _check_stream(self, stream: bytes) -> None:
        own = edge_requests(stream)
        readings = {"llhttp": llhttp_requests(stream), "aiohttp": aiohttp_requests(stream, self._edge.loop) or own}
        if not own.is_clean:  # the client left, or was refused, in the middle: nobody may take it for whole
            own, readings = _whole(own), {name: _whole(reading) for name, reading in readings.items()}
        for name, reading in readings.items():
            if reading != own:
                raise Disagreement(f"{name} reads {reading!r}, the edge {own!r}: {stream!r}")

    def check_answers(self, method: bytes, pieces: list[bytes]) -> None:
        """Octets of a backend, which closes behind them."""
        origin = Origin(answers=lambda request: [*[piece for piece in pieces if piece], b""])
        self._edge.loop.connect = origin.connect
        asked = method + b" / HTTP/1.1\r\nHost: pypi.test\r\n\r\n"
        client = self._edge.exchange([asked])
        readings = {
            "h11": h11_answers(client.octets, [method], is_ended=client.is_ended),
            "the edge": edge_answers(client.octets, method, is_ended=client.is_ended),
        }
        own = edge_answers(b"".join(pieces), method, is_ended=True)
        if readings["h11"] != readings["the edge"]:
            raise Disagreement(f"{readings!r}: {client.octets!r}")
        given = readings["h11"].messages
        if given and given[-1][0] != b"502" and given != own.messages[: len(given)]:
            raise Disagreement(f"the client got {given!r}, the edge read {own.messages!r}")
        self._count(0, len(given), client.octets)

    def _count(self, passed: int, given: int, octets: bytes) -> None:
        tally = self.tally
        tally.executions += 1
        tally.passed += passed
        tally.given += given
        tally.refused += b"Server: edgeproxy\r\n" in octets
        status = octets[9:12]
        tally.statuses[status] = tally.statuses.get(status, 0) + 1


def _whole(reading: Reading) -> Reading:
    return Reading(reading.messages, is_clean=False)


def _is_subsequence(some: list[Message], all_: list[Message]) -> bool:
    rest = iter(all_)
    return all(message in rest for message in some)
