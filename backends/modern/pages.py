"""What people read: the front page, a project or one of its releases, who has it, and what is missing."""

from __future__ import annotations

import sqlite3
from http import HTTPStatus
from typing import Final

from aiohttp import web
from packaging.utils import canonicalize_name

from backends.modern import answers, rendering
from backends.modern.answers import Answer, Headers
from backends.modern.describing import Describing
from backends.modern.visit import Visit, path_of
from backends.store.latest import latest
from backends.upload.tags import user_tag

# The style sheet is the only thing of ours that a page loads, and a search form the only one it sends. A description
# may have pictures from anywhere; they can do nothing.
CSP = ("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'")
_CSP_PICTURES = ("Content-Security-Policy", f"{CSP[1]}; img-src https: http: data:")
_SURROGATE = ("Surrogate-Control", "max-age=86400, stale-if-error=432000")
_FOR_THE_MOMENT = ("Surrogate-Control", "max-age=10")

DESCRIBING: Final = web.AppKey("describing", Describing)

_NEWEST = 30  # releases on the front page

HEALTHY = answers.found(b"OK", answers.PLAIN)


def index(visit: Visit) -> Answer:
    with visit.store.snapshot():
        newest = visit.store.newest_releases(_NEWEST, listed_only=True)
        count = visit.store.count_projects()
    return _page("index.html", (_SURROGATE, ("Surrogate-Key", "all-projects")), newest=newest, count=count)


async def project(request: web.Request, visit: Visit) -> Answer:
    """The latest release, or the one that the path names."""
    name, version = visit.captures["name"], visit.captures.get("version")
    normalized = canonicalize_name(name)
    with visit.store.snapshot():
        found = visit.store.project(normalized)
        releases = visit.store.bare_releases(normalized)
        files = visit.store.files(normalized)
        roles = visit.store.roles(normalized)
        newest = latest(releases)
        release = None if newest is None else visit.store.release(normalized, version or newest.version)
    if found is None or not found.is_listed or release is None:
        return missing()
    if name != found.name:
        return answers.moved(visit.with_query(path_of("project", found.name, *([version] if version else []))))
    description = await request.app[DESCRIBING].described(release)
    page = rendering.html(
        "project.html",
        project=found,
        release=release,
        releases=releases[::-1],
        files=[file for file in files if file.version == release.version],
        description=None if description is None else description.html,
        roles=roles,
        files_url=visit.files_url,
        index_url=f"{visit.origin}/simple/",
    )
    surrogate = _SURROGATE if description is None or description.is_lasting else _FOR_THE_MOMENT
    headers = (surrogate, ("Surrogate-Key", f"project/{normalized}"), _CSP_PICTURES)
    return answers.found(page, answers.HTML, headers)


def user(visit: Visit) -> Answer:
    name = visit.captures["name"]
    roles = visit.store.projects_of(name, listed_only=True)
    if not roles:
        return missing()
    return _page("user.html", (_SURROGATE, ("Surrogate-Key", user_tag(name))), user=name, roles=roles)


def classifiers(visit: Visit) -> Answer:
    return _page("classifiers.html", (_SURROGATE,), classifiers=visit.store.classifiers().values())


def classifier_lines(visit: Visit) -> Answer:
    lines = "".join(f"{name}\n" for name in visit.store.classifiers().values())
    return answers.found(lines.encode(), answers.PLAIN)


def help_page(_: Visit) -> Answer:
    return _page("help.html", (_SURROGATE,))


def robots(visit: Visit) -> Answer:
    lines = f"Sitemap: {visit.origin}/sitemap.xml\n\nUser-agent: *\nDisallow: /simple/\nDisallow: /pypi/*/json\n"
    return answers.found(lines.encode(), answers.PLAIN)


def forced(visit: Visit) -> Answer:
    """Any error that somebody wants to see, for tests of what is in front."""
    number = int(visit.captures["status"])
    try:
        phrase = HTTPStatus(number).phrase
    except ValueError:
        return missing()
    return Answer(number, (("Content-Type", answers.PLAIN),), f"{number} {phrase}".encode())


def missing() -> Answer:
    return Answer(404, (("Content-Type", answers.HTML), CSP), rendering.html("missing.html"))


def health(visit: Visit) -> Answer:
    """Healthy is who can read the index."""
    try:
        visit.store.last_serial()
    except sqlite3.Error as error:
        return Answer(503, (("Content-Type", answers.PLAIN),), f"The index cannot be read: {error}".encode())
    return HEALTHY


def _page(template: str, headers: Headers, **values: object) -> Answer:
    return answers.found(rendering.html(template, **values), answers.HTML, (*headers, CSP))
