"""What a rule's own match takes, other rules aside: a box of facets, and its paths.

Laws of this module:
- the paths of a rule are some words (an exact path, the pairs of a map) or a language;
- `wide` holds every path that the rule takes and `sure` none that it does not take. Where they are not the same,
  `doubt` says why; whether the rule takes a path is then asked of the edge's own `captures_of`, word by word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import Final, assert_never

from edgeproxy.ruleset.automata.effort import TooMuchWork
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.filters import fixed_points
from edgeproxy.ruleset.automata.language import NOTHING, Language, concatenation, text, texts
from edgeproxy.ruleset.automata.normal import NORMAL_RESTS
from edgeproxy.ruleset.automata.paths import NORMAL_PATHS, path_language
from edgeproxy.ruleset.automata.regex import regex
from edgeproxy.ruleset.automata.templates import segment_language
from edgeproxy.ruleset.checker.boxes import Box
from edgeproxy.ruleset.checker.groups import has_whole_captures
from edgeproxy.ruleset.conditions import captures_of
from edgeproxy.ruleset.filters import Filter
from edgeproxy.ruleset.matching import Among, Fits, InForm, PathRegex, Predicate, Where
from edgeproxy.ruleset.model import RedirectMap, Rule
from edgeproxy.ruleset.segment import Affixed, Expression, Literal, Mixed, Segment, Whole, capture_names, nameless
from edgeproxy.ruleset.template import PathTemplate

_SLASH: Final = text("/")
_UNBROKEN: Final = regex("[^%.]*")  # a capture of such a path is one wherever it begins and ends


@dataclass(frozen=True, slots=True)
class Paths:
    """See the head of the module."""

    wide: Language
    sure: Language
    doubt: str | None


class Territory:
    def __init__(self, rule: Rule, box: Box) -> None:
        self.rule = rule
        self.index = rule.index
        self.box = box

    def __repr__(self) -> str:
        return f"<Territory of {self.rule.name}>"

    @cached_property
    def words(self) -> Sequence[str] | None:
        """The paths, where the rule lists them."""
        return list(self.listed()) if self.is_listed else None

    @cached_property
    def is_listed(self) -> bool:
        return isinstance(self.rule.action, RedirectMap) or _word(self.rule.match.path) is not None

    def listed(self) -> Iterator[str]:
        """The words one by one: a map may have a million, and the first mostly tells."""
        action = self.rule.action
        if isinstance(action, RedirectMap):
            yield from (path for path, _ in action.moves.pairs() if self.takes(path))
        elif (word := _word(self.rule.match.path)) is not None:
            yield word

    @cached_property
    def prefix(self) -> str:
        """What all paths begin with, up to a slash."""
        path = self.rule.match.path
        if isinstance(path, PathTemplate):
            return _prefix(path)
        start = self.wide.prefix()
        return start[: start.rfind("/") + 1] or "/"

    @property
    def wide(self) -> Language:
        return self._paths.wide

    @property
    def sure(self) -> Language:
        return self._paths.sure

    @property
    def doubt(self) -> str | None:
        return self._paths.doubt

    def takes(self, path: str) -> bool:
        """By the edge's own word, as far as the path decides."""
        return captures_of(self.rule, path) is not None

    @cached_property
    def _paths(self) -> Paths:
        if isinstance(self.rule.action, RedirectMap):
            return _exactly(texts(self.words or ()))
        match self.rule.match.path:
            case PathTemplate() as template:
                return paths_of_template(template, self.rule.match.where)
            case PathRegex() as pattern:
                return _of_regex(pattern, self.rule.match.where)
            case other:
                assert_never(other)


def _word(path: PathTemplate | PathRegex) -> str | None:
    if isinstance(path, PathRegex) or path.rest is not None:
        return None
    literals = [segment.text for segment in path.segments if isinstance(segment, Literal)]
    return "/" + "/".join(literals) if len(literals) == len(path.segments) else None


def _prefix(template: PathTemplate) -> str:
    prefix = "/"
    last = len(template.segments) - 1
    for at, segment in enumerate(template.segments):
        if not isinstance(segment, Literal) or (at == last and template.rest is None):
            break
        prefix += f"{segment.text}/"
    return prefix


def _exactly(language: Language) -> Paths:
    return Paths(language, language, None)


@lru_cache(maxsize=4096)  # many rules forward to a backend, and each asks what its declarations take
def paths_of_template(template: PathTemplate, where: tuple[Where, ...]) -> Paths:
    try:
        every = path_language(template)
    except TooMuchWork:  # that is not to be remembered: it is so now, and not of these paths
        raise
    except Unsupported as error:
        return Paths(concatenation(text(_prefix(template)), NORMAL_RESTS), NOTHING, f"{template}: {error}")
    try:
        return _exactly(_limited(template, _wanted(where)) if where else every)
    except TooMuchWork:
        raise
    except Unsupported as error:
        return Paths(every, NOTHING, f"`where` on {template}: {error}")


def _of_regex(pattern: PathRegex, where: tuple[Where, ...]) -> Paths:
    try:
        paths = (regex(pattern.source) & NORMAL_PATHS).minimised()
    except Unsupported as error:
        return Paths(NORMAL_PATHS, NOTHING, f"{pattern}: {error}")
    if where:
        return Paths(paths, NOTHING, "`where` on the groups of a regular expression is only tried path by path")
    if has_whole_captures(pattern) or paths.is_subset(_UNBROKEN):
        return _exactly(paths)
    return Paths(paths, paths & _UNBROKEN, f"{pattern}: a group may hold a part of an escape or of a dot segment")


def _wanted(where: tuple[Where, ...]) -> dict[str, Language]:
    """What each capture may hold. Raises Unsupported."""
    wanted: dict[str, Language] = {}
    for each in where:
        language = _of_predicate(each.predicate)
        known = wanted.get(each.capture)
        wanted[each.capture] = language if known is None else known & language
    return wanted


def _of_predicate(predicate: Predicate) -> Language:
    match predicate:
        case InForm(form=form, wanted=wanted):
            language = fixed_points(Filter(form.value))
        case Among(values=values, wanted=wanted):
            language = texts(values)
        case Fits(regex=source, wanted=wanted):
            language = regex(source)
        case _:
            assert_never(predicate)
    return language if wanted else language.complement()


def _limited(template: PathTemplate, wanted: Mapping[str, Language]) -> Language:
    """The paths that a template matches with captures that are wanted. Raises Unsupported."""
    parts: list[Language] = []
    for segment in template.segments:
        parts += (_SLASH, _limited_segment(segment, wanted))
    if template.rest is not None:
        parts += (_SLASH, NORMAL_RESTS & wanted[template.rest] if template.rest in wanted else NORMAL_RESTS)
    return concatenation(*parts)


def _limited_segment(segment: Segment, wanted: Mapping[str, Language]) -> Language:
    language = segment_language(nameless(segment))
    limits = [wanted[name] for name in capture_names(segment) if name in wanted]
    if not limits:
        return language
    match segment:
        case Literal() | Whole() | Expression():
            return reduce(Language.__and__, limits, language)
        case Affixed(before=before, after=after):
            return language & concatenation(text(before), limits[0], text(after))
        case Mixed(regex=source):
            raise Unsupported(f"what a part of {source} captures is only tried path by path")
        case _:
            assert_never(segment)
