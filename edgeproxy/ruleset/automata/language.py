"""Languages: regular sets of texts, as values.

Laws of this module:
- a Language is immutable and means a set of texts; two that mean the same are `is_same`, `==` is identity;
- the alphabet is open: every Unicode character counts, whether or not something names it;
- a result is exact. What would take too large an automaton is refused with TooLarge, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from edgeproxy.ruleset.automata import products
from edgeproxy.ruleset.automata import words as wording
from edgeproxy.ruleset.automata.dfa import DEAD, EMPTY, Dfa, minimised, walked
from edgeproxy.ruleset.automata.outside import Outside
from edgeproxy.ruleset.automata.sums import chained, union_of


class Language:
    """A regular set of texts (any Unicode characters), by a deterministic automaton."""

    __slots__ = ("_is_finite", "_is_smallest", "dfa")

    def __init__(self, dfa: Dfa, *, is_finite: bool | None = None) -> None:
        self.dfa = dfa
        self._is_finite = is_finite
        self._is_smallest = False

    def __repr__(self) -> str:
        shown = [repr(word) for word, _ in zip(self.words(), range(3), strict=False)]
        return f"<Language of {len(self.dfa)} states: {', '.join(shown) or 'nothing'}>"

    def __and__(self, other: Language) -> Language:
        return Language(products.intersection(self.dfa, other.dfa))

    def __or__(self, other: Language) -> Language:
        return union((self, other))

    def __sub__(self, other: Language) -> Language:
        return Language(products.difference(self.dfa, other.dfa))

    def complement(self) -> Language:
        return Language(products.complement(self.dfa))

    def minimised(self) -> Language:
        """The same texts by the smallest automaton: for what is used again and again."""
        if self._is_smallest:
            return self
        smallest = Language(minimised(self.dfa), is_finite=self._is_finite)
        smallest._is_smallest = True
        return smallest

    def is_empty(self) -> bool:
        return not self.dfa

    def is_finite(self) -> bool:
        """Whether there is a longest text."""
        if self._is_finite is None:
            self._is_finite = not wording.has_cycle(self.dfa)
        return self._is_finite

    def contains(self, text: str) -> bool:
        state = walked(self.dfa, 0 if self.dfa else DEAD, text)
        return state >= 0 and self.dfa.accepting[state]

    __contains__ = contains

    def shortest(self) -> str | None:
        """The first of `words`: a witness."""
        return wording.shortest(self.dfa)

    def words(self) -> Iterator[str]:
        """The texts in order of length, then letters and digits first; lazily, for they may be without end."""
        return wording.words(self.dfa)

    def overlaps(self, other: Language) -> bool:
        """Whether a text is in both."""
        return products.overlaps(self.dfa, other.dfa)

    def is_subset(self, other: Language) -> bool:
        return products.is_within(self.dfa, other.dfa)

    def is_same(self, other: Language) -> bool:
        return self.is_subset(other) and other.is_subset(self)

    def prefix(self) -> str:
        """The longest text with which all texts begin."""
        return wording.common_prefix(self.dfa)


NOTHING: Final = Language(EMPTY, is_finite=True)
EMPTY_TEXT: Final = Language(Dfa(({},), (DEAD,), (True,)), is_finite=True)
EVERYTHING: Final = Language(Dfa(({},), (0,), (True,)), is_finite=False)


def text(value: str) -> Language:
    """This text alone."""
    moves: list[dict[str, int]] = [{c: at} for at, c in enumerate(value, 1)]
    length = len(moves)
    moves.append({})
    return Language(Dfa(moves, [DEAD] * (length + 1), [False] * length + [True]), is_finite=True)


def texts(values: Iterable[str]) -> Language:
    """These texts, by a trie."""
    moves: list[dict[str, int]] = [{}]
    ends: set[int] = set()
    for value in values:
        state = 0
        for character in value:
            row = moves[state]
            following = row.get(character)
            if following is None:
                following = row[character] = len(moves)
                moves.append({})
            state = following
        ends.add(state)
    if not ends:
        return NOTHING
    return Language(Dfa(moves, [DEAD] * len(moves), [state in ends for state in range(len(moves))]), is_finite=True)


def concatenation(*languages: Language) -> Language:
    """The texts made of a text of each, in order."""
    return Language(chained([each.dfa for each in languages])) if languages else EMPTY_TEXT


def union(languages: Iterable[Language]) -> Language:
    return Language(union_of([each.dfa for each in languages]))


def outside(language: Language, others: Iterable[Language]) -> Language:
    """What is in `language` and in none of the others."""
    return Language(_walk(language, others).automaton()) if language.dfa else NOTHING


def first_outside(language: Language, others: Sequence[Language]) -> str | None:
    """A shortest text of `language` that is in none of the others."""
    return _walk(language, others).first() if language.dfa else None


def _walk(language: Language, others: Iterable[Language]) -> Outside:
    taken = [other for other in others if other.dfa]
    return Outside(language.dfa, [other.dfa for other in taken], [not other.is_finite() for other in taken])


def words_outside(language: Language, others: Sequence[Language]) -> Iterator[str]:
    """The texts of `language` that are in none of the others, in order of length."""
    first = first_outside(language, others)
    if first is None:
        return
    yield first
    more = outside(language, others).words()
    next(more)
    yield from more
