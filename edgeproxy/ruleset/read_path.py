"""From the text of a match's path to a PathTemplate."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from edgeproxy.http.target import BadTarget, normalise_path
from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.scan import NAME, Hole, Span, bad_template, scan_template
from edgeproxy.ruleset.segment import Literal, Part, segment_of
from edgeproxy.ruleset.template import PathTemplate

_DOT_SEGMENT: Final = re.compile(r"/(?=\.\.?(?:/|$))")
_PLAIN: Final = re.compile("(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?")  # without captures, and normalised as it stands
_NORMAL: Final = re.compile("[A-Za-z0-9._~-]*")  # stands in normalised paths as it is (RFC 3986 §2.3)
_MOST_SEGMENTS: Final = 100
# What means something elsewhere in URLs and patterns: the reason and the remedy.
_NOT_LITERAL: Final = {
    "*": (
        "an asterisk is no wildcard here.",
        "write {name*} for the rest of a path, {name} for a segment, {name:[*]} for the character itself.",
    ),
    "?": ("a path ends where the query begins.", "leave the query out; write %3F for the character itself."),
    "#": ("a path ends where the fragment begins.", "leave the fragment out; write %23 for the character itself."),
}


def parse_path_template(source: str) -> PathTemplate:
    if not source.startswith("/"):
        raise bad_template("a path begins with a slash", "it is matched from its beginning.", f"write /{source}", 0)
    # PERF: most paths of a move have no captures: 7 us instead of 17.
    if _PLAIN.fullmatch(source) and source.count("/") <= _MOST_SEGMENTS:
        return PathTemplate.of(source, list(map(Literal, source.split("/")[1:])), None)
    segments: list[list[str | Part]] = [[]]
    rest: str | None = None
    names: set[str] = set()
    for token in scan_template(source):
        if rest is not None:
            raise _after_rest(rest, token.offset)
        if isinstance(token, Span):
            _add_texts(segments, token)
            continue
        part, is_rest = _read_hole(token)
        if part.name in names:
            raise bad_template(
                f"two captures are named {part.name!r}",
                "each capture has one value.",
                "give the second another name.",
                token.offset,
            )
        names.add(part.name)
        if not is_rest:
            segments[-1].append(part)
        elif segments[-1]:
            raise bad_template(
                f"{{{part.name}*}} does not follow a slash",
                "the rest of a path begins with a segment.",
                f"write /{{{part.name}*}}, or {{{part.name}}} for the end of one segment.",
                token.offset,
            )
        else:
            rest = part.name
    written = segments[1:] if rest is None else segments[1:-1]
    _refuse_unmatchable(source, written)
    return PathTemplate.of(source, list(map(segment_of, written)), rest)


def _after_rest(rest: str, offset: int) -> Refusal:
    return bad_template(
        f"something follows {{{rest}*}}",
        "it takes the rest of the path, so it stands last.",
        f"write {{{rest}}} for one segment.",
        offset,
    )


def _refuse_unmatchable(source: str, segments: list[list[str | Part]]) -> None:
    """Segments that are too many, or that no normalised path has."""
    if len(segments) > _MOST_SEGMENTS:
        raise bad_template(
            f"a path of more than {_MOST_SEGMENTS} segments",
            "rules are found segment by segment.",
            "match its beginning, and the rest with {name*}.",
            0,
        )
    if ["."] in segments or [".."] in segments:
        found = _DOT_SEGMENT.search(source)
        raise bad_template(
            "a dot segment never matches",
            "paths are matched without them.",
            "leave it out.",
            found.end() if found else 0,
        )


def _add_texts(segments: list[list[str | Part]], token: Span) -> None:
    offset = token.offset
    for number, text in enumerate(token.text.split("/")):
        if number:
            segments.append([])
        if text:
            segments[-1].append(_normal_text(text, offset))
        offset += len(text) + 1


def _normal_text(text: str, offset: int) -> str:
    """A text as it stands in normalised paths."""
    if _NORMAL.fullmatch(text):  # PERF: nearly every text; 0.2 us instead of 3 us
        return text
    for at, character in enumerate(text, offset):
        if character in _NOT_LITERAL:
            why, remedy = _NOT_LITERAL[character]
            raise bad_template(f"{character!r} in a path template", why, remedy, at)
    try:
        return normalise_path(f"/x{text}")[2:]  # the x: two dots may be a part of a segment
    except BadTarget as error:
        raise bad_template(
            str(error), "such a path is refused before it is matched.", "write a path that a request can have.", offset
        ) from None


def _read_hole(hole: Hole) -> tuple[Part, bool]:
    name, colon, regex = hole.text.partition(":")
    is_rest = not colon and name.endswith("*")
    name = name.removesuffix("*") if is_rest else name
    if not NAME.fullmatch(name) or (colon and not regex):
        raise bad_template(
            f"{{{hole.text}}} is not a capture",
            "a capture is {name}, {name:REGEX} or {name*}; its name has letters, digits and underscores.",
            "name it so, or write %7B for a brace itself.",
            hole.offset,
        )
    if not regex.isascii() or not regex.isprintable():
        raise bad_template(
            f"the regular expression of {{{name}}} is not printable ASCII",
            "it is matched on the percent-encoded path, which is ASCII.",
            f"write other characters percent-encoded, as in {quote('é')} for é.",
            hole.offset,
        )
    return Part(name, regex if colon else None, hole.offset), is_rest
