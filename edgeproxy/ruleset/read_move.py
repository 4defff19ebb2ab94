"""One line of a map: from its text to a path and a target, or the reason why it is none.

Law: what a line may lead to is what a `redirect: {to: ...}` without captures may lead to; the same parser reads it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from edgeproxy.http.target import BadTarget, normalise_path
from edgeproxy.ruleset.problems import Code, Refusal
from edgeproxy.ruleset.read_target import parse_target_template
from edgeproxy.ruleset.template import PathTemplate

HEADER: Final = ("from", "to")
_NO_CAPTURES: Final = PathTemplate.of("a path of a map, which captures nothing", (), None)
_A_PAIR: Final = "a line of a map is a path, a comma and a target."
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_NOT_OF_A_PATH: Final = {"?": ("query", "%3F"), "#": ("fragment", "%23")}
# PERF: most targets are plain, and then this takes 1 us where the parser of templates takes 12.
_PLAIN_TARGET: Final = re.compile(
    r"(?:https?://[A-Za-z0-9.-]+)?/(?!/)(?:(?:[A-Za-z0-9_~!$&'()*+,;=:@?-]|%(?!2[Ee])[0-9A-Fa-f]{2})[./]?)*"
)


@dataclass(frozen=True, slots=True)
class Move:
    """A pair: `path` is normalised."""

    path: str
    target: str


def is_comment(line: str) -> bool:
    return not line or line.startswith("#")


def read_fields_of(line: str) -> tuple[str, ...]:
    """The fields of a line of CSV (RFC 4180). Raises Refusal."""
    if '"' not in line:
        return tuple(line.split(","))
    try:
        return tuple(next(csv.reader([line], strict=True)))
    except csv.Error:
        raise Refusal(
            Code.BAD_MOVE,
            "quotes that do not fit together",
            "a field with a comma stands in quotes, all of it, and a quote in it is doubled (RFC 4180).",
            'write it as in "/a,b",/c; %22 is a quote in a URL.',
            line.index('"'),
        ) from None


def read_move(line: str) -> Move:
    """Raises Refusal, with the offset in the line."""
    fields = read_fields_of(line)
    if len(fields) != len(HEADER):
        raise Refusal(
            Code.BAD_MOVE,
            "a line of one field" if len(fields) == 1 else f"a line of {len(fields)} fields",
            _A_PAIR,
            "write it as in /old/,/new/; a field with a comma stands in quotes.",
        )
    source, target = fields
    path = _at(int(line.startswith('"')), _read_path, source)
    return Move(path, _at(max(0, line.rfind(target)), _read_target, target))


def _refuse_blanks(text: str) -> None:
    """Around a field: RFC 4180 has them belong to it, and nobody means that."""
    stripped = text.strip(" \t")
    if stripped != text:
        at = 0 if text[:1] in " \t" else len(stripped)
        raise Refusal(Code.BAD_MOVE, "a blank beside a comma or a line's end", _A_PAIR, "leave it out.", at)


def _at(offset: int, read: Callable[[str], str], text: str) -> str:
    try:
        return read(text)
    except Refusal as refusal:
        refusal.offset += offset
        raise


def _read_path(text: str) -> str:
    _refuse_blanks(text)
    if not text.startswith("/"):
        path = re.sub("^[A-Za-z]+://[^/]*", "", text.strip())
        raise Refusal(
            Code.BAD_MOVE, f"{text!r} is not a path", "a path begins with a slash.", f"write /{path.lstrip('/')}."
        )
    for character, (what, escape) in _NOT_OF_A_PATH.items():
        if character in text:
            raise Refusal(
                Code.BAD_MOVE,
                f"a path with a {what}",
                f"a path ends where the {what} begins.",
                f"leave the {what} out; write {escape} for the character itself.",
                text.index(character),
            )
    try:
        return normalise_path(text)
    except BadTarget as error:
        why = "such a path is refused before it is looked up."
        escaped = "" if text.isascii() else f", percent-encoded: {quote(text, safe=_VISIBLE)}"
        raise Refusal(Code.BAD_MOVE, str(error), why, f"write a path that a request can have{escaped}.") from None


def _read_target(text: str) -> str:
    if not _PLAIN_TARGET.fullmatch(text):
        _refuse_blanks(text)
        if "{" in text:
            raise Refusal(
                Code.BAD_MOVE,
                "a brace in the target of a map",
                "a map has one target for one path, and no captures.",
                "write the target out, or make it a rule with `to`; write %7B for the character itself.",
                text.index("{"),
            )
        try:
            parse_target_template(text, _NO_CAPTURES)
        except Refusal as refusal:
            if refusal.code is Code.BAD_TEMPLATE:
                refusal.code = Code.BAD_MOVE
            raise
    return text
