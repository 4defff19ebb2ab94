"""Redirects that nobody declared, as declarations to paste.

Laws of this module:
- a declaration says what was seen and as little more as can be: a segment becomes a capture where two paths that were
  seen differ in it, a filter where it explains each pair; scheme and host stand as they were written;
- what is told is a declaration that the edge reads, and that every pair it was made of confirms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from edgeproxy.http.redirection import resolve
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.respelled import project_of
from edgeproxy.ruleset.filters import Filter, filtered
from edgeproxy.ruleset.matching import Form, InForm, OneOf, ParameterIs, Where
from edgeproxy.ruleset.origins import DeclaredRedirect
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.probing.judging import Verdict, judge
from edgeproxy.ruleset.probing.question import Answer, Question
from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.quantities import written_duration
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.read_target import parse_declared_target
from edgeproxy.ruleset.template import PathTemplate

_ORIGIN: Final = re.compile("(https?://[^/?#]*)(.*)", re.IGNORECASE)
_MAX_AGE: Final = re.compile(r"max-age\s*=\s*\"?([0-9]+)", re.IGNORECASE)
_NOWHERE: Final = Place("", 1, 1)
_FILTERS: Final = (Filter.LOWER, Filter.SAFE_LOWER, Filter.PEP503)
_RESPELLED: Final = "respelled"


@dataclass(frozen=True, slots=True)
class Seen:
    """A redirect as it was seen. `origin` is what stands before the path of the Location, "" where it is a path."""

    question: Question
    answer: Answer
    path: tuple[str, ...]
    origin: str
    target: tuple[str, ...]
    target_query: str | None

    @classmethod
    def of(cls, question: Question, answer: Answer) -> Seen | None:
        """None for a Location that no declaration can tell of: it leads to no URL of a site."""
        location = answer.location or ""
        found = resolve(question.client, location)
        if found is None:
            return None
        written = _ORIGIN.match(location)
        if written is None and location.startswith("//"):
            written = _ORIGIN.match(f"{question.client.scheme}:{location}")
        origin = "" if written is None else written[1]
        path, target = (tuple(each.split("/")[1:]) for each in (question.path, found.path))
        return cls(question, answer, path, origin, target, found.query)


@dataclass(frozen=True, slots=True)
class Generalised:
    """A declaration, as a line to paste, and what it was made of. `also`: filters that fit as well."""

    line: str
    seen: tuple[Seen, ...]
    also: tuple[str, ...]
    has_query: bool


def generalise(seen: Sequence[Seen]) -> list[Generalised]:
    """Declarations for redirects of one backend, each as wide as is sure: first those that ask for parameters, since of
    a backend's declarations the first that fits counts.
    """
    groups: list[list[Seen]] = []
    for each in seen:
        for group in groups:
            if _declared([*group, each]) is not None:
                group.append(each)
                break
        else:
            groups.append([each])
    found = [made for group in groups if (made := _declared(group)) is not None]
    return sorted(found, key=lambda each: not each.has_query)


def _declared(seen: Sequence[Seen]) -> Generalised | None:
    """One declaration for all of these; None where there is none that is sure."""
    alike = ((each.answer.status, len(each.path), each.origin, len(each.target), each.target_query) for each in seen)
    if len(set(alike)) > 1:
        return None
    sketch = _Sketch(seen)
    if not sketch.is_sure:
        return None
    declaration = sketch.declaration()
    if declaration is None or not all(_is_confirmed(declaration, each) for each in seen):
        return None
    return Generalised(_line(declaration, sketch), tuple(seen), sketch.also, bool(sketch.query))


def _is_confirmed(declaration: DeclaredRedirect, each: Seen) -> bool:
    try:
        return judge(declaration, each.question, each.answer).verdict is Verdict.CONFIRMED
    except Unsupported:
        return False


class _Sketch:
    """What paths and Locations have in common."""

    def __init__(self, seen: Sequence[Seen]) -> None:
        self._seen = seen
        first = seen[0]
        self._varying = [at for at in range(len(first.path)) if len({each.path[at] for each in seen}) > 1]
        self._names = self._named()
        self._told = self._chosen = False  # whether the path tells a segment of the target; whether the backend does
        self.where: dict[str, Filter] = {}
        self.also: tuple[str, ...] = ()
        parts = [self._names.get(at) for at in range(len(first.path))]
        self.path = "/" + "/".join(first.path[at] if name is None else f"{{{name}}}" for at, name in enumerate(parts))
        query = "" if first.target_query is None else f"?{first.target_query}"
        self.to = f"{first.origin}/{'/'.join(self._targets())}{query}"

    @property
    def is_sure(self) -> bool:
        """Paths that begin otherwise tell nothing of others, unless one rule takes them all by a capture; and a target
        of which nothing is told by the path may be anything.
        """
        if self._chosen and not self._told:
            return False
        return 0 not in self._varying or not self._names[0].startswith("part")

    @property
    def query(self) -> dict[str, str]:
        """The parameters that all of them have alike."""
        queries = [set(_parameters(each.question.query)) for each in self._seen]
        common = set.intersection(*queries)
        return {name: value for name, value in _parameters(self._seen[0].question.query) if (name, value) in common}

    @property
    def lifetime(self) -> float | None:
        """What all of them say."""
        told = {_age(each.answer.cache_control) for each in self._seen}
        return told.pop() if len(told) == 1 else None

    def declaration(self) -> DeclaredRedirect | None:
        """What the edge reads of it."""
        try:
            path = parse_path_template(self.path)
            to, unknown = parse_declared_target(self.to, path)
        except Refusal:
            return None
        where = tuple(Where(name, InForm(Form(form.value), wanted=False)) for name, form in self.where.items())
        query = tuple(ParameterIs(name, OneOf(frozenset((value,)))) for name, value in self.query.items())
        status = self._seen[0].answer.status
        return DeclaredRedirect(path, frozenset(), where, query, to, status, None, _NOWHERE, unknown)

    def _named(self) -> dict[int, str]:
        """Names for the segments that vary: those of the rule that asks, where it has some."""
        rule = self._seen[0].question.rule
        path = None if rule is None else rule.match.path
        names: dict[int, str] = {}
        for at in self._varying:
            name = _name_at(path, at) if isinstance(path, PathTemplate) else None
            names[at] = name if name is not None and name not in names.values() else f"part{at + 1}"
        return names

    def _targets(self) -> Iterator[str]:
        """The segments of the target."""
        for at, literal in enumerate(self._seen[0].target):
            values = [each.target[at] for each in self._seen]
            found = self._explained(values)
            if found is not None:
                self._told = True
                yield found
            elif len(set(values)) == 1:
                yield literal
            else:
                self._chosen = True
                yield f"{{chosen{at + 1}}}"

    def _explained(self, values: Sequence[str]) -> str | None:
        """A segment of the target as a capture, through a filter maybe."""
        for at, name in self._names.items():
            given = [each.path[at] for each in self._seen]
            if given == values:
                return f"{{{name}}}"
            fitting = [
                each for each in _FILTERS if [filtered(one, (each,), slashes=False) for one in given] == list(values)
            ]
            if fitting:
                self.also = tuple(each.value for each in fitting[1:])
                if all(filtered(one, (fitting[0],), slashes=True) != one for one in given):
                    self.where[name] = fitting[0]
                return f"{{{name}|{fitting[0]}}}"
            if [project_of(one) for one in given] == [project_of(one) for one in values]:
                return f"{{{name}|{_RESPELLED}}}"
        return None


def _name_at(path: PathTemplate, at: int) -> str | None:
    if at >= len(path.segments):
        return None
    return getattr(path.segments[at], "name", None)


def _age(cache_control: str | None) -> float | None:
    found = _MAX_AGE.search(cache_control or "")
    return None if found is None else float(found[1])


def _parameters(query: str | None) -> Iterator[tuple[str, str]]:
    for pair in (query or "").split("&"):
        name, _, value = pair.partition("=")
        if name:
            yield unquote_plus(name), unquote_plus(value)


def _line(declaration: DeclaredRedirect, sketch: _Sketch) -> str:
    """As an entry of `redirects`."""
    said = [f'path: "{sketch.path}"']
    if sketch.where:
        said.append(
            f"where: {{{', '.join(f'{name}: {{not_normalized: {form}}}' for name, form in sketch.where.items())}}}"
        )
    if sketch.query:
        pairs = (f"{_quoted(name)}: {_quoted(value)}" for name, value in sketch.query.items())
        said.append(f"query: {{{', '.join(pairs)}}}")
    said += [f'to: "{sketch.to}"', f"status: {declaration.status}"]
    if sketch.lifetime is not None:
        said.append(f"lifetime: {written_duration(sketch.lifetime)}")
    return f"- {{{', '.join(said)}}}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
