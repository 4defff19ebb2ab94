"""The redirects of two outages, as a site under a fault gives them.

2018-04-16  a file that the edge had not in its cache led to the other host, and from there back
2022-06-10  the site's JSON moved to the spelling of the name that had redirected until then
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

from aiohttp import hdrs, web
from packaging.utils import canonicalize_name
from yarl import URL

from backends.faults.model import Incident, Place, Surface
from backends.faults.places import NamedJson, named_json
from backends.store import Project, Store


@dataclass(frozen=True, slots=True)
class Traits:
    """What the sites do not have in common. `spelling`: of the name under which a project's JSON is served."""

    spelling: Callable[[Project], str]
    other_host: str
    has_files: bool  # or redirects to them only


@dataclass(frozen=True, slots=True)
class AskedAs:
    """To be answered as though it had been asked so."""

    request: web.Request


Turned: TypeAlias = web.Response | AskedAs | None  # None: the incident has nothing to do with this request


def turn(incident: Incident, request: web.Request, place: Place, store: Store, traits: Traits) -> Turned:
    if incident is Incident.HOST_LOOP:
        return _to_the_other_host(request, traits.other_host) if place.surface is Surface.FILES else None
    named = named_json(request.rel_url.raw_path)
    project = _project(named, store)
    if named is None or project is None:
        return None
    usual = traits.spelling(project)
    flipped = project.name if usual == project.normalized else project.normalized
    if flipped == usual:
        return None
    if named.name != flipped:
        return _moved(301, f"{_path(named, flipped)}{_query(request)}")
    url = URL(f"{_path(named, usual)}{_query(request)}", encoded=True)
    asked = request.clone(rel_url=url)
    if "name" in asked.match_info:
        asked.match_info["name"] = usual
    return AskedAs(asked)


def _project(named: NamedJson | None, store: Store) -> Project | None:
    try:
        return None if named is None else store.project(str(canonicalize_name(named.name)))
    except sqlite3.Error:  # the site itself has the words for that
        return None


def _to_the_other_host(request: web.Request, host: str) -> web.Response:
    is_https = request.headers.get(hdrs.X_FORWARDED_PROTO, "").partition(",")[0].strip().lower() == "https"
    return _moved(302, f"{'https' if is_https else 'http'}://{host}{request.rel_url.raw_path}")


def _path(named: NamedJson, name: str) -> str:
    return f"{named.before}{quote(name, safe='')}{named.after}"


def _query(request: web.Request) -> str:
    query = request.rel_url.raw_query_string
    return f"?{query}" if query else ""


def _moved(status: int, location: str) -> web.Response:
    return web.Response(status=status, headers={hdrs.LOCATION: location})
