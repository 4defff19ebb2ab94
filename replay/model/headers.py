"""Whole header sets, as kinds of clients send them on a route.

Laws of this module:
- a set stays whole when enough clients share it; of one that too few share, the values that enough share stay;
- a value that is none of its header's vocabulary is in no set, however many send it;
- what is of one exchange is no part of a set: validators, where a client came from, who it is. Ranges are in it to the
  next power of two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edgeproxy.capture.scrubbing import KEPT, kept_value
from replay.model.sharing import Tally, rounded
from replay.model.vocabulary import is_known_value

_OF_ONE: Final = frozenset(
    (
        *("user-agent", "if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "referer"),
        *("origin", "x-pypi-last-serial", "host"),
    )
)
_CONDITIONAL: Final = ("if-none-match", "if-modified-since")
_NUMBER: Final = re.compile("[0-9]+")
_LONGEST: Final = 300

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HeaderSet:
    share: float
    fields: Fields


class HeaderSets:
    """Those of one kind of client on one route, as they are seen."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._sets: Tally[Fields] = Tally(least)
        self._values: Tally[tuple[str, str]] = Tally(least)

    def add(self, headers: Mapping[str, str], client: str) -> None:
        fields = tuple(_fields_of(headers))
        self._sets.add(fields, client)
        for field in fields:
            self._values.add(field, client)

    def fitted(self) -> tuple[HeaderSet, ...]:
        kept = self._sets.shared()
        reduced: Tally[Fields] = Tally(self._least)
        for fields, count in self._sets.counts.items():
            if fields not in kept:
                shared = tuple(field for field in fields if self._values.is_shared(field))
                clients = sorted(self._sets.clients_of(fields))
                for at, client in enumerate(clients):
                    reduced.add(shared, client, count - (len(clients) - 1) if at == 0 else 1)
        for fields, count in reduced.shared().items():
            kept[fields] = kept.get(fields, 0) + count
        total = sum(kept.values())
        return tuple(HeaderSet(rounded(count / total, 4), fields) for fields, count in kept.items())


def is_conditional(headers: Mapping[str, str]) -> bool:
    return any(name in headers for name in _CONDITIONAL)


def _fields_of(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    fields = ((name, _value(name, value)) for name, value in headers.items() if name in KEPT and name not in _OF_ONE)
    return [
        (name, value)
        for name, value in fields
        if len(value) <= _LONGEST and is_known_value(name, value) and kept_value(name, value) == value
    ]


def _value(name: str, value: str) -> str:
    return _NUMBER.sub(lambda found: str(_power(int(found[0]))), value) if name == "range" else value


def _power(number: int) -> int:
    return 1 << (number - 1).bit_length() if number else 0
