"""RE2's syntax, read into a tree (https://github.com/google/re2/wiki/Syntax).

What is read here, RE2 has accepted before: so this reader does not tell what is wrong with an expression, and what it
does not know is Unsupported.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import Final

from edgeproxy.ruleset.automata.characters import (
    ANY,
    NOT_NEWLINE,
    PERL,
    POSIX,
    Characters,
    character_range,
    characters,
    folded,
)
from edgeproxy.ruleset.automata.errors import Unsupported

_BOUNDS: Final = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_FLAGS: Final = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_NAME: Final = re.compile(r"\(\?P?<[^>]+>")
_POSIX_NAME: Final = re.compile(r"\[:(\^?)([a-z]+):\]")
_HEX: Final = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})")
_OCTAL: Final = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_ESCAPES: Final = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}


@dataclass(frozen=True, slots=True)
class One:
    """One character of these."""

    chosen: Characters


@dataclass(frozen=True, slots=True)
class Chain:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """In the order of preference."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`most` None: without end."""

    part: Expression
    least: int
    most: int | None
    greedy: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """The beginning or the end of the text."""

    is_start: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A part that captures."""

    part: Expression


Expression = One | Chain | Choice | Repeat | Edge | Group


def parse(source: str) -> Expression:
    """Raises Unsupported."""
    reader = _Reader(source)
    expression = reader.choice(frozenset())
    if reader.position < len(source):
        raise Unsupported(f"the expression at {source[reader.position :]!r}")
    return expression


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self.position = 0

    def _next(self) -> str:
        return self._source[self.position : self.position + 1]

    def _take(self) -> str:
        if self.position >= len(self._source):
            raise Unsupported("an expression that ends too early")
        self.position += 1
        return self._source[self.position - 1]

    def _matched(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._source, self.position)
        if found:
            self.position = found.end()
        return found

    def choice(self, flags: frozenset[str]) -> Expression:
        """What stands between parentheses; flags set within count to their end."""
        branches: list[list[Expression]] = [[]]
        while self._next() not in ("", ")"):
            if self._next() == "|":
                self.position += 1
                branches.append([])
                continue
            found = self._matched(_FLAGS) if self._source.startswith("(?", self.position) else None
            if found and found[3] == ")":
                flags = _changed(flags, found)
                continue
            parts = self._group(_changed(flags, found)) if found else self._parts(flags)
            branches[-1] += self._repeated(parts)
        chains = tuple(each[0] if len(each) == 1 else Chain(tuple(each)) for each in branches)
        return chains[0] if len(chains) == 1 else Choice(chains)

    def _group(self, flags: frozenset[str]) -> list[Expression]:
        inner = self.choice(flags)
        if self._take() != ")":
            raise Unsupported("a group that is not closed")
        return [inner]

    def _parts(self, flags: frozenset[str]) -> list[Expression]:
        """The parts that begin here: one, or the characters of a quotation."""
        if self._matched(_NAME):
            return [Group(*self._group(flags))]
        character = self._take()
        match character:
            case "(":
                return [Group(*self._group(flags))]
            case ".":
                return [One(ANY if "s" in flags else NOT_NEWLINE)]
            case "[":
                return [One(self._class(flags))]
            case "^" | "$":
                if "m" in flags:
                    raise Unsupported(f"(?m) with {character}")
                return [Edge(is_start=character == "^")]
            case "\\":
                return self._escape(flags)
            case _:
                return [One(_literal(character, flags))]

    def _repeated(self, parts: list[Expression]) -> list[Expression]:
        """A repetition is one of the last part."""
        bounds = self._bounds()
        if bounds is None:
            return parts
        if not parts:
            raise Unsupported("a repetition of an empty quotation")
        greedy = self._next() != "?"
        self.position += not greedy
        return self._repeated([*parts[:-1], Repeat(parts[-1], *bounds, greedy)])

    def _bounds(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self._next() in simple:
            return simple[self._take()]
        found = self._matched(_BOUNDS)
        if found is None:
            return None
        least = int(found[1])
        return least, (least if found[2] is None else int(found[3]) if found[3] else None)

    def _escape(self, flags: frozenset[str]) -> list[Expression]:
        character = self._next()
        if character == "Q":
            end = self._source.find("\\E", self.position)
            quoted = self._source[self.position + 1 : end if end >= 0 else len(self._source)]
            self.position = end + 2 if end >= 0 else len(self._source)
            return [One(_literal(each, flags)) for each in quoted]
        if character in ("A", "z"):
            self.position += 1
            return [Edge(is_start=character == "A")]
        chosen = self._perl(flags)
        return [One(_literal(self._escaped(), flags) if chosen is None else chosen)]

    def _perl(self, flags: frozenset[str]) -> Characters | None:
        """`\\d` and its like, after the backslash."""
        chosen = PERL.get(self._next().lower())
        if chosen is None:
            return None
        negated = self._take().isupper()
        chosen = folded(chosen) if "i" in flags else chosen
        return chosen.inverted() if negated else chosen

    def _escaped(self) -> str:
        """The character that an escape is, after the backslash."""
        if found := self._matched(_HEX):
            return chr(int(found[1] or found[2], 16))
        if found := self._matched(_OCTAL):
            return chr(int(found[0], 8))
        character = self._take()
        if character in _ESCAPES:
            return _ESCAPES[character]
        if character in string.ascii_letters + string.digits or not character.isascii():
            raise Unsupported(f"\\{character} in a regular expression")
        return character

    def _class(self, flags: frozenset[str]) -> Characters:
        negated = self._next() == "^"
        self.position += negated
        chosen = characters("")
        is_first = True
        while is_first or self._next() != "]":
            chosen |= self._member(flags)
            is_first = False
        self.position += 1
        return chosen.inverted() if negated else chosen

    def _member(self, flags: frozenset[str]) -> Characters:
        """One thing that a class lists."""
        if found := self._matched(_POSIX_NAME):
            named = POSIX.get(found[2])
            if named is None:
                raise Unsupported(f"the class {found[0]}")
            named = folded(named) if "i" in flags else named
            return named.inverted() if found[1] else named
        first = self._take()
        if first == "\\":
            chosen = self._perl(flags)
            if chosen is not None:
                return chosen
            first = self._escaped()
        last = first
        if self._next() == "-" and self._source[self.position + 1 : self.position + 2] not in ("]", ""):
            self.position += 1
            last = self._take()
            last = self._escaped() if last == "\\" else last
        chosen = character_range(first, last)
        return folded(chosen) if "i" in flags else chosen


def _literal(character: str, flags: frozenset[str]) -> Characters:
    chosen = characters(character)
    return folded(chosen) if "i" in flags else chosen


def _changed(flags: frozenset[str], found: re.Match[str]) -> frozenset[str]:
    return (flags | frozenset(found[1])) - frozenset(found[2] or "")
