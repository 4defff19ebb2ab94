"""What template filters make of a language of captures: finite transducers over the percent-encoded spelling.

Laws of this module:
- captures are words of SPELLED: a text that is none is dropped. What `filtered` does to each of them is done here to
  all: an escape or a character at a time, so no filter may look at more than an octet (`lower` and `pep503` know
  ASCII alone), but for `first`, which takes a character of up to four octets;
- between filters a value has one spelling: every octet that may stand in a path as it is stands so, slashes too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, assert_never
from urllib.parse import quote

from edgeproxy.ruleset.automata.dfa import Dfa, Row, explore, limit_for, walked
from edgeproxy.ruleset.automata.language import EVERYTHING, NOTHING, Language, concatenation, text, texts
from edgeproxy.ruleset.automata.normal import (
    BEYOND_ASCII,
    ESCAPED_OCTETS,
    ONE_CHARACTER,
    PLAIN,
    SPELLED,
    UNRESERVED,
    escapes,
)
from edgeproxy.ruleset.automata.regex import regex
from edgeproxy.ruleset.filters import SEGMENT_SAFE, Filter, filtered

_SEPARATORS: Final = frozenset("-_.")
_SAFE: Final = frozenset(c for c in UNRESERVED if c.isalnum()) | {".", "/"}
_UNITS: Final = {**{c: ord(c) for c in PLAIN | {"/"}}, **{f"%{octet:02X}": octet for octet in ESCAPED_OCTETS}}
_TO_ASCII_LOWER: Final = {ord(c): c.lower() for c in UNRESERVED if c.isupper()}
_VALID: Final = concatenation(regex(BEYOND_ASCII), EVERYTHING)
_ALONE: Final = regex(escapes(range(0x80, 0x100)))  # an octet that is no character: it stays as it is
_TO_UNDERSCORE: Final = texts(("", ".", "/"))

# What an octet becomes in a state, and the state after it.
Step = Callable[[int, int], tuple[str, int]]


@lru_cache(maxsize=1024)
def image_under(filters: tuple[Filter, ...], language: Language, *, slashes: bool) -> Language:
    """What `filtered` makes of these captures."""
    begin = _ascii_beginning(language.prefix())
    if begin and Filter.FIRST in filters:  # which makes all filters look at the first character alone
        return text(filtered(begin, filters, slashes=slashes))
    for each in filters:
        language = _image(each, language)
    safe = "" if Filter.URLQUOTE in filters else SEGMENT_SAFE
    return _encoding(f"{safe}/" if slashes else safe).image(language)


@cache
def fixed_points(chosen: Filter) -> Language:
    """The captures whose values the filter leaves as they are."""
    match chosen:
        case Filter.LOWER:
            return SPELLED & regex("(?:[^A-Z%]|%[0-9A-F]{2})*")
        case Filter.PEP503:
            return SPELLED & regex("(?:-?(?:[^A-Z%._-]|%[0-9A-F]{2}))*-?")
        case Filter.SAFE_LOWER:
            return SPELLED & regex("(?:-?[a-z0-9./])*-?")
        case Filter.FIRST:
            return (ONE_CHARACTER | _ALONE) - text(".")
        case Filter.URLQUOTE:
            return SPELLED
        case _:
            assert_never(chosen)


def _image(chosen: Filter, language: Language) -> Language:
    match chosen:
        case Filter.LOWER | Filter.PEP503 | Filter.SAFE_LOWER:
            return _TRANSDUCERS[chosen].image(language)
        case Filter.FIRST:
            return _first(_TO_CANONICAL.image(language))
        case Filter.URLQUOTE:
            return language  # it says how the result is encoded
        case _:
            assert_never(chosen)


def _spelling(safe: str) -> dict[int, str]:
    """How quote() spells each octet that a capture can hold."""
    return {octet: quote(bytes((octet,)), safe=safe) for octet in _UNITS.values()}


def _respelling(spelling: Mapping[int, str]) -> Transducer:
    return Transducer.of(lambda octet, state: (spelling[octet], state))


@cache
def _encoding(safe: str) -> Transducer:
    return _respelling(_spelling(safe))


def _ascii_beginning(prefix: str) -> str:
    """The first character of all captures that begin so, if it is one of ASCII; else nothing."""
    begin = prefix[:3] if prefix.startswith("%") else prefix[:1]
    return begin if _UNITS.get(begin, 0x80) < 0x80 else ""


def _first(language: Language) -> Language:
    """The first characters of values in their one spelling; `_` for those that `first` does not let stand."""
    beginnings = _beginnings(language)
    whole = (beginnings & ONE_CHARACTER) - _TO_UNDERSCORE
    replaced = text("_") if "" in language or "." in beginnings or "/" in beginnings else NOTHING
    broken = _beginnings(language - _VALID) & _ALONE  # octets that begin no character stand for themselves
    return whole | replaced | broken


def _beginnings(language: Language) -> Language:
    dfa = language.dfa
    return Language(Dfa(dfa.moves, dfa.defaults, [True] * len(dfa)))


@dataclass(frozen=True, slots=True)
class _Table:
    """What is written for a unit that is read, in one state of a transducer.

    PERF: most escapes are written as they are read. Read digit by digit they make an automaton of few states: the
    image of all segments takes 5 ms instead of 130 ms, which it took when each escape was a way of its own.
    """

    written: dict[str, tuple[str, int]]  # by unit; and the state after it
    kept: dict[str, frozenset[str]]  # the escapes that stay, by their first digit: their second digits


def _table(step: Step, state: int) -> _Table:
    written: dict[str, tuple[str, int]] = {}
    kept: dict[str, set[str]] = {}
    for unit, octet in _UNITS.items():
        found = step(octet, state)
        if len(unit) == 3 and found == (unit, 0):
            kept.setdefault(unit[1], set()).add(unit[2])
        else:
            written[unit] = found
    return _Table(written, {high: frozenset(lows) for high, lows in kept.items()})


@dataclass(frozen=True, slots=True)
class Transducer:
    """By the octet read: what is written, and the state after it. The first state is 0; an escape leads back to it."""

    tables: tuple[_Table, ...]

    @classmethod
    def of(cls, step: Step, states: int = 1) -> Transducer:
        return cls(tuple(_table(step, state) for state in range(states)))

    def image(self, language: Language) -> Language:
        return _Walk(self, language.dfa).image() if language.dfa else NOTHING


# Where a walk is: in the automaton read and in the transducer; what it has yet to write; which digits it copies.
_Place = tuple[int, int, str, str]
_BETWEEN: Final = ""
_FIRST_DIGIT: Final = "%"


class _Walk:
    def __init__(self, transducer: Transducer, dfa: Dfa) -> None:
        self._tables = transducer.tables
        self._dfa = dfa
        self._known: dict[_Place, tuple[dict[str, set[_Place]], set[_Place]]] = {}

    def image(self) -> Language:
        start = self._closed({(0, 0, "", _BETWEEN)})
        return Language(explore(start, self._row, self._accepts, limit_for(len(self._dfa)))).minimised()

    def _accepts(self, places: frozenset[_Place]) -> bool:
        return any(not pending and copied == _BETWEEN and self._dfa.accepting[p] for p, _, pending, copied in places)

    def _row(self, places: frozenset[_Place]) -> Row[frozenset[_Place]]:
        if len(places) == 1:
            (place,) = places
            return {c: self._closed(targets) for c, targets in self._from(place)[0].items()}, None
        found: dict[str, set[_Place]] = {}
        for place in places:
            for c, targets in self._from(place)[0].items():
                found.setdefault(c, set()).update(targets)
        return {c: self._closed(targets) for c, targets in found.items()}, None

    def _closed(self, places: set[_Place]) -> frozenset[_Place]:
        """With the places reached by what writes nothing."""
        found, stack = set(places), list(places)
        while stack:
            for place in self._from(stack.pop())[1]:
                if place not in found:
                    found.add(place)
                    stack.append(place)
        return frozenset(found)

    def _from(self, place: _Place) -> tuple[dict[str, set[_Place]], set[_Place]]:
        """Where it goes by the character written, and by writing none."""
        if place not in self._known:
            p, state, pending, copied = place
            if pending:
                self._known[place] = {pending[0]: {(p, state, pending[1:], _BETWEEN)}}, set()
            elif copied == _BETWEEN:
                self._known[place] = self._by_units(p, state)
            else:
                self._known[place] = self._by_digits(p, state, copied), set()
        return self._known[place]

    def _by_units(self, p: int, state: int) -> tuple[dict[str, set[_Place]], set[_Place]]:
        found: dict[str, set[_Place]] = {}
        silent: set[_Place] = set()
        table = self._tables[state]
        for unit, (written, after) in table.written.items():
            target = walked(self._dfa, p, unit)
            if target >= 0 and written:
                found.setdefault(written[0], set()).add((target, after, written[1:], _BETWEEN))
            elif target >= 0:
                silent.add((target, after, "", _BETWEEN))
        escape = walked(self._dfa, p, "%")
        if escape >= 0:
            found.setdefault("%", set()).add((escape, state, "", _FIRST_DIGIT))
        return found, silent

    def _by_digits(self, p: int, state: int, copied: str) -> dict[str, set[_Place]]:
        """Within an escape that stays."""
        kept = self._tables[state].kept
        if copied == _FIRST_DIGIT:
            following = {high: (walked(self._dfa, p, high), state, "", high) for high in kept}
        else:
            following = {low: (walked(self._dfa, p, low), 0, "", _BETWEEN) for low in kept[copied]}
        return {digit: {place} for digit, place in following.items() if place[0] >= 0}


_CANONICAL: Final = _spelling(f"{SEGMENT_SAFE}/")
_LOWER: Final = {**_CANONICAL, **_TO_ASCII_LOWER}


def _pep503(octet: int, in_run: int) -> tuple[str, int]:
    if chr(octet) in _SEPARATORS:
        return ("" if in_run else "-"), 1
    return _LOWER[octet], 0


def _safe_lower(octet: int, in_run: int) -> tuple[str, int]:
    if chr(octet) in _SAFE:
        return _LOWER[octet], 0
    return ("" if in_run else "-"), 1


_TRANSDUCERS: Final = {
    Filter.LOWER: Transducer.of(lambda octet, state: (_LOWER[octet], state)),
    Filter.PEP503: Transducer.of(_pep503, 2),
    Filter.SAFE_LOWER: Transducer.of(_safe_lower, 2),
}
_TO_CANONICAL: Final = _respelling(_CANONICAL)
