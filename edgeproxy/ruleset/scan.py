"""Templates as texts and holes: the spelling that match and target templates have in common.

A hole is `{...}`. Braces inside a regular expression balance; an escaped brace and one in a character class do
not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from edgeproxy.ruleset.problems import Code, Refusal

_SOUND: Final = re.compile(r"[!-[\]-|~]*")  # what _check_text has nothing to say about
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Span:
    """A text between holes."""

    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Hole:
    """What stands between two braces; `offset` is that of the opening one."""

    text: str
    offset: int


def scan_template(source: str) -> tuple[Span | Hole, ...]:
    """The texts and holes of a template, in order. Raises Refusal."""
    found: list[Span | Hole] = []
    position = 0
    while position < len(source):
        opening = source.find("{", position)
        end = len(source) if opening < 0 else opening
        if end > position:
            _check_text(source[position:end], position)
            found.append(Span(source[position:end], position))
        if opening < 0:
            break
        position = _end_of_hole(source, opening)
        found.append(Hole(source[opening + 1 : position - 1], opening))
    return tuple(found)


def bad_template(message: str, why: str, remedy: str, offset: int) -> Refusal:
    return Refusal(Code.BAD_TEMPLATE, message, why, remedy, offset)


def _check_text(text: str, offset: int) -> None:
    if _SOUND.fullmatch(text):  # PERF: 0.2 us instead of 5 us for 30 characters
        return
    for at, character in enumerate(text, offset):
        if character == "}":
            raise bad_template(
                "a '}' that closes nothing", "braces hold captures.", "write %7D for the character itself.", at
            )
        if not "!" <= character <= "~" or character == "\\":
            raise bad_template(
                f"{character!r} cannot stand in a URL",
                "a template is written as the URL is on the wire: visible ASCII, without backslashes.",
                f"write it percent-encoded: {quote(character, errors='replace')}.",
                at,
            )


def _end_of_hole(source: str, opening: int) -> int:
    """The position after the hole's closing brace."""
    closing = source.find("}", opening)
    colon = source.find(":", opening, closing)
    if closing < 0 or colon < 0:
        if closing >= 0:
            return closing + 1
        raise _unclosed(opening)
    position, depth = colon + 1, 1
    while position < len(source):
        character = source[position]
        if character == "\\":
            position += 1
        elif character == "[":
            position = _end_of_class(source, position) - 1
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        if depth == 0:
            return position + 1
        if source[position : position + 1] == "/":
            raise bad_template(
                "a slash in the regular expression of a capture",
                "a capture stays within one segment, so this could never match.",
                "end the capture before the slash, or take the rest of the path with {name*}.",
                position,
            )
        position += 1
    raise _unclosed(opening)


def _end_of_class(source: str, position: int) -> int:
    """The position after a character class that begins here; a `]` at once is a member of it."""
    position += 2 if source.startswith("[^", position) else 1
    if source.startswith("]", position):
        position += 1
    while position < len(source) and source[position] != "]":
        position += 2 if source[position] == "\\" else 1
    return position + 1


def _unclosed(opening: int) -> Refusal:
    return bad_template(
        "a '{' that is never closed",
        "braces hold captures.",
        "close it, or write %7B for the character itself.",
        opening,
    )
