"""The entries of a HAR, one after the other: of what the document says no more than one is in memory beside its text.

Laws of this module:
- an entry is what stands in `log.entries`, from its first octet to its last; whether it is one its reader says;
- what can be none, since nothing is nested in it, or since it is shorter than any, is counted and not made: of the
  smallest JSON values, a document holds tens of millions;
- one of more values than any program writes is told, and not made: two octets of JSON are sixty in memory;
- it takes time in proportion to the text, and steps over what nests no deeper than two at once. PERF: seconds for
  8 MiB, of CPU: of `0,` or `{},` 1, where a step for each token took 15 to 19; of the worst that was found, four lists
  in each other, 4.5; of entries that are some, to read, 5.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

MOST_VALUES: Final = 500_000  # and names, of one entry
_SHORTEST: Final = 80  # characters: a request's method, URL and headers, a status and a time have more
_AT_ONCE: Final = 10_000
_STRING: Final = r'"(?:[^"\\]++|\\.)*+"'
_FLAT: Final = rf'[\[{{](?:[^"{{}}\[\]]++|{_STRING})*+[\]}}]'
_TOKEN: Final = re.compile(rf'{_STRING}|"(?:[^"\\]++|\\.)*+\Z|[{{}}\[\]]|[^\s"{{}}\[\],:]++', re.DOTALL)
_LIST: Final = re.compile(r"\s*:\s*\[")
_INNER: Final = rf'(?:[^"{{}}\[\]]++|{_STRING}|{_FLAT})'
_STEP: Final = re.compile(  # what is as deep behind as before; or brackets that open, or that close
    rf'(?:[^"{{}}\[\]]++|{_STRING}|{_FLAT}|[\[{{]{_INNER}*+[\]}}])++|[\[{{]++|[\]}}]++', re.DOTALL
)
_NONE: Final = rf'(?:{_STRING}|{_FLAT}|[^\s"{{}}\[\],]++)'
_NONES: Final = re.compile(rf"(?:[\s,]*+{_NONE}){{1,{_AT_ONCE}}}+", re.DOTALL)
_EACH: Final = re.compile(_NONE, re.DOTALL)
_GAP: Final = re.compile(r"[\s,]*+")
_IN_LOG: Final = 2  # so many are open within `{"log": {`


@dataclass(frozen=True, slots=True)
class Entry:
    """`text` None: it holds too much."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Nones:
    """So many values, one after the other, that can be no entries."""

    count: int


@dataclass(frozen=True, slots=True)
class Torn:
    """The document ends before its entries do."""


def entries_in(text: str) -> Iterator[Entry | Nones | Torn] | None:
    """Of a document that begins as a HAR does. None: it has no list of entries."""
    depth, at = 0, 0
    while (token := _TOKEN.search(text, at) if depth <= _IN_LOG else _STEP.match(text, at)) is not None:
        depth, at = depth + _deeper(token[0]), token.end()
        if depth == _IN_LOG and token[0] == '"entries"' and (found := _LIST.match(text, at)) is not None:
            return _from(text, found.end())
    return None


def _from(text: str, at: int) -> Iterator[Entry | Nones | Torn]:
    nones = 0
    while True:
        if (found := _NONES.match(text, at)) is not None:
            nones, at = nones + sum(1 for _ in _EACH.finditer(text, at, found.end())), found.end()
            continue
        gap = _GAP.match(text, at)
        first = at if gap is None else gap.end()
        end = _end_of(text, first) if text.startswith(("{", "["), first) else None
        if end is not None and end - first < _SHORTEST:
            nones, at = nones + 1, end
            continue
        if nones:
            yield Nones(nones)
            nones = 0
        if end is None:
            if not text.startswith(("]", "}"), first):
                yield Torn()
            return
        yield Entry(text[first:end] if _holds_few(text, first, end) else None)
        at = end


def _end_of(text: str, first: int) -> int | None:
    """Of what begins with a bracket; None: it has none."""
    depth, at = 1, first + 1
    while (step := _STEP.match(text, at)) is not None:
        deeper, at = _deeper(step[0]), step.end()
        if depth + deeper <= 0:
            return step.start() + depth
        depth += deeper
    return None


def _deeper(step: str) -> int:
    """What it is that nests no further ends with what is no bracket, or with one of its own."""
    if step[0] in "[{" and step[-1] in "[{":
        return len(step)
    return -len(step) if step[0] in "]}" else 0


def _holds_few(text: str, first: int, end: int) -> bool:
    """By marks, which stand in strings, too; if there are too many, by what is counted one by one."""
    if sum(text.count(mark, first, end) for mark in ",:[{") < MOST_VALUES:
        return True
    return next(islice(_TOKEN.finditer(text, first, end), MOST_VALUES, None), None) is None
