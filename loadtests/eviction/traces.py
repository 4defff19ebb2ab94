"""What is asked for: objects with a popularity and a size, drawn anew for each request, and scans between.

Laws of this module:
- a trace is made of a seed: two runs see the same requests;
- requests of clients are drawn independently of each other. Real ones come in bursts, which helps every policy.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final

_MIB: Final = 1 << 20
MIRROR_SHARE: Final = 0.21  # of requests were bandersnatch's in August 2016 (facts/pypi.md §6)
CRAWLER_SHARE: Final = 0.5  # of requests, once it is there
WARM_UP: Final = 0.5  # this part of a trace fills the cache and is not counted; the crawler comes after it

# Where the slope of downloads by rank of project changes, and the slopes (facts/pypi.md §6, April 2025).
_SLOPES: Final = ((100, 0.66), (330, 1.03), (None, 1.9))
_FILES: Final = (0.6, 0.2, 0.1, 0.06, 0.04)  # of a project's downloads, newest first
_PAGE: Final = 0.5  # of requests: an index page is asked for before a file is


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Object `n` has `weights[n]` and `sizes[n]` octets."""

    weights: Sequence[float]
    sizes: Sequence[int]

    @property
    def octets(self) -> int:
        return sum(self.sizes)


@dataclass(frozen=True, slots=True)
class Trace:
    """`is_client[n]`: whether request n is a client's, or the scan's. `octets`: of all that clients may ask for."""

    name: str
    title: str
    names: Sequence[int]
    sizes: Sequence[int]
    is_client: Sequence[bool]
    octets: int


def zipf(exponent: float, objects: int) -> Catalogue:
    """All of one size."""
    return Catalogue([rank**-exponent for rank in range(1, objects + 1)], [1024] * objects)


def pypi(projects: int, random: Random) -> Catalogue:
    """Of each project an index page and five files. Pages: median 6 KiB; files: median 47 KiB, up to 100 MiB, which
    makes the mean answer the 220 kB of 2018. Sizes do not depend on rank.
    """
    weights: list[float] = []
    sizes: list[int] = []
    for share in broken_power_law(projects):
        weights += (share * _PAGE, *(share * (1 - _PAGE) * part for part in _FILES))
        sizes.append(_log_normal(random, 6 * 1024, 1.2, 8 * _MIB))
        sizes += (_log_normal(random, 47 * 1024, 2.1, 100 * _MIB) for _ in _FILES)
    return Catalogue(weights, sizes)


def broken_power_law(objects: int) -> Iterator[float]:
    """The weight of each rank: no jump where the slope changes."""
    slopes = iter(_SLOPES)
    end, slope = next(slopes)
    weight = 1.0
    for rank in range(1, objects + 1):
        yield weight
        if rank == end:
            end, slope = next(slopes)
        weight *= ((rank + 1) / rank) ** -slope


def _log_normal(random: Random, median: int, spread: float, most: int) -> int:
    return min(most, max(200, round(median * random.lognormvariate(0.0, spread))))


Scan = Callable[[Catalogue, int, Random], Iterator[tuple[int, int] | None]]


def no_scan(_catalogue: Catalogue, requests: int, _random: Random) -> Iterator[tuple[int, int] | None]:
    """For each request what the scan asks for, name and size; None: a client asks."""
    return iter([None] * requests)


def mirror(catalogue: Catalogue, requests: int, random: Random) -> Iterator[tuple[int, int] | None]:
    """Somebody who copies everything: all that there is, one after the other, and when through from the beginning."""
    order = list(range(len(catalogue.sizes)))
    random.shuffle(order)
    place = 0
    for _ in range(requests):
        if random.random() >= MIRROR_SHARE:
            yield None
            continue
        name = order[place % len(order)]
        place += 1
        yield name, catalogue.sizes[name]


def crawler(catalogue: Catalogue, requests: int, random: Random) -> Iterator[tuple[int, int] | None]:
    """As in May 2025 (facts/pypi.md §4.5): half of all requests are for JSON of releases, each asked for once and by
    nobody else. As large as an object of the catalogue is.
    """
    name = len(catalogue.sizes)
    for place in range(requests):
        if place < WARM_UP * requests or random.random() >= CRAWLER_SHARE:
            yield None
            continue
        yield name, random.choice(catalogue.sizes)
        name += 1


SCANS: Final[dict[str, tuple[str, Scan]]] = {
    "": ("", no_scan),
    "+mirror": (", and a mirror that copies everything", mirror),
    "+crawler": (", and a crawler of things nobody else wants", crawler),
}


def traces(objects: int, requests: int, seed: int) -> Iterator[Trace]:
    catalogues = (
        ("zipf-0.9", "Zipf 0.9", zipf(0.9, objects)),
        ("zipf-1.0", "Zipf 1.0", zipf(1.0, objects)),
        ("pypi", "PyPI's broken power law, pages and files", pypi(objects // 6, Random(seed))),
    )
    for name, title, catalogue in catalogues:
        for ending, (also, scan) in SCANS.items():
            yield trace_of(name + ending, title + also, catalogue, scan, requests, Random(f"{seed} {name}"))


def trace_of(name: str, title: str, catalogue: Catalogue, scan: Scan, requests: int, random: Random) -> Trace:
    bounds = list(accumulate(catalogue.weights))
    scanned = list(scan(catalogue, requests, random))
    names: list[int] = []
    sizes: list[int] = []
    for asked in scanned:
        if asked is None:
            one = min(bisect(bounds, random.random() * bounds[-1]), len(bounds) - 1)
            asked = one, catalogue.sizes[one]
        names.append(asked[0])
        sizes.append(asked[1])
    return Trace(name, title, names, sizes, [asked is None for asked in scanned], catalogue.octets)
