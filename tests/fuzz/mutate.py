"""Octets near the conformance table's: cases cut, joined, and changed where HTTP/1.1 is sensitive."""

from __future__ import annotations

from random import Random
from typing import Final

from conformance.table import answer_cases, request_cases

_LONGEST: Final = 1500  # octets of a seed: long ones are for limits, and slow
GOOD: Final = b"GET /good HTTP/1.1\r\nHost: pypi.test\r\n\r\n"

# What makes one reader see another message than the next.
TOKENS: Final = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"\x0b", b"\x7f", b"\xa0", b"\xff", b"0", b"1", b"-", b"+",
    b"0x", b"_", b"0\r\n\r\n", b"1\r\nZ\r\n", b"GET /x HTTP/1.1\r\nHost: pypi.test\r\n\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding:\r\n", b"Content-Length:\r\n", b"chunked",
    b"Connection: close\r\n", b"Connection: content-length\r\n", b"Connection: transfer-encoding, host\r\n", b"Host: pypi.test\r\n",
    b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"Trailer: X\r\n", b"TE: trailers\r\n", b" HTTP/1.1", b" HTTP/1.0",
    b"http://pypi.test", b"/", b"%2f", b"%2e", b"..", b"?", b"#", b"X: a\r\n", b" folded\r\n", b"HEAD", b"POST", b"OPTIONS", b"CONNECT",
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.0 200 OK\r\n",
)  # fmt: skip


def request_seeds() -> list[bytes]:
    return [case.send for case in request_cases() if len(case.send) <= _LONGEST]


def answer_seeds() -> list[bytes]:
    return [case.backend for case in answer_cases() if len(case.backend) <= _LONGEST]


def joined(random: Random, seeds: list[bytes]) -> bytes:
    """One to three seeds in a row, sometimes with a good request between, changed in up to four places."""
    parts = [random.choice(seeds) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    octets = (GOOD if random.random() < 0.2 else b"").join(parts)
    for _ in range(random.choice((0, 1, 1, 2, 4))):
        octets = changed(random, octets)
    return octets


def changed(random: Random, octets: bytes) -> bytes:
    """One change: octets put in, taken out, put elsewhere, or replaced."""
    start = random.randint(0, len(octets))
    end = min(len(octets), start + random.choice((0, 1, 1, 2, 4, 8, 30)))
    match random.randrange(6):
        case 0:
            return octets[:start] + random.choice(TOKENS) + octets[start:]
        case 1:
            return octets[:start] + octets[end:]
        case 2:
            return octets[:start] + random.choice(TOKENS) + octets[end:]
        case 3:
            return octets[:start] + bytes([random.randrange(256)]) + octets[start + 1 :]
        case 4:
            return octets[:end] + octets[start:]
        case _:
            lines = octets.split(b"\r\n")
            place = random.randrange(len(lines))
            lines.insert(random.randrange(len(lines)), lines[place] if random.random() < 0.5 else lines.pop(place))
            return b"\r\n".join(lines)


def pieces_of(random: Random, octets: bytes) -> list[bytes]:
    """The same octets, cut at up to six places or at each."""
    if random.random() < 0.2:
        return [octets[place : place + 1] for place in range(len(octets))]
    cuts = sorted(random.randint(0, len(octets)) for _ in range(random.randint(1, 6)))
    return [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
