"""From the text of a redirect's or a file's target to a TargetTemplate, or the reason why it is not safe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from edgeproxy.http.target import BadTarget, parse_host
from edgeproxy.ruleset.filters import Filter
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.origins import Unknown
from edgeproxy.ruleset.problems import Code, Refusal, guess_meant, nearest
from edgeproxy.ruleset.regex import read_regex
from edgeproxy.ruleset.scan import NAME, Hole, Span, bad_template, scan_template
from edgeproxy.ruleset.template import Insert, PathTemplate, TargetTemplate

RESPELLED: Final = "respelled"  # beside the filters: what only a backend can do
NONE_UNKNOWN: Final[Mapping[int, Unknown]] = {}
_ORIGIN: Final = re.compile("https?://([^/?#]*)")
_DOT: Final = re.compile(r"\.|%2[Ee]")
_ENCODED_DOT: Final = re.compile("%2[Ee]")
_URL_TEXT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9._~!$&'()*+,;=:@/?-])*")


def parse_target_template(source: str, path: PathTemplate | PathRegex) -> TargetTemplate:
    """A redirect's target, an absolute URL or path, over the captures of `path`. Raises Refusal."""
    tokens = scan_template(source)
    start = 0 if source.startswith("/") else _end_of_origin(tokens)
    return _compile(source, tokens, path, start)


def parse_declared_target(source: str, path: PathTemplate) -> tuple[TargetTemplate, tuple[Unknown, ...]]:
    """The target of a redirect that a backend gives: parts of it may be unknown. Raises Refusal."""
    tokens = scan_template(source)
    start = 0 if source.startswith("/") else _end_of_origin(tokens)
    unknown = {token.offset: found for token in tokens if isinstance(token, Hole) and (found := _unknown(token, path))}
    return _compile(source, tokens, path, start, unknown), tuple(dict.fromkeys(unknown.values()))


def parse_file_template(source: str, path: PathTemplate | PathRegex) -> TargetTemplate:
    """A path below a directory, over the captures of `path`. Raises Refusal."""
    return _parse_path(source, path, "a file's path", "it is looked up below the directory.", "it names a file.")


def parse_asked_path(source: str, path: PathTemplate | PathRegex) -> TargetTemplate:
    """The path that a backend is asked for, over the captures of `path`. Raises Refusal."""
    why = "what becomes of the query, `query` of the rule says."
    return _parse_path(source, path, "a path that is asked for", "a backend is asked for an absolute path.", why)


def parse_text_template(source: str, path: PathTemplate | PathRegex) -> TargetTemplate:
    """A text that is no URL, over the captures of `path`. Raises Refusal."""
    pieces = [
        token.text if isinstance(token, Span) else _read_insert(token, path, in_query=False)
        for token in scan_template(source)
    ]
    if source.startswith("/"):
        raise bad_template("a text that begins with a slash", "it is no path.", f"write {source.lstrip('/')}.", 0)
    return TargetTemplate(source, tuple(pieces))


def _parse_path(source: str, path: PathTemplate | PathRegex, what: str, why: str, no_query: str) -> TargetTemplate:
    tokens = scan_template(source)
    if not source.startswith("/"):
        raise bad_template(f"{what} begins with a slash", why, f"write /{source}", 0)
    for token in tokens:
        if isinstance(token, Span) and "?" in token.text:
            offset = token.offset + token.text.index("?")
            raise bad_template(f"{what} has no query", no_query, "write %3F for the character itself.", offset)
    return _compile(source, tokens, path, 0)


def _end_of_origin(tokens: Sequence[Span | Hole]) -> int:
    """Where the path of an absolute URL begins: its scheme and authority end within its first text."""
    head = tokens[0].text if tokens and isinstance(tokens[0], Span) else ""
    origin = _ORIGIN.match(head)
    hole = next((token for token in tokens if isinstance(token, Hole)), None)
    if hole is not None and (origin.end() == len(head) if origin else "/" not in head):
        raise Refusal(
            Code.OPEN_REDIRECT,
            f"{{{hole.text}}} stands in the scheme or host",
            "a client could choose where others are sent.",
            "write the scheme and host out, and a slash before the first capture.",
            hole.offset,
        )
    if origin is None:
        raise bad_template(
            "neither an absolute URL nor an absolute path",
            "anything else would mean something different for every request path.",
            "begin it with https://, http:// or a slash.",
            0,
        )
    try:
        parse_host(origin[1])
    except BadTarget as error:
        raise bad_template(
            f"{origin[1]!r} is no host: {error}",
            "a client must be able to follow the redirect.",
            "write it as in https://pypi.test/simple/.",
            origin.start(1),
        ) from None
    return origin.end()


