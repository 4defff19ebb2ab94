"""`python -m loadtests.hotpath`: what the edge's own code costs for one exchange, without sockets and without a kernel.

A client's connection and a backend's stand on transports that do nothing; pip's request goes in on one side, a page of
1 KiB on the other. With `--cached` the page is kept, and only the request goes in: the cost of a hit. It is what a
change to the hot path is tried with: seconds instead of minutes, and no load of others on the sockets. Compare only
runs of one sitting, alternating: `--profile` says where the time goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import uvloop

from edgeproxy.capture.settings import Settings
from edgeproxy.proxy.backend import BackendConnection
from edgeproxy.proxy.client import ClientConnection
from edgeproxy.proxy.edge import Edge
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.load import parse_ruleset
from loadtests.bench.cases import CASES, Case, requests_of
from loadtests.bench.origin import CONTENT_TYPE, PAGE_HEADERS

_RULES: Final = """\
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {origin: {url: "http://127.0.0.1:1", host: pypi.test}}
rules:
  - {name: simple, match: {host: app, path: "/simple/{project}/", methods: [GET, HEAD]}, forward: {backend: origin}}
"""
_CACHED: Final = _RULES.replace("{backend: origin}}\n", "{backend: origin}, cache: {fresh: 1h}}\n")
_CASE: Final = {case.name: case for case in CASES}
_EXCHANGES: Final = 8_000  # in one measurement
_PAGES: Final = 5_000  # more than are remembered
_ENDLESS: Final = 1 << 62  # requests on one connection


class Silence(asyncio.Transport):
    """A transport that takes everything and says nothing."""

    written = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 4) if name == "peername" else default

    def write(self, data: object) -> None:
        self.written += 1

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.hotpath", description="CPU time of one exchange.")
    parser.add_argument("--rounds", type=int, default=15, help="of 8,000 exchanges (15)")
    parser.add_argument("--distinct", action="store_true", help="each page has its own entity-tag, length and serial")
    parser.add_argument(
        "--cached", action="store_true", help="a hit of the cache; with --distinct of cached-mix's pages"
    )
    parser.add_argument("--captured", type=Path, metavar="DIR", help="the connection is captured to there")
    parser.add_argument("--profile", action="store_true", help="say where the time goes, too")
    options = parser.parse_args(arguments)
    uvloop.run(_measure(options))
    return 0


async def _measure(options: argparse.Namespace) -> None:
    rounds, distinct, cached = max(options.rounds, 1), options.distinct, options.cached
    edge = Edge(parse_ruleset(_CACHED if cached else _RULES, "rules.yaml", base=Path()), Limits(requests=_ENDLESS))
    if options.captured is not None:
        edge.begin_capture(Settings("20180416T150000Z", str(options.captured), 1.0, most=1 << 30, writers=2))
    if cached:
        exchange = _hits(edge, _CASE["cached-mix" if distinct else "cached-1k"])
    else:
        exchange = _exchanges(edge, [_answer(page) for page in range(_PAGES if distinct else 1)])
    exchange(1_000)  # what is remembered is remembered now
    costs = sorted(exchange(_EXCHANGES) for _ in range(rounds))
    python = sys.version.split()[0]
    print(f"Python {python}: {costs[0]:.2f} µs at the least, {median(costs):.2f} in the median of {rounds} rounds")
    if options.profile:
        profiler = cProfile.Profile()
        profiler.runcall(exchange, _EXCHANGES)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    capture = await edge.end_capture()
    if capture is not None:
        print(*(f"{name} {number:,}" for name, number in capture.numbers().items()), sep=", ")
    await edge.resolver.close()


def _exchanges(edge: Edge, replies: Sequence[bytes]) -> Callable[[int], float]:
    """A function that carries out so many exchanges and gives the CPU time of one, in microseconds."""
    client, answers = _client(edge)
    backend = _kept_connection(edge)
    requests = requests_of(_CASE["pass-1k"])

    def run(number: int) -> float:
        ask, reply, before = client.data_received, backend.data_received, answers.written
        began = time.process_time()
        for each in range(number):
            # A new object each time, as a socket gives: the hash of one that was here before would be known.
            ask(bytes(memoryview(requests[each % len(requests)])))
            reply(bytes(memoryview(replies[each % len(replies)])))
        took = time.process_time() - began
        assert answers.written - before == number, "every exchange is answered in one write"
        return took / number * 1e6

    return run


def _hits(edge: Edge, case: Case) -> Callable[[int], float]:
    """The same of requests whose answers are kept: each page is asked for once before."""
    client, answers = _client(edge)
    backend = _kept_connection(edge)
    requests = requests_of(case)
    for number, request in enumerate(requests):
        before = answers.written
        client.data_received(request)
        backend.data_received(_answer(number, case.size_of(number)))
        assert answers.written > before, "the backend's answer goes on"
    order = case.order or (0,)

    def run(number: int) -> float:
        ask, before = client.data_received, answers.written
        began = time.process_time()
        for each in range(number):
            ask(bytes(memoryview(requests[order[each % len(order)]])))
        took = time.process_time() - began
        assert answers.written - before == number, "every hit is one write"
        return took / number * 1e6

    return run


def _client(edge: Edge) -> tuple[ClientConnection, Silence]:
    client, answers = ClientConnection(edge, edge.ruleset.listen[0]), Silence()
    client.connection_made(answers)
    return client, answers


def _kept_connection(edge: Edge) -> BackendConnection:
    pool, opening = edge.pools["origin"], asyncio.current_task()
    assert opening is not None
    connection = BackendConnection(pool, pool.endpoints[0], "127.0.0.1", opening)
    connection.connection_made(Silence())
    connection.endpoint.outstanding += 1
    pool.give_back(connection)
    return connection


def _answer(page: int, size: int | None = None) -> bytes:
    size = 1_024 + page % 100 if size is None else size
    headers = (
        ("Server", "nginx"),
        ("Date", "Wed, 25 Nov 2026 13:00:00 GMT"),
        ("Content-Type", CONTENT_TYPE),
        ("Content-Length", str(size)),
        ("Connection", "keep-alive"),
        *((name, value) for name, value in PAGE_HEADERS if name != "ETag"),
        ("ETag", f'"2f8c4d1e9a7b{page:08x}"'),
        ("X-Serial", str(31_415_926 + page)),
    )
    return b"HTTP/1.1 200 OK\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers).encode() + b"\r\n" + b"x" * size


if __name__ == "__main__":
    sys.exit(main())
