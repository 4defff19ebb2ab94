"""What a request asks for: its route (method, host and shape), and which of many things, by their names.

Names are for the time of fitting alone, to tell things apart; a model has none of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from edgeproxy.capture.record import Captured
from edgeproxy.capture.scrubbing import kept_url, kept_value
from edgeproxy.migration.comparing.scrubbing import HIDDEN
from edgeproxy.migration.comparing.shapes import guessed
from edgeproxy.ruleset.filters import Filter, apply
from replay.model.vocabulary import is_address, is_of_queries

_PLACE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::(?:[^{}]|\{[^{}]*\})*)?(\*?)\}")  # of a path template
_PROJECTS: Final = frozenset(("project", "package", "distribution", "pkg"))
_BEFORE_PROJECTS: Final = re.compile(r"/(?:simple|pypi|project|p|integrity)/\{name\}")  # in guesses
_VERSIONS: Final = frozenset(("version", "release"))
_ARCHIVES: Final = r"tar\.gz|zip|tar\.bz2|tgz|exe|msi|rpm|deb"
_FILE: Final = re.compile(rf"(?P<file>[^/]+\.(?:whl|egg|{_ARCHIVES}))(?P<beside>\.metadata|\.asc|\.provenance)?", re.I)
_WHEEL: Final = re.compile(r"(?P<project>[^-]+)-(?P<version>[^-]+)-.*\.(?:whl|egg)", re.I)
_SOURCE: Final = re.compile(rf"(?P<project>.+?)-(?P<version>v?[0-9].*?)\.(?:{_ARCHIVES})", re.I)


@dataclass(frozen=True, slots=True)
class RouteKey:
    """`path`: a template; `beside`: what a file's name is followed by, such as `.metadata`."""

    method: str
    scheme: str
    host: str
    path: str
    query: tuple[str, ...] = ()  # names, sorted
    call: str | None = None  # XML-RPC method

    def __str__(self) -> str:
        query = f"?{'&'.join(self.query)}" if self.query else ""
        return (
            f"{self.method} {self.scheme}://{self.host}{self.path}{query}{'' if self.call is None else f' {self.call}'}"
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """`item`: what a cache would keep it under; `values`: of the query, by name."""

    route: RouteKey
    project: str | None
    file: str | None
    item: str
    values: tuple[tuple[str, str], ...] = ()


def asked_of(record: Captured) -> Asked:
    path, _, query = record.target.partition("?")
    template, captures = _template_of(path, record.shape)
    file, beside = _file_of(path)
    if file is not None:
        template = _of_file(template, beside)
    values = tuple(sorted(_pairs(query)))
    names = tuple(name for name, _ in values)
    route = RouteKey(record.method, record.scheme, record.authority.lower(), template, names, record.xmlrpc)
    own = _project_of(template, captures)
    project = own if file is None else (project_of(file) or own)
    return Asked(route, project, file, f"{record.authority}{record.target}{record.body or ''}", values)


@lru_cache(4_096)
def may_be_told(route: RouteKey) -> bool:
    """Whether it holds nothing that scrubbing takes out, however many clients share it: a rule may be for a secret
    path.
    """
    texts = (*route.query, route.call or "")
    if any(is_address(name) and not is_of_queries(name) for name in route.query):
        return False
    is_plain = kept_url(route.scheme, route.host, route.path) == f"{route.scheme}://{route.host}{route.path}"
    return is_plain and HIDDEN not in str(route) and all(kept_value("accept", text) == text for text in texts)


@lru_cache(4_096)
def is_of_known_words(route: RouteKey) -> bool:
    """Whether its parameters and its call have names that are nobody's own. Of its path the rule's template says what
    stands there, or a guess, which has words of sites alone.
    """
    return all(map(is_of_queries, (*route.query, route.call or "")))


def project_of(file: str) -> str | None:
    """By a distribution's file name (PEP 427, PEP 625, and as they were before)."""
    found = _WHEEL.fullmatch(file) or _SOURCE.fullmatch(file)
    return None if found is None else apply(Filter.PEP503, found["project"])


def version_of(file: str) -> str | None:
    found = _WHEEL.fullmatch(file) or _SOURCE.fullmatch(file)
    return None if found is None else found["version"]


@lru_cache(4_096)
def places_of(template: str) -> tuple[str, ...]:
    """The names in its braces."""
    return tuple(found[1] for found in _PLACE.finditer(template))


@lru_cache(4_096)
def project_place(template: str) -> str | None:
    """The place where a project's name stands."""
    found = next((place for place in places_of(template) if place in _PROJECTS), None)
    return "name" if found is None and _BEFORE_PROJECTS.search(template) else found


def is_version(place: str) -> bool:
    return place in _VERSIONS


@lru_cache(4_096)
def beside_of(template: str) -> str | None:
    """What stands behind a file's name, maybe nothing; None for a route that is not of files."""
    _, place, beside = template.rpartition("/{file}")
    return beside if place else None


def filled(template: str, values: Mapping[str, str]) -> str:
    """Raises KeyError for a place without a value."""
    return _PLACE.sub(lambda found: values[found[1]], template)


def matches(template: str, path: str) -> bool:
    return _expression(template).fullmatch(path) is not None


def plain(template: str) -> str:
    """Without the expressions that a rule has for its captures."""
    return _PLACE.sub(lambda found: f"{{{found[1]}{found[2]}}}", template)


def _template_of(path: str, shape: str | None) -> tuple[str, Mapping[str, str]]:
    """A shape that does not fit its path says nothing of it: then it is guessed."""
    for template in (() if shape is None else (plain(shape),)) + (guessed(path),):
        found = _expression(template).fullmatch(path)
        if found is not None:
            return template, dict(zip(places_of(template), found.groups(), strict=True))
    return guessed(path), {}


@lru_cache(4_096)
def _expression(template: str) -> re.Pattern[str]:
    parts, at = list[str](), 0
    for found in _PLACE.finditer(template):
        parts += (re.escape(template[at : found.start()]), "(.*)" if found[2] else "([^/]+)")
        at = found.end()
    return re.compile("".join((*parts, re.escape(template[at:]))))


def _file_of(path: str) -> tuple[str | None, str]:
    found = _FILE.fullmatch(unquote(path.rpartition("/")[2]))
    return (None, "") if found is None else (found["file"], found["beside"] or "")


def _of_file(template: str, beside: str) -> str:
    """Files and what stands beside them are not one route, though a guess has one shape for both."""
    before, _, last = template.rpartition("/")
    if "*" in last or "{" not in last:
        return template
    return f"{before}/{{file}}{beside}"


def _project_of(template: str, captures: Mapping[str, str]) -> str | None:
    found = captures.get(project_place(template) or "")
    return None if found is None else apply(Filter.PEP503, unquote(found))


def _pairs(query: str) -> list[tuple[str, str]]:
    pairs = (each.partition("=") for each in query.split("&") if each)
    return [(unquote(name), value) for name, _, value in pairs]
