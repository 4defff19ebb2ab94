"""Searches of each kind, as a site answers them, from what was asked to the octets of the answer.

What is looked for is drawn from the store: words as often as they are in its summaries (a third of the draws are of the
45 most frequent, which a twentieth to a fifth of all projects have), names, and beginnings of names. Nothing is asked
to warm up. What substring searches find is kept until the index changes (`backends.store.kept`), so each kind of them
is there twice: each call *anew*, as if something had been uploaded before each; and with a memory of its own, which is
empty at first and in which a word that is drawn again is found.
"""

from __future__ import annotations

import random
import time
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import quantiles
from typing import Final, TypeAlias

from packaging.utils import canonicalize_name

from backends.legacy.library import Library
from backends.legacy.methods import reply
from backends.legacy.site import Site as LegacySite
from backends.modern import searches
from backends.modern.site import Site as ModernSite
from backends.modern.visit import Visit
from backends.store import Store
from backends.store.kept import Kept

SEARCHES: Final = 300  # of each kind
SAMPLED: Final = 2000  # projects
ANEW: Final = ", anew"  # at the end of such a kind's name
BOUND: Final = 50.0  # milliseconds, of each kind's 95th percentile

Work: TypeAlias = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Timed:
    cpu: list[float]  # milliseconds
    wall: list[float]

    def line(self, kind: str) -> str:
        return f"{kind:30} CPU {_told(self.cpu)}   wall {_told(self.wall)}"


def measure(store: Store, searches_of_each: int = SEARCHES) -> Iterator[tuple[str, Timed]]:
    """Kinds take turns, so that whatever else the machine does meets all of them alike."""
    kinds = _kinds(store, random.Random(3), searches_of_each)
    times = {kind: Timed([], []) for kind in kinds}
    for turn in zip(*kinds.values(), strict=True):
        for kind, work in zip(kinds, turn, strict=True):
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            times[kind].cpu.append((time.process_time() - cpu) * 1000)
            times[kind].wall.append((time.perf_counter() - wall) * 1000)
    yield from times.items()


def _kinds(store: Store, dice: random.Random, count: int) -> Mapping[str, list[Work]]:
    names = [project.name for project in dice.sample(store.projects(), min(SAMPLED, store.count_projects()))]
    summaries = [hit.summary for name in names if (hit := store.hit(canonicalize_name(name))) is not None]
    words = [word for summary in summaries for word in summary.split()]
    drawn = [dice.choice(words) for _ in range(count)]
    pairs = [f"{word} {dice.choice(words)}" for word in drawn]
    chosen = [dice.choice(names) for _ in range(count)]
    page, suggest = partial(_page, store), partial(_suggest, store)
    typed = [name[: dice.randint(1, 6)] for name in chosen]
    pip = [dice.choice((name, name[:6], word, word)) for name, word in zip(chosen, drawn, strict=True)]
    calls: dict[str, list[bytes]] = {
        "pip search": [_call({"name": [text], "summary": [text]}, "or") for text in pip],
        "pip search: words only": [_call({"name": [word], "summary": [word]}, "or") for word in drawn],
        "XML-RPC: name": [_call({"name": text[:6]}) for text in chosen],
        "XML-RPC: summary": [_call({"summary": word}) for word in drawn],
        "XML-RPC: keywords": [_call({"keywords": word}) for word in drawn],
        "XML-RPC: name, author": [_call({"name": text[:3], "author": text[:4]}) for text in chosen],
    }
    return {
        "page: a word": [page(word) for word in drawn],
        "page: two words": [page(pair) for pair in pairs],
        "page: a name": [page(name) for name in chosen],
        "page: while typed": [page(text) for text in typed],
        "as one types": [suggest(text) for text in typed],
        **{f"{kind}{ANEW}": [partial(_anew, store, body) for body in bodies] for kind, bodies in calls.items()},
        **{kind: _with_one_memory(store, bodies) for kind, bodies in calls.items()},
    }


def _page(store: Store, typed: str) -> Work:
    return partial(searches.page, _visit(store, typed))


def _suggest(store: Store, typed: str) -> Work:
    return partial(searches.suggest, _visit(store, typed))


def _call(spec: Mapping[str, object], operator: str = "and") -> bytes:
    return xmlrpc.client.dumps((dict(spec), operator), "search").encode()


def _anew(store: Store, body: bytes) -> bytes:
    return _answer(store, Kept(), body)


def _with_one_memory(store: Store, bodies: Sequence[bytes]) -> list[Work]:
    kept = Kept()
    return [partial(_answer, store, kept, body) for body in bodies]


def _answer(store: Store, kept: Kept, body: bytes) -> bytes:
    store.kept = kept
    return reply(body, Library(store, LegacySite("http")))


def _visit(store: Store, typed: str) -> Visit:
    now = datetime(2018, 4, 16, tzinfo=UTC)
    asked = {"q": typed}
    return Visit(store, ModernSite(), now, "/search/", "", {}, asked, None, "http", "127.0.0.1", "pypi.test")


def _told(times: list[float]) -> str:
    percents = quantiles(times, n=100)
    return f"p50 {percents[49]:5.1f}  p95 {percents[94]:5.1f}  p99 {percents[98]:5.1f} ms"