def _compile(
    source: str,
    tokens: Sequence[Span | Hole],
    path: PathTemplate | PathRegex,
    start: int,
    unknown: Mapping[int, Unknown] = NONE_UNKNOWN,
) -> TargetTemplate:
    """`unknown` are the parts, by the offset of their hole, that are not of the path."""
    if source.startswith("//"):
        raise Refusal(
            Code.OPEN_REDIRECT,
            "a path that begins with two slashes",
            "clients take what follows them for a host (RFC 3986 §4.2).",
            "write one slash, or the whole URL.",
        )
    pieces: list[str | Insert] = []
    in_query = False
    for token in tokens:
        if isinstance(token, Span):
            _check_url_text(token, start)
            in_query = in_query or "?" in token.text
            pieces.append(token.text)
        elif token.offset in unknown:
            pieces.append(Insert(unknown[token.offset].name, (), False, token.offset))
        else:
            pieces.append(_read_insert(token, path, in_query=in_query))
    if _DOT.search(source, start):  # PERF: in most paths none is: 0.3 us instead of 5
        _check_dot_segments(pieces, path, start)
    return TargetTemplate(source, tuple(pieces))


def _check_url_text(token: Span, start: int) -> None:
    begin = max(0, start - token.offset)
    read = _URL_TEXT.match(token.text, begin)
    end = read.end() if read else begin
    if end == len(token.text):
        return
    character, offset = token.text[end], token.offset + end
    if character == "#":
        raise bad_template(
            "a target has no fragment",
            "a client keeps the fragment it has (RFC 9110 §10.2.2), and the request's query is added at the end.",
            "leave it out; write %23 for the character itself.",
            offset,
        )
    why = "clients would encode it, each in its way (RFC 3986 §2)."
    if character == "%":
        why = "it begins an escape, which has two hexadecimal digits."
    raise bad_template(f"{character!r} cannot stand in a URL", why, f"write {quote(character)}.", offset)


def _unknown(hole: Hole, path: PathTemplate) -> Unknown | None:
    """What a hole of a declared target stands for, where the path does not say it. A misspelt capture is none."""
    name, _, word = hole.text.partition("|")
    if word == RESPELLED and name in path.captures:
        return Unknown(hole.text, name)
    name, colon, regex = hole.text.partition(":")
    if not NAME.fullmatch(name) or name in path.captures or guess_meant(name, path.captures) is not None:
        return None
    if colon:
        try:
            read_regex(regex)
        except Refusal as refusal:
            refusal.offset += hole.offset + len(name) + 2
            raise
    return Unknown(name, regex=regex if colon else None)


def _read_insert(hole: Hole, path: PathTemplate | PathRegex, *, in_query: bool) -> Insert:
    name, *words = hole.text.split("|")
    if name not in path.captures:
        raise Refusal(
            Code.UNKNOWN_CAPTURE,
            f"{{{name}}} is not captured",
            f"the rule's path is {path}.",
            nearest(name, path.captures),
            hole.offset,
        )
    known = [each.value for each in Filter]
    filters: list[Filter] = []
    offset = hole.offset + len(name) + 2
    for word in words:
        if word == RESPELLED:
            raise Refusal(
                Code.UNKNOWN_FILTER,
                f"{{{hole.text}}}: only a backend knows how a project's author spells its name",
                f"`{RESPELLED}` stands alone, and in the `to` of what a backend redirects.",
                nearest(word, known),
                offset,
            )
        if word not in known:
            raise Refusal(
                Code.UNKNOWN_FILTER,
                f"no filter is named {word!r}",
                "filters are named and closed.",
                nearest(word, known),
                offset,
            )
        filters.append(Filter(word))
        offset += len(word) + 1
    if in_query and Filter.URLQUOTE not in filters:
        raise bad_template(
            f"{{{hole.text}}} stands in the query as it came",
            "a path may hold '&', '=' and '+', which would be read as parts of the query.",
            f"write {{{hole.text}|{Filter.URLQUOTE}}}.",
            hole.offset,
        )
    return Insert(name, tuple(filters), path.may_hold_slashes(name), hole.offset)


def _check_dot_segments(pieces: Sequence[str | Insert], path: PathTemplate | PathRegex, start: int) -> None:
    """Refuse a target in which a segment could be `.` or `..`: texts make one, with captures that can be empty."""
    dots = {0}  # of how many dots, and nothing else, the segment may be made so far
    for piece in [*pieces, "/"]:
        if isinstance(piece, str):
            for character in _ENCODED_DOT.sub(".", piece[start:]):
                if character == ".":
                    dots = {count + 1 for count in dots}
                elif character in "/?":
                    _check_dots(dots)
                    dots = {0}
                else:
                    dots = set()
                if character == "?":
                    return
        elif Filter.FIRST in piece.filters:
            dots = set()
        else:
            if piece.slashes:  # its first and its last character may be one
                _check_dots(dots)
            dots = (dots if path.may_be_empty(piece.name) else set()) | ({0} if piece.slashes else set())
        start = 0


def _check_dots(dots: set[int]) -> None:
    if dots & {1, 2}:
        raise bad_template(
            "a segment that is, or can be, a dot segment",
            "clients leave it out, and two dots take the segment before with them.",
            "write the path without it.",
            0,
        )
