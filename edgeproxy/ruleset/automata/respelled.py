"""What a backend may put into a declared redirect's target that only it knows (`origins.Unknown`).

Law: these are relations, not functions: the language is of everything that may come about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from edgeproxy.ruleset.automata.captures import Captures
from edgeproxy.ruleset.automata.dfa import Dfa, Row, explore, limit_for, walked
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.filters import image_under
from edgeproxy.ruleset.automata.language import Language
from edgeproxy.ruleset.automata.normal import NORMAL_SEGMENT, PLAIN
from edgeproxy.ruleset.automata.regex import regex
from edgeproxy.ruleset.filters import Filter, filtered
from edgeproxy.ruleset.origins import Unknown

_PEP503: Final = (Filter.PEP503,)


@lru_cache(maxsize=256)
def respelled(language: Language) -> Language:
    """Every spelling of the projects that these segments name (PEP 503)."""
    names = image_under(_PEP503, language, slashes=False)
    return (_spellings(names.dfa) & NORMAL_SEGMENT).minimised()


@lru_cache(maxsize=256)
def chosen(unknown: Unknown) -> Language:
    """The segments that a backend may choose."""
    if unknown.regex is None:
        return NORMAL_SEGMENT
    try:
        return (regex(unknown.regex) & NORMAL_SEGMENT).minimised()
    except Unsupported:  # wider is on the safe side
        return NORMAL_SEGMENT


def project_of(segment: str) -> str:
    """The project that a segment names: equal for all of its spellings."""
    return filtered(segment, _PEP503, slashes=False)


def with_unknown(captures: Captures, unknown: Sequence[Unknown]) -> Captures:
    """The captures, and what may stand for each unknown part."""
    known = captures.by_name
    more = {each.name: chosen(each) if each.of is None else respelled(known[each.of]) for each in unknown}
    return Captures({**known, **more}, captures.is_exact)


# Where the reading of a spelling is: in the automaton of names, in a run of separators, within an escape.
_Place = tuple[int, bool, str]
_SEPARATORS: Final = frozenset("-_.")
_DIGITS: Final = "0123456789ABCDEF"
# As filters spell it: what may stand in a segment as it is stands so.
_UNESCAPED: Final[Mapping[str, str]] = {f"%{ord(c):02X}": c for c in PLAIN if not c.isalnum() and c not in "-._~"}


def _spellings(names: Dfa) -> Language:
    """The texts that PEP 503 makes one of these names of, read a character at a time."""

    def after(p: int, written: str, *, in_run: bool = False) -> _Place | None:
        target = walked(names, p, written)
        return (target, in_run, "") if target >= 0 else None

    def escaped(p: int, escape: str) -> _Place | None:
        return (p, False, escape) if len(escape) < 3 else after(p, _UNESCAPED.get(escape, escape))

    def step(place: _Place) -> Row[_Place]:
        p, in_run, escape = place
        if escape:
            return {digit: escaped(p, escape + digit) for digit in _DIGITS}, None
        moves = {c: after(p, c.lower()) for c in PLAIN - _SEPARATORS}
        moves |= {c: after(p, "" if in_run else "-", in_run=True) for c in _SEPARATORS}
        moves["%"] = escaped(p, "%")
        return moves, None

    def accepts(place: _Place) -> bool:
        return not place[2] and names.accepting[place[0]]

    return Language(explore((0, False, ""), step, accepts, limit_for(len(names))))
