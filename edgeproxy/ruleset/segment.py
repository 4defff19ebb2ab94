"""One segment of a path template: what it matches, and what it captures.

Laws of this module:
- a segment is matched in the percent-encoded, normalised spelling, and captures keep that spelling;
- an escape is never split: a match in which a capture would end inside `%XX` does not count;
- a capture is never `.` or `..`: such a value would change the path of a target it is put into;
- matching takes linear time (see regex.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, assert_never

import re2

from edgeproxy.ruleset.problems import Code, Refusal
from edgeproxy.ruleset.regex import REMEDY, WHY, compiled, reason, whole_matcher

# A run of whole characters of a segment: what a plain capture takes when it shares its segment with others.
_PLAIN_RUN: Final = "(?:[^%/]|%[0-9A-F][0-9A-F])+"


@dataclass(frozen=True, slots=True)
class Literal:
    """This text and nothing else."""

    text: str


@dataclass(frozen=True, slots=True)
class Whole:
    """`{name}`: any segment that is not empty."""

    name: str


@dataclass(frozen=True, slots=True)
class Affixed:
    """`before{name}after`: a capture of at least one character between two texts, either of which may be empty."""

    before: str
    name: str
    after: str


@dataclass(frozen=True, slots=True)
class Expression:
    """`{name:REGEX}`: a segment that the regular expression matches from end to end."""

    name: str
    regex: str
    matches: Callable[[str], bool] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Mixed:
    """Several captures, or a regular expression with texts around it, in one segment."""

    names: tuple[str, ...]
    regex: str
    hollow: frozenset[str]  # the captures that may be empty
    split: Callable[[str], tuple[str, ...] | None] = field(compare=False, repr=False)


Segment = Literal | Whole | Affixed | Expression | Mixed


@dataclass(frozen=True, slots=True)
class Part:
    """A capture as written: `regex` is None for a plain one. `offset` is that of its brace in the template."""

    name: str
    regex: str | None
    offset: int


def segment_of(pieces: list[str | Part]) -> Segment:
    """The segment that these texts and captures make up. Raises Refusal."""
    match pieces:
        case []:
            return Literal("")
        case [str(text)]:
            return Literal(text)
        case [Part(name=name, regex=None)]:
            return Whole(name)
        case [Part(name=name, regex=str(regex)) as part]:
            return Expression(name, regex, whole_matcher(_checked(part)))
        case [Part(name=name, regex=None), str(after)]:
            return Affixed("", name, after)
        case [str(before), Part(name=name, regex=None)]:
            return Affixed(before, name, "")
        case [str(before), Part(name=name, regex=None), str(after)]:
            return Affixed(before, name, after)
        case _:
            return _mixed(pieces)


def tester(segment: Segment) -> Callable[[str], bool]:
    """What tells whether a segment matches a text."""
    match segment:
        case Literal(text=wanted):
            return lambda text: text == wanted
        case Whole():
            return bool
        case Affixed():
            return lambda text: _affixed_value(segment, text) is not None
        case Expression(matches=matches):
            return matches
        case Mixed(split=split):
            return lambda text: split(text) is not None
        case _:
            assert_never(segment)


def capture(segment: Segment, text: str, into: dict[str, str]) -> None:
    """Add the captures of a segment that matches this text."""
    match segment:
        case Literal():
            pass
        case Whole(name=name) | Expression(name=name):
            into[name] = text
        case Affixed(before=before, name=name, after=after):
            into[name] = text[len(before) : len(text) - len(after)]
        case Mixed(names=names, split=split):
            into.update(zip(names, split(text) or (), strict=True))
        case _:
            assert_never(segment)


def capture_names(segment: Segment) -> tuple[str, ...]:
    match segment:
        case Literal():
            return ()
        case Whole(name=name) | Affixed(name=name) | Expression(name=name):
            return (name,)
        case Mixed(names=names):
            return names
        case _:
            assert_never(segment)


def nameless(segment: Segment) -> Segment:
    """The segment without the names of its captures: equal for segments that match the same by the same words."""
    match segment:
        case Literal():
            return segment
        case Whole():
            return Whole("")
        case Affixed(before=before, after=after):
            return Affixed(before, "", after)
        case Expression(regex=regex, matches=test):
            return Expression("", regex, test)
        case Mixed(names=names, regex=regex, split=split):
            return Mixed(("",) * len(names), regex, frozenset(), split)
        case _:
            assert_never(segment)


def show(segment: Segment) -> str:
    """The segment for people who read a router."""
    match segment:
        case Literal(text=text):
            return text
        case Whole(name=name):
            return f"{{{name}}}"
        case Affixed(before=before, name=name, after=after):
            return f"{before}{{{name}}}{after}"
        case Expression(name=name, regex=regex):
            return f"{{{name}:{regex}}}"
        case Mixed(regex=regex):
            return f"{{:{regex}}}"
        case _:
            assert_never(segment)


def may_be_empty(segment: Segment, name: str) -> bool:
    """Whether a capture of this segment may be the empty string."""
    match segment:
        case Expression(name=own, matches=test):
            return own == name and test("")
        case Mixed(hollow=hollow):
            return name in hollow
        case Literal() | Whole() | Affixed():
            return False
        case _:
            assert_never(segment)


def _affixed_value(segment: Affixed, text: str) -> str | None:
    """What stands between the two texts, if it is a capture."""
    if not (text.startswith(segment.before) and text.endswith(segment.after)):
        return None
    start, end = len(segment.before), len(text) - len(segment.after)
    if start >= end:
        return None
    value = text[start:end]
    return value if _is_whole(value) else None


def _is_whole(value: str) -> bool:
    return "%" not in value[-2:] and value != "." and value != ".."


def _mixed(pieces: list[str | Part]) -> Mixed:
    """Every capture's own groups are skipped by number, so that a regular expression may have groups."""
    names: list[str] = []
    groups: list[int] = []
    hollow: set[str] = set()
    regex, group = "", 1
    for before, piece in zip([None, *pieces], pieces, strict=False):
        if isinstance(piece, str):
            regex += re2.escape(piece)
            continue
        _check_apart(before, piece)
        names.append(piece.name)
        groups.append(group)
        group += 1
        if piece.regex is None:
            regex += f"({_PLAIN_RUN})"
        else:
            own = _checked(piece)
            group += own.groups
            regex += f"({piece.regex})"
            if own.fullmatch(""):
                hollow.add(piece.name)
    split = _splitter(_compiled_at(regex, pieces), tuple(groups))
    return Mixed(tuple(names), regex, frozenset(hollow), split)


