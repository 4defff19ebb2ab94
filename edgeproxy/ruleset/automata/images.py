"""The paths that a target template expands to.

Laws of this module:
- an image is of normalised paths: a text is normalised as a client's request for it would be, what such a request is
  refused for is left out, and leading slashes are taken off as `TargetTemplate.expand` does;
- captures are independent, so an image is the concatenation of its pieces, but for a capture that stands in it more
  than once. Where all but one of its pieces tell its first character alone, it is parted by that; where it has few
  texts, by them. What is left is too wide, and says so by what is `certain`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from edgeproxy.ruleset.automata.captures import Captures
from edgeproxy.ruleset.automata.dfa import DEAD, Dfa, trimmed, walked
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.filters import image_under
from edgeproxy.ruleset.automata.language import (
    EMPTY_TEXT,
    EVERYTHING,
    NOTHING,
    Language,
    concatenation,
    text,
    texts,
    union,
)
from edgeproxy.ruleset.automata.normal import ESCAPED_OCTETS, NORMAL_PATHS, PLAIN, UNRESERVED
from edgeproxy.ruleset.automata.regex import regex
from edgeproxy.ruleset.filters import Filter
from edgeproxy.ruleset.template import Insert, TargetTemplate

Pieces = tuple[str | Insert, ...]

_ORIGIN: Final = re.compile("https?://[^/?]*")
_ESCAPE: Final = re.compile("%[0-9A-Fa-f]{2}")
_DOTTED: Final = regex(r"(?s:.*)/\.\.?(?:/(?s:.*))?")
_FEW: Final = 64
_MOST_CASES: Final = 512
_FIRSTS: Final = (
    *sorted(PLAIN),
    *(f"%{octet:02X}" for octet in sorted(ESCAPED_OCTETS) if octet < 0x80),
    "/",
)
_ASCII_FIRST: Final = concatenation(texts(_FIRSTS), EVERYTHING) | EMPTY_TEXT


@dataclass(frozen=True, slots=True)
class Image:
    """What a target expands to. `certain` are those of the paths that surely come about: all, if it is exact.
    `query` is what follows the '?' of the target, as texts and the languages of captures; None without one.
    """

    paths: Language
    certain: Language
    query: tuple[str | Language, ...] | None

    @property
    def is_exact(self) -> bool:
        return self.certain is self.paths


def image(target: TargetTemplate, captures: Captures) -> Image:
    """The paths that a target expands to with these captures. Raises Unsupported."""
    is_path = target.source.startswith("/")
    path, query = _parted(target.pieces if is_path else _without_origin(target.pieces))
    every: list[Language] = []
    certain: list[Language] = []
    for by_name, is_exact in _cases(path, captures):
        found = _expanded(path, by_name, is_path=is_path)
        every.append(found)
        if is_exact:
            certain.append(found)
    paths = every[0] if len(every) == 1 else union(every).minimised()
    shown = None if query is None else tuple(_piece(each, captures.by_name) for each in query)
    return Image(paths, paths if len(certain) == len(every) else union(certain), shown)


def _without_origin(pieces: Pieces) -> Pieces:
    """The first piece of a URL is a text in which its authority ends."""
    head = pieces[0]
    assert isinstance(head, str)
    return (_ORIGIN.sub("", head, count=1), *pieces[1:])


def _parted(pieces: Pieces) -> tuple[Pieces, Pieces | None]:
    """What stands before and after the first '?'."""
    for at, piece in enumerate(pieces):
        if isinstance(piece, str) and "?" in piece:
            before, _, after = piece.partition("?")
            return (*pieces[:at], before), (after, *pieces[at + 1 :])
    return pieces, None


def _expanded(path: Pieces, captures: Mapping[str, Language], *, is_path: bool) -> Language:
    languages = [_language(_piece(each, captures)) for each in path]
    found = concatenation(*languages)
    if is_path:
        found = _with_one_slash(found)
    elif "" in found:
        found = (found - EMPTY_TEXT) | text("/")
    if found.is_subset(NORMAL_PATHS):
        return found
    if found.overlaps(_DOTTED):
        raise Unsupported("a target with dot segments")
    return found & NORMAL_PATHS


def _piece(piece: str | Insert, captures: Mapping[str, Language]) -> str | Language:
    if isinstance(piece, str):
        return _ESCAPE.sub(_normal_escape, piece)
    language = captures[piece.name]
    return image_under(piece.filters, language, slashes=piece.slashes) if piece.filters else language


def _language(piece: str | Language) -> Language:
    return text(piece) if isinstance(piece, str) else piece


def _normal_escape(escape: re.Match[str]) -> str:
    character = chr(int(escape[0][1:], 16))
    return character if character in UNRESERVED else escape[0].upper()


def _with_one_slash(language: Language) -> Language:
    """With one leading slash where there are several."""
    dfa = language.dfa
    states: list[int] = []
    state = _after_slash(dfa, _after_slash(dfa, 0)) if dfa else DEAD
    while state >= 0 and state not in states:
        states.append(state)
        state = _after_slash(dfa, state)
    if not states:
        return language
    slashes = regex("//(?s:.*)")
    stripped = union(Language(trimmed(dfa.moves, dfa.defaults, dfa.accepting, state)) for state in states)
    return (language - slashes) | concatenation(text("/"), stripped - regex("/(?s:.*)"))


def _after_slash(dfa: Dfa, state: int) -> int:
    return dfa.moves[state].get("/", dfa.defaults[state]) if state >= 0 else DEAD


def _cases(path: Pieces, captures: Captures) -> Iterator[tuple[Mapping[str, Language], bool]]:
    """The captures, parted until each stands for itself wherever it is inserted, if that can be."""
    cases: list[tuple[dict[str, Language], bool]] = [(dict(captures.by_name), captures.is_exact)]
    inserts = [piece for piece in path if isinstance(piece, Insert)]
    for name, times in Counter(insert.name for insert in inserts).items():
        if times > 1:
            language = captures.by_name[name]
            parts = list(_parts(language, [insert for insert in inserts if insert.name == name]))
            if len(cases) * len(parts) > _MOST_CASES:
                parts = [(language, False)]
            cases = [({**case, name: part}, sure and single) for case, sure in cases for part, single in parts]
    yield from cases


def _parts(language: Language, inserts: Sequence[Insert]) -> Iterator[tuple[Language, bool]]:
    """The parts of a language that is inserted several times, and whether the inserts are independent in each."""
    few = list(islice(language.words(), _FEW + 1)) if language.is_finite() else []
    if language.is_empty() or 0 < len(few) <= _FEW:
        yield from ((text(word), True) for word in few)
        return
    if sum(Filter.FIRST not in insert.filters for insert in inserts) > 1:
        yield language, False
        return
    if "" in language:
        yield EMPTY_TEXT, True
    for first in _FIRSTS:
        part = _beginning_with(language, first)
        if not part.is_empty():
            yield part, True
    beyond = language - _ASCII_FIRST
    if not beyond.is_empty():
        yield beyond, False  # too many characters to tell one by one


def _beginning_with(language: Language, first: str) -> Language:
    dfa = language.dfa
    state = walked(dfa, 0 if dfa else DEAD, first)
    if state < 0:
        return NOTHING
    return concatenation(text(first), Language(trimmed(dfa.moves, dfa.defaults, dfa.accepting, state)))
