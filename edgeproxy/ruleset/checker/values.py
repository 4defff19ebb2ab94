"""Which texts a parameter or header can have, told apart only as far as a ruleset's conditions do.

Law: two texts that no condition tells apart have one representative; membership is `conditions.suits`, the edge's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, assert_never

from edgeproxy.ruleset.automata.dfa import DEAD, Dfa
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import EVERYTHING, Language, concatenation, text, texts
from edgeproxy.ruleset.automata.regex import regex
from edgeproxy.ruleset.automata.sums import Sum
from edgeproxy.ruleset.automata.words import others as unnamed_characters
from edgeproxy.ruleset.automata.words import rank
from edgeproxy.ruleset.conditions import suits
from edgeproxy.ruleset.matching import Begins, Matches, OneOf, Presence, ValueMatch

_KINDS: Final = 1_024
_NODES: Final = 50_000
_INNER: Final = "\t "
_VISIBLE: Final = "".join(map(chr, (*range(0x21, 0x7F), *range(0x80, 0x100))))

_Node = tuple[int, tuple[int, ...]]  # where the texts that are allowed are, and the languages

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
        languages = [each for each in map(_language, self._matches) if each is not None]
        self.values: tuple[str | None, ...] = (None, *known, *_Kinds(every, languages, texts(known)).texts())
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


class _Kinds:
    """A walk over the texts that are allowed, the shortest first, beside all languages at once: one text for each
    combination of languages that hold one. PERF: eight of `.*name.*` take 0.2 s; parting language by language took 7 s
    for six, and three times as long for each more.
    """

    def __init__(self, every: Language, languages: Sequence[Language], known: Language) -> None:
        self._every = every.dfa
        self._sum = Sum([each.dfa for each in (*languages, known) if each.dfa])
        self._known = self._sum.starts[-1] if known.dfa else None
        self._found: dict[frozenset[int], str] = {}

    def texts(self) -> list[str]:
        """Raises Unsupported."""
        start = (0, tuple(self._sum.starts))
        words: dict[_Node, str] = {start: ""}
        queue = [start]
        for node in queue:  # which grows meanwhile
            self._note(node, words[node])
            for c, target in self._targets(node):
                if target not in words:
                    words[target] = words[node] + c
                    queue.append(target)
                elif not words[target]:
                    self._note(target, words[node] + c)
            if len(queue) > _NODES:
                raise Unsupported("the conditions on it are too many, or too large, to be told apart")
        return list(self._found.values())

    def _note(self, node: _Node, word: str) -> None:
        state, others = node
        if not self._every.accepting[state]:
            return
        holders = frozenset(self._sum.base[each] for each in others if self._sum.accepting[each])
        if self._known in holders:
            return
        if not self._found.get(holders):  # rather not the empty text
            self._found[holders] = word
        if len(self._found) > _KINDS:
            raise Unsupported(f"the conditions on it tell more than {_KINDS} kinds of value apart")

    def _targets(self, node: _Node) -> Iterator[tuple[str, _Node]]:
        state, others = node
        targets, other = self._sum.targets(others)
        row, default = self._every.moves[state], self._every.defaults[state]
        unnamed = next((c for c in unnamed_characters(targets) if row.get(c, default) >= 0), _INNER[-1])
        for c in sorted({*targets, unnamed, _INNER[-1]}, key=rank):
            following = row.get(c, default)
            if following >= 0:
                yield c, (following, tuple(sorted(targets.get(c, other))))
