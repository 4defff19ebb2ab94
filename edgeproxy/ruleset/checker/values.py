"""Which texts a parameter or header can have, told apart only as far as a ruleset's conditions do.

Law: two texts that no condition tells apart have one representative; membership is `conditions.suits`, the edge's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, assert_never

from edgeproxy.ruleset.automata.dfa import DEAD, Dfa
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import EVERYTHING, Language, concatenation, text, texts, words_outside
from edgeproxy.ruleset.automata.regex import regex
from edgeproxy.ruleset.conditions import suits
from edgeproxy.ruleset.matching import Begins, Matches, OneOf, Presence, ValueMatch

_ATOMS: Final = 256
_INNER: Final = "\t "
_VISIBLE: Final = "".join(map(chr, (*range(0x21, 0x7F), *range(0x80, 0x100))))

ANY_PARAMETER: Final = EVERYTHING


def _any_header() -> Language:
    """A field value as the edge reads it: Latin-1, without white space at its ends (RFC 9110 §5.5)."""
    visible = dict.fromkeys(_VISIBLE, 1)
    inner = visible | dict.fromkeys(_INNER, 2)
    return Language(Dfa((visible, inner, inner), (DEAD,) * 3, (True, True, False)))


ANY_HEADER: Final = _any_header()


class Texts:
    """The representatives of one parameter's or header's values, None (absent) first."""

    def __init__(self, matches: Sequence[ValueMatch], every: Language, literals: Iterable[str] = ()) -> None:
        """Raises Unsupported. `literals` are values that stand for themselves, whatever conditions say."""
        self._matches = tuple(dict.fromkeys(matches))
        named = {value for match in self._matches if isinstance(match, OneOf) for value in match.values}
        known = sorted(value for value in named.union(literals) if every.contains(value))
        others = [_nice(atom, known) for atom in self._atoms(every)]
        self.values: tuple[str | None, ...] = (None, *known, *(each for each in others if each is not None))
        self._alike: dict[tuple[bool, ...], int] = {}
        for at, value in enumerate(self.values):
            self._alike[self._signature(value)] = self._alike.get(self._signature(value), 0) | 1 << at

    def mask(self, match: ValueMatch) -> int:
        return sum(1 << at for at, value in enumerate(self.values) if suits(match, value))

    def mask_of(self, value: str | None) -> int:
        """The representatives of a value: itself, or those that no condition tells from it."""
        if value in self.values:
            return 1 << self.values.index(value)
        return self._alike.get(self._signature(value), 0)

    def _signature(self, value: str | None) -> tuple[bool, ...]:
        return (value is None, *(suits(match, value) for match in self._matches))

    def _atoms(self, every: Language) -> list[Language]:
        atoms = [every]
        for match in self._matches:
            language = _language(match)
            if language is not None:
                atoms = [part for atom in atoms for part in (atom & language, atom - language) if not part.is_empty()]
            if len(atoms) > _ATOMS:
                raise Unsupported(f"the conditions on it tell more than {_ATOMS} kinds of value apart")
        return atoms


def _language(match: ValueMatch) -> Language | None:
    """What parts values that no condition names; None: nothing."""
    match match:
        case OneOf() | Presence():
            return None
        case Begins(text=start):
            return concatenation(text(start), EVERYTHING)
        case Matches(regex=source):
            return regex(source)
        case _:
            assert_never(match)


def _nice(atom: Language, known: Sequence[str]) -> str | None:
    """A text of the atom that is none of the known ones; rather not the empty one."""
    first = list(islice(words_outside(atom, [texts(known)]), 2))
    return next((each for each in first if each), first[0] if first else None)
