"""What the memory tier costs a process, beside what it counts: `python -m loadtests.eviction --memory`.

Law: each measurement is in a process of its own, since what one has freed would be room for the next.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final

from edgeproxy.caching.keys import Key, address_digest, digest_of, path_digest
from edgeproxy.caching.stored import Stored, Terms
from edgeproxy.http.etags import EntityTag
from edgeproxy.proxy.cache.memory import MemoryTier
from loadtests.bench.memory import parse_rollup

MIB: Final = 1 << 20
_HITS: Final = 0.3  # of copies are used again, so that both queues and the memory of names are full
_LINES: Final = 140  # octets of field lines of each copy, about

ROUNDS: Final = (1, 6, 40)
CONTENTS: Final[dict[str, Callable[[Random], int]]] = {
    "100 octets": lambda _: 100,
    "1 KiB": lambda _: 1024,
    "16 KiB": lambda _: 16 * 1024,
    "many sizes": lambda random: min(4 * MIB, round(random.lognormvariate(8.7, 1.6))),  # median 6 KiB, mean 22 KiB
}


@dataclass(frozen=True, slots=True)
class Footprint:
    """`counted` by the tier, `grown`: what the process has more. `overhead`: of each copy, beyond content and lines."""

    content: str
    rounds: int
    limit: int
    copies: int
    counted: int
    grown: int
    overhead: float


def fill(limit: int, content: str, rounds: int) -> Footprint:
    """In this process: as much as fits, `rounds` times over."""
    random, size_of = Random(1), CONTENTS[content]
    tier, number, put = MemoryTier(limit), 0, 0
    before = _memory()
    while put < rounds * limit:
        put += _put(tier, number, size_of(random), random.random() < _HITS)
        number += 1
    grown = _memory() - before
    return Footprint(
        content, rounds, limit, tier.count, tier.octets, grown, (grown - _payload(tier, number)) / tier.count
    )


def measure(limit: int, content: str, rounds: int) -> Footprint:
    """In a process of its own."""
    call = f"from loadtests.eviction import footprint; footprint.tell({limit}, {content!r}, {rounds})"
    told = subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True)
    return Footprint(**json.loads(told.stdout))


def tell(limit: int, content: str, rounds: int) -> None:
    print(json.dumps(asdict(fill(limit, content, rounds))))


def table_of(footprints: Sequence[Footprint]) -> str:
    lines = [
        "| contents | filled, times | copies | counted MiB | process MiB | octets a copy beyond content and lines |"
    ]
    lines.append("|---|---|---|---|---|---|")
    lines += (
        f"| {one.content} | {one.rounds} | {one.copies:,} | {one.counted / MIB:.1f} | {one.grown / MIB:.1f} "
        f"| {one.overhead:,.0f} |"
        for one in footprints
    )
    return "\n".join(lines)


def _put(tier: MemoryTier, number: int, size: int, is_used: bool) -> int:
    copy = tier.put(_key(number), _stored(number, size), b"x" * size)
    if copy is None:
        return 0
    if is_used:
        copy.hits = 2
    return copy.size


def _payload(tier: MemoryTier, numbers: int) -> int:
    kept = (copy for number in range(numbers) for copy in tier.of(_key(number).primary))
    return sum(len(copy.body) + len(copy.stored.lines) for copy in kept)


def _key(number: int) -> Key:
    host, path = "pypi.test", f"/simple/project-{number}/"
    return Key(path_digest(host, path), address_digest(host, path, ""), digest_of(path.encode()))


def _stored(number: int, size: int) -> Stored:
    """Its parts are its own, as they are when an answer is read."""
    etag = f"{number:032x}"
    lines = f'Content-Type: text/html\r\nETag: "{etag}"\r\nCache-Control: max-age=600\r\n'.encode().ljust(_LINES - 2)
    return Stored(
        status=200,
        lines=lines + b"\r\n",
        terms=Terms(1e9 + number / 7, 600.0 + number),
        size=size,
        digest=digest_of(etag.encode()),
        content_type="text/html",
        etag=EntityTag(etag),
        last_modified=1_700_000_000 + number,
    )


def _memory() -> int:
    return parse_rollup(Path("/proc/self/smaps_rollup").read_text()).proportional
