"""A model's traffic as requests to be sent, with the names of a catalogue.

Laws of this module:
- what cannot be asked for at the target, since there are no names for it, or would be no request, whoever wrote the
  model and the names, is left out and counted, by route;
- a request is conditional only where the validator is known: a made one would never match.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

from replay.model.agents import chosen
from replay.model.arrivals import Arrivals
from replay.model.asked import beside_of, filled, is_version, matches, places_of, project_place, version_of
from replay.model.catalogue import Catalogue, File
from replay.model.drawing import EVEN, Wanted, draw, space_of
from replay.model.model import Client, Model, Route
from replay.model.rows import PROJECTS
from replay.planned import Planned
from replay.sending.wire import Unsendable, check

# XML-RPC methods that only read, and what they take.
_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "list_packages": (),
    "list_packages_with_serial": (),
    "changelog_last_serial": (),
    "package_releases": ("project",),
    "package_roles": ("project",),
    "release_urls": ("project", "version"),
    "package_urls": ("project", "version"),
    "release_data": ("project", "version"),
    "package_data": ("project", "version"),
}
_IN_VAIN: Final = 10_000  # requests
_NO_VERSION: Final = "1.0"


@dataclass(slots=True)
class Planner:
    """`left_out`: requests that could not be made, by route. `by_tls`: the target is asked by each host's name."""

    catalogue: Catalogue
    by_tls: bool = False
    left_out: Counter[str] = field(default_factory=Counter)
    _urls: dict[str, list[str]] = field(default_factory=dict)

    def planned(self, model: Model, dice: Random, arrivals: Arrivals, speed: float = 1.0) -> Iterator[Planned]:
        """Without end, but where nothing of so many requests could be made."""
        in_vain = 0
        for wanted in draw(model, self, dice, arrivals, speed):
            made = self._made(wanted, dice)
            if made is not None:
                in_vain = 0
                yield made
                continue
            self.left_out[wanted.route.name] += 1
            in_vain += 1
            if in_vain == _IN_VAIN:
                return

    def number(self, route: Route) -> int:
        if not self._can_be_made(route):
            return 0
        if space_of(route) == PROJECTS or _is_of_words(route):
            return len(self.catalogue.projects)
        return len(self._urls_of(route))

    def files(self, rank: int) -> int:
        return len(self.catalogue.projects[rank - 1].files or ())

    def lacking(self, model: Model) -> list[Route]:
        """Routes for which there are no names."""
        return [route for route in model.routes if space_of(route) is not None and not self.number(route)]

    def _can_be_made(self, route: Route) -> bool:
        if route.call is not None or route.method == "POST":
            return route.method == "POST" and route.call in _CALLS
        return route.method in ("GET", "HEAD", "OPTIONS")

    def _urls_of(self, route: Route) -> list[str]:
        if route.name not in self._urls:
            parts = ((url, urlsplit(url)) for url in self.catalogue.urls)
            self._urls[route.name] = [
                url for url, part in parts if part.netloc == route.host and matches(route.path, part.path)
            ]
        return self._urls[route.name]

    def _made(self, wanted: Wanted, dice: Random) -> Planned | None:
        route, session = wanted.route, wanted.session
        file = self._file(wanted)
        url = self._url(wanted, file, dice)
        if url is None:
            return None
        body = b""
        if route.call is not None:
            body = _call(route.call, self._name(wanted, dice), _version(file))
        headers = self._headers(wanted, dice)
        try:
            check(route.method, url, headers, by_tls=self.by_tls)
        except Unsendable:
            return None
        return Planned(wanted.at, f"{session.number}.{wanted.lane}", route.method, url, headers, body, route.label)

    def _file(self, wanted: Wanted) -> File | None:
        if wanted.rank is None or wanted.rank > len(self.catalogue.projects) or space_of(wanted.route) != PROJECTS:
            return None
        files = self.catalogue.projects[wanted.rank - 1].files
        return files[wanted.file or 0] if files else None

    def _url(self, wanted: Wanted, file: File | None, dice: Random) -> str | None:
        route, base = wanted.route, f"{wanted.route.scheme}://{wanted.route.host}"
        if not self._can_be_made(route) or (wanted.rank is None and space_of(route) is not None):
            return None
        beside = beside_of(route.path)
        if beside is not None:
            return None if file is None or (beside == ".metadata" and not file.has_metadata) else f"{file.url}{beside}"
        query = "&".join(self._parameters(wanted, dice))
        query = f"?{query}" if query else ""
        if wanted.rank is None or _is_of_words(route) or (route.call is not None and not places_of(route.path)):
            return f"{base}{route.path}{query}"
        if space_of(route) != PROJECTS:
            return f"{self._urls_of(route)[wanted.rank - 1]}{query}"
        values = {place: _version(file) for place in places_of(route.path) if is_version(place)}
        values[project_place(route.path) or ""] = quote(self._name(wanted, dice))
        try:
            return f"{base}{filled(route.path, values)}{query}"
        except KeyError:
            return None

    def _name(self, wanted: Wanted, dice: Random) -> str:
        projects = self.catalogue.projects
        if not projects:
            return ""
        if wanted.rank is None or wanted.rank > len(projects):
            return projects[EVEN.draw(dice, len(projects)) - 1].name
        return projects[wanted.rank - 1].name

    def _parameters(self, wanted: Wanted, dice: Random) -> Iterator[str]:
        for parameter in wanted.route.query:
            left = 1 - sum(parameter.values.values())
            if not parameter.values or dice.random() < left:
                value = quote(self._name(wanted, dice))
            else:
                value = chosen(parameter.values, dice)
            yield f"{quote(parameter.name)}={value}"

    def _headers(self, wanted: Wanted, dice: Random) -> tuple[tuple[str, str], ...]:
        client = wanted.session.client
        sets = client.headers.get(wanted.route.name, ())
        fields = dice.choices(sets, [each.share for each in sets])[0].fields if sets else ()
        agent = () if wanted.session.agent is None else (("user-agent", wanted.session.agent),)
        return (*agent, *fields, *self._condition(wanted, client, dice))

    def _condition(self, wanted: Wanted, client: Client, dice: Random) -> tuple[tuple[str, str], ...]:
        share = client.conditional.get(wanted.route.name, 0.0)
        if not share or wanted.rank is None or not _INDEX_PAGE.match(wanted.route.path) or dice.random() >= share:
            return ()
        etag = self.catalogue.projects[wanted.rank - 1].etag
        return () if etag is None else (("if-none-match", etag),)


_INDEX_PAGE: Final = re.compile(r"/simple/\{[^/]*\}/\Z")


def _is_of_words(route: Route) -> bool:
    """A route whose things differ by what is searched for, or asked of a call."""
    return space_of(route) == route.name and not places_of(route.path)


def _version(file: File | None) -> str:
    return (None if file is None else version_of(file.name)) or _NO_VERSION


def _call(method: str, project: str, version: str) -> bytes:
    values = {"project": project, "version": version}
    given = "".join(f"<param><value><string>{escape(values[name])}</string></value></param>" for name in _CALLS[method])
    return (
        f"<?xml version='1.0'?>\n<methodCall><methodName>{method}</methodName><params>{given}</params></methodCall>\n"
    ).encode()
