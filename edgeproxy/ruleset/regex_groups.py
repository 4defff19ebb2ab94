"""The named groups of a regular expression that RE2 accepts, read from its text, of which RE2 tells only the numbers.

Law: that a group is never empty is said only where the text shows it: it stands in no choice, nothing lets it be left
out, and what is in it needs a character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from edgeproxy.ruleset.regex import compiled

_OPENING: Final = re.compile(r"\((?:\?P?<(?P<name>\w+)>|\?[a-zA-Z-]*:?)?")
_MAY_BE_LEFT_OUT: Final = re.compile(r"[?*]|\{0")


@dataclass(slots=True)
class Group:
    """`name_at` is where the name stands; `may_be_empty` also when the group may take no part in a match."""

    name: str
    name_at: int
    may_be_empty: bool = False


@dataclass(slots=True)
class _Open:
    """Parentheses that are not closed, and the named groups in them. `start` is where their text begins."""

    start: int
    own: Group | None = None
    inner: list[Group] = field(default_factory=list)
    has_choice: bool = False


def named_groups(source: str) -> tuple[Group, ...]:
    """In the order in which they open."""
    groups: list[Group] = []
    within = [_Open(0)]
    for at, after in _parts(source):
        if source[at] == "(":
            within.append(_opened(source, at))
            own = within[-1].own
            groups += [] if own is None else [own]
        elif source[at] == "|":
            within[-1].has_choice = True
        elif source[at] == ")" and len(within) > 1:
            _close(within, source, at, after)
    if within[0].has_choice:
        _mark(within[0].inner)
    return tuple(groups)


def _opened(source: str, at: int) -> _Open:
    found = _OPENING.match(source, at)
    if found is None or found["name"] is None:
        return _Open(at + 1)
    return _Open(found.end(), Group(found["name"], found.start("name")))


def _close(within: list[_Open], source: str, at: int, after: int) -> None:
    closed = within.pop()
    own = [] if closed.own is None else [closed.own]
    if closed.has_choice:
        _mark(closed.inner)
    if _MAY_BE_LEFT_OUT.match(source, after):
        _mark([*closed.inner, *own])
    if own and _needs_no_character(source[closed.start : at]):
        _mark(own)
    within[-1].inner += [*closed.inner, *own]


def _mark(groups: list[Group]) -> None:
    for group in groups:
        group.may_be_empty = True


def _needs_no_character(text: str) -> bool:
    """The edge of a word is empty, and not everywhere: where the text speaks of one, the answer is yes."""
    return "\\b" in text or "\\B" in text or compiled(text).fullmatch("") is not None


def _parts(source: str) -> Iterator[tuple[int, int]]:
    """Where each character, escape, literal text and class of characters begins and ends."""
    at = 0
    while at < len(source):
        after = _after(source, at)
        yield at, after
        at = after


def _after(source: str, at: int) -> int:
    if source.startswith("\\Q", at):
        end = source.find("\\E", at)
        return len(source) if end < 0 else end + 2
    if source[at] == "\\":
        return at + 2
    return _after_class(source, at) if source[at] == "[" else at + 1


def _after_class(source: str, at: int) -> int:
    at += 2 if source.startswith("[^", at) else 1
    if source.startswith("]", at):  # at once it is a member
        at += 1
    while at < len(source) and source[at] != "]":
        named_end = source.find(":]", at) if source.startswith("[:", at) else -1
        if named_end >= 0:
            at = named_end + 2
        else:
            at += 2 if source[at] == "\\" else 1
    return at + 1
