"""Puts into a memory tier what nobody asks for again, and prints by how many octets its process grew at most.

A program of its own, since what the process of the tests has freed would be room for it: flood.py KIND LIMIT PUTS
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from edgeproxy.caching.keys import Key, address_digest, digest_of, path_digest
from edgeproxy.caching.stored import Stored, Terms
from edgeproxy.proxy.cache.memory import MemoryTier

HOST = "pypi.test"


def pages(number: int) -> tuple[str, str, Stored, bytes]:
    return f"/simple/{number}/", "", stored_of(number), b"x" * 100


def sizes(number: int) -> tuple[str, str, Stored, bytes]:
    """From 200 octets to 400 kB, in no order."""
    return f"/packages/{number}", "", stored_of(number), b"x" * (200 + (number * 7919) % 997 ** (1 + number % 2) // 2)


def queries(number: int) -> tuple[str, str, Stored, bytes]:
    return "/search", f"q={number}", stored_of(number), b"x" * 100


def variants(number: int) -> tuple[str, str, Stored, bytes]:
    """Of a few pages, by made-up values of a field."""
    value = f"text/{number}".ljust(4_000)
    return f"/simple/{number % 20}/", "", stored_of(number, selecting=(("accept", value),)), b"x" * 100


def tags(number: int) -> tuple[str, str, Stored, bytes]:
    made_up = tuple(f"tag/{number}/{one}".ljust(100) for one in range(20))
    return f"/simple/{number}/", "", stored_of(number, tags=made_up), b"x" * 100


KINDS: dict[str, Callable[[int], tuple[str, str, Stored, bytes]]] = {
    kind.__name__: kind for kind in (pages, sizes, queries, variants, tags)
}


def stored_of(number: int, selecting: tuple[tuple[str, str | None], ...] = (), tags: tuple[str, ...] = ()) -> Stored:
    lines = b"Content-Type: text/html\r\nX-Number: %d\r\n" % number
    return Stored(200, lines, Terms(number / 7, 600.0), 0, digest_of(lines), selecting, tags)


def memory() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def grown(kind: str, limit: int, puts: int) -> int:
    """Looked at a hundred times on the way."""
    tier, before, most = MemoryTier(limit), memory(), 0
    for number in range(puts):
        path, query, stored, body = KINDS[kind](number)
        address = address_digest(HOST, path, query)
        tier.put(Key(path_digest(HOST, path), address, address), stored, body)
        if number % (puts // 100) == 0:
            most = max(most, memory() - before)
    assert tier.evictions > 0
    return most


if __name__ == "__main__":
    sys.stdout.write(f"{grown(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))}\n")
