"""The mix of the case `cached-mix`: so many pages, how large each is, and in which order they are asked for.

Laws:
- all comes from one seed: every proxy, in every round, on every machine, gets the same requests in the same order;
- popularity is Zipf's: the page at rank r is asked for in proportion to 1/r; a page's rank says nothing of its size;
- sizes are log-uniform from 1 to 16 KiB: as many pages of 1 to 2 KiB as of 8 to 16, as real ones are skewed.
"""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import Final

PAGES: Final = 5_000
LEAST, MOST = 1_024, 16 * 1_024
_REQUESTS: Final = 100_000  # then from the beginning
_SEED: Final = 2018


def sizes_of_pages() -> tuple[int, ...]:
    dice = Random(_SEED)
    return tuple(round(LEAST * (MOST / LEAST) ** dice.random()) for _ in range(PAGES))


def order_of_requests() -> tuple[int, ...]:
    """Pages by number, which is their rank less one."""
    weights = list(accumulate(1 / rank for rank in range(1, PAGES + 1)))
    return tuple(Random(_SEED + 1).choices(range(PAGES), cum_weights=weights, k=_REQUESTS))
