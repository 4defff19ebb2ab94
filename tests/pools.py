"""Edges whose one backend is given as a value: what a rule file could say of it, and times shorter than it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from harness import QUICK, RULES, RunningEdge

from edgeproxy.proxy.edge import Edge
from edgeproxy.proxy.pool import Pool
from edgeproxy.proxy.resolve import Resolver
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.listeners import InetAddress
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.origins import Endpoint, HttpBackend, Timeouts

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
PATIENT = Timeouts(connect=30.0, head=30.0, between=30.0)


def at(*ports: int) -> tuple[Endpoint, ...]:
    """Endpoints of equal weight on loopback."""
    return tuple(Endpoint(InetAddress("127.0.0.1", port)) for port in ports)


def origin_at(*ports: int) -> HttpBackend:
    return HttpBackend("origin", at(*ports), "origin.pypi.test", PATIENT)


@asynccontextmanager
async def edge_before(
    origin: HttpBackend, *, limits: Limits = QUICK, resolver: Resolver | None = None
) -> AsyncIterator[RunningEdge]:
    """An edge that forwards everything to this backend."""
    ruleset = parse_ruleset(RULES.format(port=1), "rules.yaml", base=Path.cwd())
    edge = Edge(replace(ruleset, backends=(origin,)), limits, resolver=resolver)
    (address,) = await edge.start()
    assert isinstance(address, InetAddress)
    try:
        yield RunningEdge(edge, address.port)
    finally:
        await edge.stop(grace=0)


def pool_of(edge: RunningEdge) -> Pool:
    return edge.edge.pools["origin"]


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds that no event tells of; the test's own timeout ends it otherwise."""
    while not holds():
        await asyncio.sleep(0.002)
