"""The entries of a HAR, one after the other: of what the document says no more than one is in memory beside its text.

Laws of this module:
- an entry is what stands in `log.entries`, from its first octet to its last; whether it is one its reader says;
- one of more values than any program writes is told, and not made: two octets of JSON are sixty in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_VALUES: Final = 500_000  # and names, of one entry
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\]]|[^\s"{}\[\],:]++', re.DOTALL)
_LIST: Final = re.compile(r"\s*:\s*\[")
_IN_LOG: Final = 2  # so many are open within `{"log": {`
_IN_ENTRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """`text` None: it holds too much."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Torn:
    """The document ends before its entries do."""


def entries_in(text: str) -> Iterator[Entry | Torn] | None:
    """Of a document that begins as a HAR does. None: it has no list of entries."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += _opened(token[0])
        if depth == _IN_LOG and token[0] == '"entries"' and (found := _LIST.match(text, token.end())) is not None:
            return _from(text, found.end())
    return None


def _from(text: str, begin: int) -> Iterator[Entry | Torn]:
    depth, first, values = _IN_ENTRIES, begin, 0
    for token in _TOKEN.finditer(text, begin):
        if depth == _IN_ENTRIES:
            first, values = token.start(), 0
        depth += _opened(token[0])
        values += 1
        if depth < _IN_ENTRIES:
            return
        if depth == _IN_ENTRIES:
            yield Entry(text[first : token.end()] if values <= MOST_VALUES else None)
    yield Torn()


def _opened(token: str) -> int:
    return (token in ("{", "[")) - (token in ("}", "]"))
