"""An edge that knows requests it has read before does what one does that reads each anew: the same answers, requests to
the backend, counts, lines of the access log and captured records.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from captures import found_in
from fuzz.mutate import pieces_of
from harness import DEFAULT_LIMITS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_network import MemoryEdge, MemoryTransport, Sink
from strict_peers import Origin, Request

from edgeproxy.capture.settings import Settings
from edgeproxy.proxy.edge import Edge
from edgeproxy.proxy.planner import Planner
from edgeproxy.telemetry.access_log import AccessLog

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
trusted_proxies: [127.0.0.2]
hosts: {app: {names: [pypi.test]}}
backends:
  origin: {url: "http://127.0.0.1:9", host: origin.pypi.test}
  other: {url: "http://127.0.0.1:9", host: other.pypi.test}
splits: {both: {weights: {origin: 50, other: 50}, sticky: [client]}}
rules:
  - {name: split, match: {path: "/split/{rest*}"}, forward: {split: both}}
  - {name: by-agent, match: {path: "/agent", headers: {user-agent: "pip/*"}}, forward: {backend: other}}
  - {name: small, match: {path: "/small"}, limits: {body: 1}, forward: {backend: origin}}
  - {name: gone, match: {path: "/gone"}, respond: {status: 410}}
  - {name: moved, match: {path: "/moved/{x}"}, redirect: {to: "/kept/{x}"}}
  - {name: kept, match: {path: "/kept/{x}", methods: [GET, HEAD]}, forward: {backend: origin}, cache: {fresh: 1h}}
  - {name: rest, match: {path: "/a/{rest*}"}, forward: {backend: origin}}
"""
TARGETS = (
    *("/split/a", "/split/b", "/agent", "/small", "/gone", "/moved/a", "/a/b", "/none", "*", "/kept/b", "/kept/a?c"),
    *("http://pypi.test/a/b", "http://other.test/a/b", "/a/" + "a" * 600),
    *["/kept/a"] * 3,
)
LINES = (
    *("User-Agent: pip/24.0", "User-Agent: other", "Connection: keep-alive", "Accept: */*", "Content-Length: 2"),
    *("Expect: 100-continue", "Max-Forwards: 1", "CDN-Loop: edgeproxy", "Range: bytes=0-1", "Edge-Arm: old"),
    *("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "Cache-Control: no-cache", "If-None-Match: *"),
    *("Connection: upgrade\r\nUpgrade: websocket", "Host: twice.test"),
    *["Connection: close"] * 3,
)
METHODS = (*["GET"] * 8, *["HEAD"] * 3, "POST", "OPTIONS", "TRACE", "CONNECT")
CLIENTS = ("127.0.0.1", "127.0.0.2", "192.0.2.9")  # the second one speaks for others
LIMITS = replace(DEFAULT_LIMITS, requests=20, memo=8, plans=16, pool_size=0)
NAME = "20180416T150000Z"


@dataclass(frozen=True)
class Step:
    """One read on one of the connections."""

    client: int
    octets: bytes


@dataclass
class Done:
    """What an edge did, but for the time it took."""

    answers: list[tuple[bytes, bool]]  # by connection
    asked: list[Request]
    counts: dict[str, int | dict[str, int]]
    lines: list[dict[str, object]]
    records: list[str]


def steps_of(random: Random) -> list[Step]:
    """Few requests, so that they come again and again: whole, in pieces, two at a time, on several connections."""
    few = [request_of(random) for _ in range(random.randint(1, 3))]
    steps = list[Step]()
    for _ in range(random.randint(20, 60)):
        client, octets = random.randrange(6), random.choice(few) * random.choice((1, 1, 1, 1, 1, 2))
        pieces = [octets] if random.random() < 0.85 else pieces_of(random, octets)
        steps += [Step(client, piece) for piece in pieces if piece]
    return steps


def request_of(random: Random) -> bytes:
    lines = random.sample(LINES, random.choice((0, 0, 1, 1, 2)))
    version = random.choice(("HTTP/1.1",) * 8 + ("HTTP/1.0",))
    head = "\r\n".join([f"{random.choice(METHODS)} {random.choice(TARGETS)} {version}", "Host: pypi.test", *lines])
    return f"{head}\r\n\r\n".encode() + b"ab" * ("Content-Length: 2" in lines)


def done_by(steps: list[Step], *, is_logged: bool, captured: tuple[int, int], drained: int) -> Done:
    """`captured`: from which step on, and up to which one; `drained`: from which one on."""
    out, clients, answers = io.StringIO(), dict[int, MemoryTransport](), list[Sink]()
    with TemporaryDirectory() as directory, MemoryEdge(RULES, LIMITS, AccessLog(out) if is_logged else None) as this:
        origin, edge = Origin(), this.edge
        this.loop.connect = origin.connect
        edge.clock.wall = lambda: 1_800_000_000.0
        for number, step in enumerate(steps):
            if number == captured[0]:
                this.loop.run_until_complete(begin_capture(edge, directory))
            if number == captured[1]:
                this.loop.run_until_complete(edge.end_capture())
            if number == drained:
                edge.drain()
            if step.client not in clients or clients[step.client].is_closing():
                clients[step.client], sink = this.client(CLIENTS[step.client % len(CLIENTS)])
                answers.append(sink)
            clients[step.client].give(step.octets)
            this.loop.settle()
        for transport in clients.values():
            transport.give(b"")
        this.loop.settle()
        this.loop.run_until_complete(edge.end_capture())
        records = [each for path in sorted(Path(directory).iterdir()) for each in recorded_in(path, captured[0] == 0)]
        counts = dict(edge.counters.numbers())
    lines = [json.loads(line) | {"time": 0, "ms": 0} for line in out.getvalue().splitlines()]
    return Done([(each.octets, each.is_ended) for each in answers], origin.requests, counts, lines, records)


async def begin_capture(edge: Edge, directory: str) -> None:
    edge.begin_capture(Settings(NAME, directory, 1.0, 1 << 24, 4), lambda: 0.0)


def recorded_in(path: Path, has_names: bool) -> list[str]:
    """In no order: plain ones are put aside for a moment, others are not. `has_names`: connections have the same names
    each time, which those that are here before the capture get in no order.
    """
    records, broken, _ = found_in(path.read_bytes())
    assert not broken
    return sorted(
        str(replace(each, time=0.0, ms=None, head_ms=None, connection=each.connection if has_names else None))
        for each in records
    )


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 32), st.booleans(), st.booleans())
def test_a_request_that_was_read_before_is_what_it_would_be_if_it_were_read(
    seed: int, is_logged: bool, is_captured: bool
) -> None:
    random = Random(seed)
    steps = steps_of(random)
    begin = random.choice((0, random.randrange(len(steps)))) if is_captured else len(steps)
    captured = begin, random.randint(begin, 2 * len(steps))
    drained = random.randint(len(steps) // 2, 3 * len(steps))
    knowing = done_by(steps, is_logged=is_logged, captured=captured, drained=drained)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("remember", "learn"):
            patch.setattr(Planner, name, lambda *_: None)
        reading = done_by(steps, is_logged=is_logged, captured=captured, drained=drained)
    assert knowing == reading
