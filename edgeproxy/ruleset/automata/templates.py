"""The languages of path templates: exact within NORMAL_PATHS, in the percent-encoded, normalised spelling."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, assert_never

from edgeproxy.ruleset.automata.language import Language, concatenation, text
from edgeproxy.ruleset.automata.mixed import mixed_language
from edgeproxy.ruleset.automata.normal import NORMAL_RESTS, NORMAL_SEGMENT, NORMAL_SEGMENTS
from edgeproxy.ruleset.automata.regex import regex
from edgeproxy.ruleset.segment import Affixed, Expression, Literal, Mixed, Segment, Whole, nameless
from edgeproxy.ruleset.template import PathTemplate

_SLASH: Final = text("/")


def path_language(template: PathTemplate) -> Language:
    """The normalised paths that a template matches. Raises Unsupported."""
    parts: list[Language] = []
    for segment in template.segments:
        parts += (_SLASH, segment_language(nameless(segment)))
    if template.rest is not None:
        parts += (_SLASH, NORMAL_RESTS)
    return concatenation(*parts)


@lru_cache(maxsize=4096)
def segment_language(segment: Segment) -> Language:
    """The texts of a normalised path's segment that match. Raises Unsupported."""
    match segment:
        case Literal(text=value):
            return text(value)
        case Whole():
            return NORMAL_SEGMENT
        case Affixed(before=before, after=after):
            return concatenation(text(before), _ending(after))
        case Expression(regex=source):
            return (regex(source) & NORMAL_SEGMENTS).minimised()
        case Mixed():
            return (mixed_language(segment) & NORMAL_SEGMENTS).minimised()
        case _:
            assert_never(segment)


@lru_cache(maxsize=4096)
def _ending(after: str) -> Language:
    return concatenation(NORMAL_SEGMENT, text(after))