def _check_apart(before: str | Part | None, part: Part) -> None:
    if part.regex is None and isinstance(before, Part) and before.regex is None:
        raise Refusal(
            Code.BAD_TEMPLATE,
            f"nothing stands between {{{before.name}}} and {{{part.name}}}",
            "where the first capture ends and the second begins could not be told.",
            "put a text between them, or give one a regular expression, as in {name:[a-z]}.",
            part.offset,
        )


def _compiled_at(regex: str, pieces: list[str | Part]) -> re2._Regexp:
    """Each part is sound by itself; together they may still be too large, or run into each other (`\\Q`)."""
    try:
        return compiled(regex)
    except re2.error as error:
        raise Refusal(
            Code.BAD_TEMPLATE,
            f"the expressions of this segment do not fit together: {reason(error)}",
            "the captures of one segment become one regular expression.",
            "make them simpler, or give each capture a segment of its own.",
            min(piece.offset for piece in pieces if isinstance(piece, Part)),
        ) from None


def _checked(part: Part) -> re2._Regexp:
    """The compiled regular expression of a capture, by itself. Raises Refusal."""
    regex = part.regex or ""
    offset = part.offset + len(part.name) + 2
    try:
        expression = compiled(regex)
    except re2.error as error:
        raise Refusal(
            Code.BAD_TEMPLATE,
            f"the regular expression of {{{part.name}}} cannot be read: {reason(error)}",
            WHY,
            REMEDY,
            offset,
        ) from None
    if expression.groupindex:
        raise Refusal(
            Code.BAD_TEMPLATE,
            f"the regular expression of {{{part.name}}} has a named group",
            "a capture is named before the colon; groups inside would be second names.",
            "write (...) or (?:...) for a group.",
            offset,
        )
    return expression


def _splitter(expression: re2._Regexp, groups: tuple[int, ...]) -> Callable[[str], tuple[str, ...] | None]:
    def split(text: str) -> tuple[str, ...] | None:
        found = expression.fullmatch(text.encode())
        if found is None:
            return None
        values = tuple((found[group] or b"").decode() for group in groups)
        return values if all(map(_is_whole, values)) else None

    return split
