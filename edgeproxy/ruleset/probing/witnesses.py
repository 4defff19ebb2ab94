"""Paths to ask for: those that are known, and those that are made of what is known.

Laws of this module:
- a path that is known (a case of `expect`, one that was given) says more than one that is made up: a backend answers
  a project that it has not with 404, whatever it would do with one that it has;
- values of captures are told together as they came together: a version is one of its project.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from edgeproxy.http.target import BadTarget, Scheme, parse_target
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.territory import paths_of_template
from edgeproxy.ruleset.conditions import fulfils
from edgeproxy.ruleset.matching import Where
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.origins import HttpBackend
from edgeproxy.ruleset.segment import Affixed, Expression, Literal, Mixed, Segment, Whole
from edgeproxy.ruleset.template import PathTemplate

_MADE_UP: Final = 1
_BINDINGS: Final = 64


@dataclass(frozen=True, slots=True)
class Known:
    """A path with its query, and the host and scheme by which it is known to be asked (None: any)."""

    path: str
    query: str | None = None
    host: str | None = None
    scheme: Scheme | None = None


def known_of(ruleset: Ruleset) -> Iterator[Known]:
    """The paths of the cases that ask by GET or HEAD."""
    for rule in ruleset.rules:
        for each in rule.modifiers.expect:
            case = each.case
            if case.method in ("GET", "HEAD") and case.facts.call is None:
                target = case.target
                yield Known(target.path, target.query, target.host, target.scheme)


def known_from(lines: Iterable[str]) -> Iterator[Known]:
    """Paths or URLs, one a line, or a capture's records of GET and HEAD. Other lines are passed over."""
    for line in lines:
        text = _url_of(line.strip())
        if text.startswith("/"):
            host, scheme, rest = "any.invalid", Scheme.HTTPS, text
        elif text.startswith(("http://", "https://")):
            name, _, after = text.partition("://")
            host, slash, rest = after.partition("/")
            scheme, rest = Scheme(name), f"{slash}{rest}" or "/"
        else:
            continue
        try:
            target = parse_target(rest, host, scheme)
        except BadTarget:
            continue
        is_url = host != "any.invalid"
        yield Known(target.path, target.query, target.host if is_url else None, scheme if is_url else None)


def _url_of(line: str) -> str:
    if not line.startswith("{"):
        return line
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    url = record.get("url") if record.get("method") in ("GET", "HEAD") else None
    return url if isinstance(url, str) else ""


class Bindings:
    """Values of captures, as they came together in known paths."""

    def __init__(self, ruleset: Ruleset, known: Sequence[Known]) -> None:
        templates = [rule.match.path for rule in ruleset.rules if isinstance(rule.match.path, PathTemplate)]
        for backend in ruleset.backends:
            if isinstance(backend, HttpBackend):
                templates += [each.path for each in backend.declares.redirects]
        found = (template.match(each.path) for each in known for template in templates if not template.takes_every_path)
        self._found = list({tuple(each.items()): each for each in found if each}.values())[:_BINDINGS]

    def paths(self, template: PathTemplate, where: tuple[Where, ...]) -> Iterator[str]:
        """Paths of a template with known values, in several spellings."""
        wanted = template.captures
        whole = [each for each in self._found if all(name in each for name in wanted)]
        for binding in whole:
            for spelled in _spellings(binding, wanted):
                path = filled(template, spelled)
                captures = None if path is None else template.match(path)
                if path is not None and captures is not None and fulfils(where, captures):
                    yield path


def made_up(template: PathTemplate, where: tuple[Where, ...]) -> Iterator[str]:
    """The first paths that a template takes."""
    try:
        paths = paths_of_template(template, where).wide.words()
    except Unsupported:
        return
    fitting = ((path, template.match(path)) for path in islice(paths, 64))
    fine = (path for path, captures in fitting if captures is not None and fulfils(where, captures))
    yield from islice(fine, _MADE_UP)


def filled(template: PathTemplate, values: Mapping[str, str]) -> str | None:
    """The path of these captures; None where that is not plain."""
    parts = [_part(segment, values) for segment in template.segments]
    if any(part is None for part in parts):
        return None
    rest = [] if template.rest is None else [values[template.rest]]
    return "/" + "/".join([*(part or "" for part in parts), *rest])


def _part(segment: Segment, values: Mapping[str, str]) -> str | None:
    match segment:
        case Literal(text=text):
            return text
        case Whole(name=name) | Expression(name=name):
            return values[name]
        case Affixed(before=before, name=name, after=after):
            return f"{before}{values[name]}{after}"
        case Mixed():
            return None


def _spellings(binding: Mapping[str, str], names: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """As it is, then with each value in other cases and with other separators."""
    yield binding
    for name in names:
        value = binding[name]
        if "/" not in value:
            for other in (
                value.lower(),
                value.title(),
                value.upper(),
                value.replace("-", "_"),
                value.replace("-", "."),
            ):
                if other != value:
                    yield {**binding, name: other}
