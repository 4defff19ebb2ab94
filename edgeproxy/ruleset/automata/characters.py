"""Sets of characters, by their members or by all that are not members."""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported

_LAST: Final = 0x10FFFF
_MOST: Final = 4096  # members that are written out


@dataclass(frozen=True, slots=True)
class Characters:
    members: frozenset[str]
    negated: bool = False

    def __contains__(self, character: str) -> bool:
        return (character in self.members) != self.negated

    def __or__(self, other: Characters) -> Characters:
        if self.negated and other.negated:
            return Characters(self.members & other.members, negated=True)
        if self.negated or other.negated:
            wide, narrow = (self, other) if self.negated else (other, self)
            return Characters(wide.members - narrow.members, negated=True)
        return Characters(self.members | other.members)

    def inverted(self) -> Characters:
        return Characters(self.members, negated=not self.negated)


def characters(members: Iterable[str]) -> Characters:
    return Characters(frozenset(members))


def character_range(first: str, last: str) -> Characters:
    """Raises Unsupported: neither a large range nor what it leaves out can be written out."""
    low, high = ord(first), ord(last)
    if high - low < _MOST:
        return characters(map(chr, range(low, high + 1)))
    if high == _LAST and low <= _MOST:
        return Characters(frozenset(map(chr, range(low))), negated=True)
    raise Unsupported(f"a range of {high - low + 1} characters")


ANY: Final = Characters(frozenset(), negated=True)
NOT_NEWLINE: Final = Characters(frozenset("\n"), negated=True)
_WORD: Final = string.ascii_letters + string.digits + "_"
DIGITS: Final = characters(string.digits)
# RE2's classes are ASCII's; `\s` has no vertical tab, [[:space:]] has.
PERL: Final = {"d": DIGITS, "s": characters("\t\n\f\r "), "w": characters(_WORD)}
POSIX: Final = {
    "alnum": characters(string.ascii_letters + string.digits),
    "alpha": characters(string.ascii_letters),
    "ascii": character_range("\0", "\x7f"),
    "blank": characters("\t "),
    "cntrl": character_range("\0", "\x1f") | characters("\x7f"),
    "digit": DIGITS,
    "graph": character_range("!", "~"),
    "lower": characters(string.ascii_lowercase),
    "print": character_range(" ", "~"),
    "punct": characters(string.punctuation),
    "space": characters("\t\n\v\f\r "),
    "upper": characters(string.ascii_uppercase),
    "word": characters(_WORD),
    "xdigit": characters(string.hexdigits),
}

# Simple case folding (Unicode) joins two more characters to ASCII's: the Kelvin sign and the long s.
_FOLDS: Final = {
    **{c: frozenset({c, c.swapcase()}) for c in string.ascii_letters},
    **{c: frozenset("kK\u212a") for c in "kK\u212a"},
    **{c: frozenset("sS\u017f") for c in "sS\u017f"},
}


def folded(chosen: Characters) -> Characters:
    """With both cases of each member (of each that is left out, if negated). Raises Unsupported."""
    if any(c not in _FOLDS and not c.isascii() for c in chosen.members):
        raise Unsupported("(?i) with characters that are not ASCII")
    both = frozenset[str]().union(*[_FOLDS.get(c, frozenset(c)) for c in chosen.members])
    return Characters(both, chosen.negated)
