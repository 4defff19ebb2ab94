"""Whether two rules make the same text of every path that both take: by writing both texts over the path's segments.

Laws of this module:
- True is a proof: both texts are the same function of the path. False only says that this did not show it;
- a capture is spelled by the segments that it holds, and a segment that either rule fixes by its text, so that
  `/{rest*}` and `/simple/{project}/` can be compared; a filter that changes nothing where `where` asks for its form is
  left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgeproxy.ruleset.filters import Filter, filtered
from edgeproxy.ruleset.matching import InForm, PathRegex
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.segment import Affixed, Expression, Literal, Mixed, Segment, Whole, capture_names, nameless
from edgeproxy.ruleset.template import Insert, PathTemplate, TargetTemplate


@dataclass(frozen=True, slots=True)
class Entire:
    """A whole segment of the path, counted from 1."""

    at: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a segment's pattern takes of it."""

    at: int
    segment: Segment
    number: int


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the slash after a segment."""

    at: int


@dataclass(frozen=True, slots=True)
class Group:
    """Of a path's regular expression."""

    name: str


@dataclass(frozen=True, slots=True)
class Filtered:
    filters: tuple[Filter, ...]
    slashes: bool
    of: tuple[object, ...]


Atom = str | Entire | Share | Tail | Group | Filtered
Text = tuple[Atom, ...]


class Spelling:
    """Over the paths that two rules both take."""

    def __init__(self, one: Rule, other: Rule) -> None:
        self._rules = (one, other)
        self._fixed: dict[int, str] = {}
        self._length = 0
        self._has_tail = False
        self._by_groups = False
        self.is_known = self._lay_out()
        self._forms: dict[int, set[Filter]] = {}
        for rule in self._rules:
            for each in rule.match.where:
                if isinstance(each.predicate, InForm) and each.predicate.wanted:
                    for at in _position(rule, each.capture):
                        self._forms.setdefault(at, set()).add(Filter(each.predicate.form.value))

    def is_same(self, one: TargetTemplate | None, other: TargetTemplate | None, origin: str = "") -> bool:
        """Whether the targets of the two rules make the same text; None stands for the path itself. Where one of them
        is a path and the other a URL, `origin` is put before the path.
        """
        if one is None and other is None:
            return True
        if not self.is_known:
            return one is not None and other is not None and one.source == other.source and not _inserts(one)
        left, right = (self._spell(rule, target) for rule, target in zip(self._rules, (one, other), strict=True))
        if origin and _is_path(left) != _is_path(right):
            left, right = (_joined([origin, *text]) if _is_path(text) else text for text in (left, right))
        return left == right

    def _lay_out(self) -> bool:
        one, other = (rule.match.path for rule in self._rules)
        if isinstance(one, PathRegex) or isinstance(other, PathRegex):
            self._by_groups = isinstance(one, PathRegex) and one == other
            return self._by_groups
        whole = {len(each.segments) for each in (one, other) if each.rest is None}
        if len(whole) == 2:
            return False  # no path is of both
        self._has_tail = not whole
        self._length = whole.pop() if whole else max(len(one.segments), len(other.segments))
        for each in (one, other):
            for at, segment in enumerate(each.segments, 1):
                if isinstance(segment, Literal):
                    self._fixed[at] = segment.text
        return all(len(each.segments) <= self._length for each in (one, other))

    def _spell(self, rule: Rule, target: TargetTemplate | None) -> Text:
        if target is None:
            return _joined(["/", *self._from(0)]) if not self._by_groups else (Group(""),)
        parts: list[Atom] = []
        for piece in target.pieces:
            parts += [piece] if isinstance(piece, str) else self._insert(rule, piece)
        return _joined(parts)

    def _insert(self, rule: Rule, insert: Insert) -> Text:
        value = _joined(self._value(rule, insert.name))
        if not insert.filters or not value:
            return value
        if all(isinstance(each, str) for each in value):
            return (filtered("".join(map(str, value)), insert.filters, slashes=insert.slashes),)
        if len(value) == 1:
            only = value[0]
            if isinstance(only, Entire) and set(insert.filters) <= self._forms.get(only.at, set()):
                return value
            return (Filtered(insert.filters, isinstance(only, Tail) and insert.slashes, value),)
        return (Filtered(insert.filters, insert.slashes, value),)

    def _value(self, rule: Rule, name: str) -> Sequence[Atom]:
        path = rule.match.path
        if isinstance(path, PathRegex):
            return (Group(name),)
        if name == path.rest:
            return list(self._from(len(path.segments)))
        for at, segment in enumerate(path.segments, 1):
            if name in capture_names(segment):
                return (self._share(at, segment, name),)
        return (Group(name),)  # pragma: no cover  # a target has no other names

    def _share(self, at: int, segment: Segment, name: str) -> Atom:
        fixed = self._fixed.get(at)
        if isinstance(segment, Whole | Expression):
            return Entire(at) if fixed is None else fixed
        if isinstance(segment, Affixed) and fixed is not None:
            return fixed[len(segment.before) : len(fixed) - len(segment.after)]
        number = segment.names.index(name) if isinstance(segment, Mixed) else 0
        return Share(at, nameless(segment), number)

    def _from(self, after: int) -> Iterator[Atom]:
        """The segments after this one, and what follows them."""
        for at in range(after + 1, self._length + 1):
            if at > after + 1:
                yield "/"
            yield self._fixed.get(at, Entire(at))
        if self._has_tail:
            if self._length > after:
                yield "/"
            yield Tail(self._length)


def _position(rule: Rule, capture: str) -> Iterator[int]:
    """Of a capture that is a whole segment."""
    path = rule.match.path
    if isinstance(path, PathTemplate):
        for at, segment in enumerate(path.segments, 1):
            if isinstance(segment, Whole | Expression) and segment.name == capture:
                yield at


def _is_path(text: Text) -> bool:
    """Whether it is a path that surely begins with one slash: of several all but one are dropped."""
    first, second = (*text, "", "")[:2]
    if not isinstance(first, str) or not first.startswith("/"):
        return False
    return first != "/" or isinstance(second, str | Entire | Share)


def _inserts(target: TargetTemplate) -> bool:
    return any(isinstance(piece, Insert) for piece in target.pieces)


def _joined(parts: Sequence[Atom]) -> Text:
    """Texts that follow each other as one."""
    joined: list[Atom] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(last, str):
            joined[-1] = last + part
        elif part != "":
            joined.append(part)
    return tuple(joined)
