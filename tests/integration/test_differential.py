"""The edge and servers that others wrote agree on where requests end: nothing gets past one inside what the other read.

Every request of the conformance table and many mutations of them go through one edge, on connections to the backend that are
used again and again. No backend may see a request that the edge did not know of, nor another body than the edge read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest
from conformance.peers import read_answer
from conformance.rules import rules_for
from fuzz.mutate import joined, request_seeds
from fuzz.readers import edge_requests
from harness import QUICK, RunningEdge, request, running_edge
from origins import Aiohttp, Caddy, HAProxy, Nginx, Origin, Seen, digest

MUTATIONS = 1500
BEFORE, AFTER = request("/before"), request("/after", "Connection: close")
LIMITS = replace(QUICK, linger=0.2)


@dataclass(frozen=True)
class Exchanged:
    """One client's connection: its octets, the requests the edge reads in them, the numbers of the backend's answers."""

    octets: bytes
    read: list[tuple[bytes, bytes]]
    numbers: list[str]


def streams() -> list[bytes]:
    seeds, random = request_seeds(), Random(1)
    return [*seeds, *[joined(random, seeds) for _ in range(MUTATIONS)]]


async def exchange(edge: RunningEdge, octets: bytes) -> Exchanged:
    """Send, and read as many answers as the edge owes, or until it closes."""
    reading = edge_requests(octets)
    methods = [method.decode() for method, _ in reading.messages] + ["GET"] * reading.is_refused
    numbers = list[str]()
    async with edge.client() as client, asyncio.timeout(60):
        await client.send(octets)
        try:
            for method in methods:
                while (answer := await read_answer(client.reader, method)).status < 200:
                    pass
                numbers += [text[8:] for text in answer.fields if text.lower().startswith("x-seen: ")]
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it closed behind an answer
    return Exchanged(octets, reading.messages, numbers)


@pytest.mark.parametrize("origin", [Aiohttp(), Nginx(), HAProxy(), Caddy()], ids=lambda origin: origin.name)
async def test_edge_and_backend_agree_on_where_every_request_ends(origin: Origin, tmp_path: Path) -> None:
    async with origin.running(tmp_path) as port, running_edge(rules_for("pass", port), limits=LIMITS) as edge:
        exchanged = [await exchange(edge, BEFORE + octets + AFTER) for octets in streams()]
    assert_agreement(exchanged, origin.seen)
    assert len(origin.seen) > len(exchanged)  # nearly each neighbour before, and many a case


def assert_agreement(exchanged: list[Exchanged], seen: Seen) -> None:
    known = [number for each in exchanged for number in each.numbers]
    assert len(known) == len(set(known))
    assert not seen.keys() - set(known), "the backend saw requests that the edge did not know of"
    for each in exchanged:
        read = iter([(method, digest(body)) for method, body in each.read])
        saw = [seen[number] for number in each.numbers]
        assert all(message in read for message in saw), (each.octets, saw)
