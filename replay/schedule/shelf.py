"""What was chosen, in the order of time: however much it is, so much is in memory at once.

A record is written when its exchange is over, and each worker of an edge has a file of its own: recordings are not in
the order of time. Parts of it are sorted and laid into a file without a name; reading merges them.

A few octets of a capture may unpack to as many records, each of the same long URL. So what is the same is kept once in
each part, and written once in each batch of its file; batches have a bound of octets, too, since one of each part is
in memory when they are read.
"""

from __future__ import annotations

import heapq
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, Final

from replay.planned import Planned

_AT_ONCE: Final = 50_000
_OCTETS_AT_ONCE: Final = 64 << 20
_BATCH: Final = 64
_OCTETS_OF_A_BATCH: Final = 1 << 20
_OWN: Final = 400  # octets of a record without its texts
_OF_A_HEADER: Final = 100  # and of a header that has the texts of another

Headers = tuple[tuple[str, str], ...]
_Kept = tuple[float, Planned, int]  # the recorded time, and so many of them


class Shelf:
    """Add all, then read as often as it is wanted: those of one time in the order in which they were added."""

    def __init__(self, at_once: int = _AT_ONCE, octets_at_once: int = _OCTETS_AT_ONCE) -> None:
        self._at_once = at_once
        self._octets_at_once = octets_at_once
        self._part = _Part()
        self._parts: list[IO[bytes]] = []
        self.first = float("inf")
        self.last = float("-inf")
        self._lanes: set[int] = set()  # hashes: a name takes more room
        self._number = 0

    def __len__(self) -> int:
        return self._number

    @property
    def lanes(self) -> int:
        return len(self._lanes)

    def add(self, planned: Planned, count: int = 1) -> None:
        self._number += count
        self.first = min(self.first, planned.at)
        self.last = max(self.last, planned.at)
        if planned.lane:
            self._lanes.add(hash(planned.lane))
        self._part.add(planned, count)
        if len(self._part.kept) >= self._at_once or self._part.octets >= self._octets_at_once:
            self._lay_down()

    def __iter__(self) -> Iterator[Planned]:
        self._part.kept.sort(key=_time)
        for _, planned, count in heapq.merge(*map(_read, self._parts), iter(self._part.kept), key=_time):
            for _ in range(count):
                yield planned

    def close(self) -> None:
        for part in self._parts:
            part.close()

    def _lay_down(self) -> None:
        self._part.kept.sort(key=_time)
        file = tempfile.TemporaryFile()  # noqa: SIM115  # it is open until close()
        for batch in _batches(self._part.kept):
            pickle.dump(batch, file, pickle.HIGHEST_PROTOCOL)  # a file of this process alone
        self._parts.append(file)
        self._part = _Part()


class _Part:
    """What is in memory. `octets`: about so much of it."""

    def __init__(self) -> None:
        self.kept: list[_Kept] = []
        self.octets = 0
        self._texts: dict[str, str] = {}
        self._headers: dict[Headers, Headers] = {}

    def add(self, planned: Planned, count: int) -> None:
        headers = self._headers.get(planned.headers)
        if headers is None:
            headers = self._headers[planned.headers] = planned.headers
            self.octets += _octets_of(headers)
        once, body, recorded = self._once, planned.body, planned.recorded
        self.octets += _OWN + len(body)
        if recorded is not None:
            self.octets += _OWN + _octets_of(recorded.headers.items())
        kept = Planned(
            planned.at,
            once(planned.lane),
            once(planned.method),
            once(planned.url),
            headers,
            body,
            once(planned.label),
            recorded,
        )
        self.kept.append((planned.at, kept, count))

    def _once(self, text: str) -> str:
        found = self._texts.get(text)
        if found is None:
            self.octets += len(text)
            found = self._texts[text] = text
        return found


def _octets_of(headers: Iterable[tuple[str, str]]) -> int:
    return sum(_OF_A_HEADER + len(name) + len(value) for name, value in headers)


def _batches(kept: Iterable[_Kept]) -> Iterator[list[_Kept]]:
    batch: list[_Kept] = []
    octets = 0
    for each in kept:
        planned = each[1]
        batch.append(each)
        octets += len(planned.url) + len(planned.body) + len(planned.label) + _octets_of(planned.headers)
        if len(batch) >= _BATCH or octets >= _OCTETS_OF_A_BATCH:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch


def _time(kept: _Kept) -> float:
    return kept[0]


def _read(file: IO[bytes]) -> Iterator[_Kept]:
    """Several may read at once: each goes on from where it was."""
    at = 0
    with suppress(EOFError):
        while True:
            file.seek(at)
            batch: list[_Kept] = pickle.load(file)
            at = file.tell()
            yield from batch
